"""Rewrites, proofs and benchmarks on execution providers beside ONNX Runtime's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import onnxfcn
from onnxfcn.errors import UsageError
from onnxfcn.files.stored_model import StoredModel
from onnxfcn.runtime.providers import exact_provider, parse_provider
from onnxfcn.runtime.session import Session
from sample_models import build, light_models

Command = Callable[..., Any]
PROVIDERS = [
    pytest.param("cuda:cudnn_conv_algo_search=HEURISTIC", marks=pytest.mark.cuda, id="cuda"),
    pytest.param("openvino:device_type=CPU", id="openvino"),
]


@pytest.fixture(scope="module", params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    """A provider; skips where ONNX Runtime does not have it, or it has no device."""
    name = str(request.param)
    try:
        Session(StoredModel(build.build("lenet")), exact_provider(name))
    except UsageError as error:
        pytest.skip(str(error))
    return name


@pytest.mark.parametrize("name", build.KEPT)
@pytest.mark.parametrize("head", ["conv", "matmul"])
def test_proof(name: str, head: str, provider: str, tmp_path: Path, command: Command) -> None:
    original, output = build.write(name, tmp_path), tmp_path / "fcn.onnx"
    finished = command("rewrite", original, output, "--provider", provider, "--head", head)
    assert (finished.code, finished.err) == (0, "")
    assert f"ran on {exact_provider(provider)}" in finished.out
    validated = command("validate", original, output, "--provider", provider)
    assert validated.code == 0
    assert "proven: every cell is what the original's head says of its window" in validated.out


@pytest.mark.parametrize("name", ["resnet50", "shufflenet"])
def test_deep_trunks(name: str, provider: str) -> None:
    model = light_models.with_random_weights(light_models.load(name))
    assert onnxfcn.rewrite(model, provider=provider).validation


def test_bench(provider: str, lenet_file: Path, tmp_path: Path, command: Command) -> None:
    onnxfcn.rewrite(lenet_file, tmp_path / "fcn.onnx", validate=False)
    finished = command("bench", lenet_file, tmp_path / "fcn.onnx", "--provider", provider, "--json")
    assert finished.code == 0
    assert json.loads(finished.out)["provider"] == str(parse_provider(provider))
