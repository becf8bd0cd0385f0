"""Time the heads of AlexNet and VGG as Gemm, as Conv, and as windows and MatMul.

``python -m benchmarks.heads`` prints a table: milliseconds a run by ONNX Runtime on the CPU, the
minimum of all rounds, and the median over the rounds of the ratio to the Gemm (on larger maps, that
no Gemm takes, to the Conv). The forms take turns in every round, so that what slows the machine
down meets all of them.
"""

import argparse
import sys
from collections.abc import Mapping
from functools import partial

import numpy as np
import onnx
import onnxruntime as ort

from onnxfcn import rewrite
from onnxfcn.timing import Timed, take_turns
from sample_models.layers import LayerStack

MAPS = {"AlexNet": (256, 6, 6), "VGG": (512, 7, 7)}
"""Feature maps ``[C, H, W]`` of the networks; three dense layers follow: 4096, 4096, 1000."""
BATCHES = (1, 8, 32)
ROW_SECONDS = 20.0
LARGE = (18, 18)
"""Extents of a larger map."""


def head(name: str) -> onnx.ModelProto:
    """The head of a network: a pool, so that the axes are known, and three dense layers."""
    net = LayerStack(name, image=MAPS[name], seed=0)
    net.max_pool("pool", kernel=1, stride=1)
    net.flatten("flatten")
    net.dense("fc6", features=4096)
    net.relu("relu6")
    net.dense("fc7", features=4096)
    net.relu("relu7")
    net.dense("fc8", features=1000)
    return net.finish("logits")


def forms(name: str) -> dict[str, ort.InferenceSession]:
    """Sessions of the three forms of a head, by name."""
    original = head(name)
    sessions = {"Gemm": _session(original)}
    sessions["Conv"] = _session(rewrite(original, validate=False).model)
    sessions["MatMul"] = _session(rewrite(original, head="matmul", validate=False).model)
    return sessions


def measure(
    sessions: Mapping[str, ort.InferenceSession], shape: tuple[int, ...], rounds: int
) -> dict[str, Timed]:
    """Time a run of every form; slow rounds are fewer."""
    image = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    runs = {
        form: partial(session.run, None, {"image": image}) for form, session in sessions.items()
    }
    return take_turns(runs, rounds=rounds, seconds=ROW_SECONDS)


def _session(model: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options)


def _row(name: str, shape: tuple[int, ...], spent: Mapping[str, Timed]) -> str:
    base = next(iter(spent.values()))
    cells = [name, str(shape[0]), "x".join(map(str, shape[2:]))]
    for form in ("Gemm", "Conv", "MatMul"):
        if form not in spent:
            cells.append("-")
        else:
            fastest = 1000 * spent[form].rounds.min()
            cells.append(f"{fastest:.1f} ({spent[form].times(base):.2f})")
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args(arguments)
    print("| head | batch | map | Gemm | Conv | MatMul |\n| --- | --- | --- | --- | --- | --- |")
    for name, (channels, *own) in MAPS.items():
        sessions = forms(name)
        sliding = {form: session for form, session in sessions.items() if form != "Gemm"}
        for batch in BATCHES:
            for extents, compared in ((tuple(own), sessions), (LARGE, sliding)):
                shape = (batch, channels, *extents)
                print(_row(name, shape, measure(compared, shape, options.rounds)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
