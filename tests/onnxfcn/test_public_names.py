"""The packages export what is documented, and nothing else."""

import inspect
from types import ModuleType

import pytest

import onnxfcn
import passes

PUBLIC = {
    onnxfcn: {
        "AxisGeometry",
        "BatchSpeed",
        "bench",
        "Box",
        "Cause",
        "CellCount",
        "Comparison",
        "Cost",
        "CropGroup",
        "CropReport",
        "CropResult",
        "CropSpeed",
        "Document",
        "Exactness",
        "Geometry",
        "GeometryUnknownError",
        "inspect",
        "Inspection",
        "NothingToRewriteError",
        "OnnxfcnError",
        "OutputMeaning",
        "Reason",
        "Refusal",
        "RefusalCode",
        "RefusedError",
        "RegionResult",
        "Rewrite",
        "rewrite",
        "RewriteReport",
        "SizeNotAcceptedError",
        "SizeResult",
        "SpeedReport",
        "UnusableModelError",
        "UsageError",
        "validate",
        "ValidationFailedError",
        "ValidationReport",
    },
    passes: {
        "PASSES",
        "PassResult",
        "Refusal",
        "RefusalCode",
        "Rewrite",
        "conv_to_gemm",
        "dynamic_spatial_axes",
        "flatten_gemm_to_conv",
    },
}
PACKAGES = pytest.mark.parametrize("package", PUBLIC, ids=lambda package: package.__name__)


@PACKAGES
def test_exported_names_are_the_documented_ones(package: ModuleType) -> None:
    assert set(package.__all__) == PUBLIC[package]
    assert package.__all__ == sorted(package.__all__)


@PACKAGES
def test_every_exported_name_exists_and_is_documented(package: ModuleType) -> None:
    for name in package.__all__:
        assert inspect.getdoc(getattr(package, name)), name


@pytest.mark.parametrize("name", ["dynamic_spatial_axes", "flatten_gemm_to_conv"])
def test_a_pass_has_apply_that_takes_a_graph_and_keyword_only_options(name: str) -> None:
    signature = inspect.signature(getattr(passes, name).apply)
    graph, *options = signature.parameters.values()
    assert graph.name == "graph"
    assert all(option.kind is option.KEYWORD_ONLY for option in options)
    assert all(option.default is not option.empty for option in options)


@pytest.mark.parametrize(
    ("function", "models"),
    [(onnxfcn.rewrite, 2), (onnxfcn.validate, 2), (onnxfcn.bench, 2), (onnxfcn.inspect, 1)],
)
def test_options_of_the_library_are_keyword_only_and_documented(
    function: object, models: int
) -> None:
    documentation = inspect.getdoc(function) or ""
    assert callable(function)
    parameters = inspect.signature(function).parameters.values()
    options = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    assert len(options) == len(list(parameters)) - models
    for option in options:
        assert f"    {option.name}: " in documentation


def test_every_error_has_the_documented_exit_code_and_base() -> None:
    codes = {
        onnxfcn.UsageError: 2,
        onnxfcn.SizeNotAcceptedError: 2,
        onnxfcn.NothingToRewriteError: 3,
        onnxfcn.UnusableModelError: 4,
        onnxfcn.RefusedError: 4,
        onnxfcn.GeometryUnknownError: 4,
        onnxfcn.ValidationFailedError: 5,
    }
    assert {error: error.exit_code for error in codes} == codes
    assert all(issubclass(error, onnxfcn.OnnxfcnError) for error in codes)
    assert set(codes) == set(onnxfcn.OnnxfcnError.__subclasses__())
