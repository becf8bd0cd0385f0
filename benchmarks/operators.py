"""What ONNX Runtime's own profile says of the operators of a model."""

import json
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnxruntime as ort

_RUNS = 4
_SUFFIX = "_kernel_time"


def seconds_by_operator(model: Path, shape: tuple[int, ...]) -> dict[str, float]:
    """Seconds that the nodes of each operator take in a run on the CPU, each in its fastest run.

    Args:
        model: the model's file; its first input is the image.
        shape: shape of the image.
    """
    image = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    options = ort.SessionOptions()
    options.enable_profiling = True
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        for _ in range(_RUNS):
            session.run(None, {session.get_inputs()[0].name: image})
        events = json.loads(Path(session.end_profiling()).read_text())
    fastest: dict[tuple[str, str], float] = {}
    for event in events:
        if event["name"].endswith(_SUFFIX):
            key = event["args"]["op_name"], event["name"]
            fastest[key] = min(event["dur"] / 1e6, fastest.get(key, np.inf))
    total: dict[str, float] = defaultdict(float)
    for (operator, _), seconds in fastest.items():
        total[operator] += seconds
    return dict(total)
