"""What matters on a GPU alone: see ``test_other_providers.py`` for the rest."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

import onnxfcn
from onnxfcn.errors import UsageError
from onnxfcn.files.stored_model import StoredModel
from onnxfcn.runtime.providers import exact_provider
from onnxfcn.runtime.session import Session
from sample_models import build, light_models

Command = Callable[..., Any]
pytestmark = pytest.mark.cuda


@pytest.fixture(scope="module", autouse=True)
def gpu() -> None:
    """Skip where there is none."""
    try:
        Session(StoredModel(build.build("lenet")), exact_provider("cuda"))
    except UsageError as error:
        pytest.skip(f"no GPU: {error}")


def test_numbers_are_compared_without_tf32(
    lenet_file: Path, tmp_path: Path, command: Command
) -> None:
    output = tmp_path / "fcn.onnx"
    finished = command("rewrite", lenet_file, output, "--provider", "cuda:device_id=0")
    assert (finished.code, finished.err) == (0, "")
    assert "without TF32" in finished.out


@pytest.mark.parametrize("head", ["conv", "matmul"])
@pytest.mark.parametrize("name", ["alexnet", "shufflenet"])
def test_nothing_goes_back_to_the_host(name: str, head: str, tmp_path: Path) -> None:
    light = light_models.load("bvlc_alexnet" if name == "alexnet" else name)
    original = light_models.with_random_weights(light)
    rewritten = onnxfcn.rewrite(original, head=head, validate=False).model
    assert _copies(rewritten, tmp_path, 288) <= _copies(original, tmp_path, 224)


def _copies(model: onnx.ModelProto, folder: Path, extent: int) -> int:
    """Nodes that copy from the GPU to the host in the second run."""
    options = ort.SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CUDAExecutionProvider"]
    )
    image = np.random.default_rng(0).standard_normal((1, 3, extent, extent), dtype=np.float32)
    feeds = {session.get_inputs()[0].name: image}
    for _ in range(2):
        session.run(None, feeds)
    events = json.loads(Path(session.end_profiling()).read_text())
    operators = [event.get("args", {}).get("op_name") for event in events]
    return operators.count("MemcpyToHost")
