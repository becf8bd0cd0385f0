"""A deployment pipeline uses the passes and graphsurgeon, and nothing of onnxfcn."""

from pathlib import Path

import onnx
import pytest

from sample_models import light_models
from tests.onnxfcn.models import random_image, run_model
from tests.onnxfcn.processes import run_python

PIPELINE = """
import onnx, onnx_graphsurgeon as gs
from passes import dynamic_spatial_axes, flatten_gemm_to_conv

graph = gs.import_onnx(onnx.load("in.onnx"))
result = flatten_gemm_to_conv.apply(graph)      # edits in place; result.rewrites, result.refusals
dynamic_spatial_axes.apply(graph)
onnx.save(gs.export_onnx(graph), "out.onnx")
"""
ALONE = """
import sys
loaded = sorted(name for name in sys.modules if name.split(".")[0] in {forbidden})
if loaded:
    sys.exit(f"loaded as well: {{loaded}}")
"""


def test_the_design_s_pipeline_rewrites_alexnet_without_onnxfcn(tmp_path: Path) -> None:
    onnx.save(light_models.load("bvlc_alexnet"), tmp_path / "in.onnx")
    finished = run_python(
        "-c", PIPELINE + ALONE.format(forbidden={"onnxfcn", "onnxruntime", "typer"}), cwd=tmp_path
    )
    assert finished.returncode == 0, finished.stderr
    (cells,) = run_model(tmp_path / "out.onnx", random_image(1, 3, 288, 320))
    assert cells.shape == (1, 1000, 3, 4)
    assert (tmp_path / "out.onnx").stat().st_size < 100_000


def test_no_module_of_passes_imports_onnxfcn(tmp_path: Path) -> None:
    script = """
import importlib, pkgutil, passes
names = [module.name for module in pkgutil.walk_packages(passes.__path__, "passes.")]
for name in names:
    importlib.import_module(name)
print(*names)
"""
    finished = run_python(
        "-c",
        script + ALONE.format(forbidden={"onnxfcn", "onnxruntime", "typer", "rich"}),
        cwd=tmp_path,
    )
    assert finished.returncode == 0, finished.stderr
    assert {"passes.heads", "passes.lift.dense"} <= set(finished.stdout.split())


@pytest.mark.parametrize("package", ["passes", "onnxfcn"])
def test_importing_prints_nothing_and_warns_of_nothing(package: str, tmp_path: Path) -> None:
    finished = run_python("-c", f"import {package}", cwd=tmp_path)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")


def test_onnx_runtime_is_loaded_by_what_runs_models_alone(tmp_path: Path) -> None:
    onnx.save(light_models.load("bvlc_alexnet"), tmp_path / "in.onnx")
    without = """
import onnxfcn, onnxfcn.cli
onnxfcn.rewrite("in.onnx", "out.onnx", validate=False)
onnxfcn.inspect("in.onnx")
"""
    finished = run_python("-c", without + ALONE.format(forbidden={"onnxruntime"}), cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
