"""The packages export what their users meet, all of it documented, and nothing else."""

import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest

import onnxfcn
import passes

README = Path(__file__).parents[2] / "README.md"
PACKAGES = pytest.mark.parametrize("package", [onnxfcn, passes], ids=lambda each: each.__name__)


def is_ours(value: Any) -> bool:
    return getattr(value, "__module__", "passes").split(".")[0] in {"onnxfcn", "passes"}


@PACKAGES
def test_whatever_of_ours_a_package_names_is_exported_in_order(package: ModuleType) -> None:
    exported = {name: getattr(package, name) for name in package.__all__}
    modules = [value for value in exported.values() if isinstance(value, ModuleType)]
    assert set(modules) == (set(passes.PASSES) if package is passes else set())
    assert {name for name, value in exported.items() if value not in modules} == {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and is_ours(value)
    }
    assert package.__all__ == sorted(package.__all__)


@PACKAGES
def test_every_exported_name_exists_and_is_documented(package: ModuleType) -> None:
    for name in package.__all__:
        assert inspect.getdoc(getattr(package, name)), name


def parts_of(hint: Any) -> Iterator[Any]:
    """A type and, of ``tuple[Box, ...]`` and the like, those that it is made of."""
    yield hint
    for argument in get_args(hint):
        yield from parts_of(argument)


@PACKAGES
def test_all_that_results_are_made_of_is_exported(package: ModuleType) -> None:
    exported = [getattr(package, name) for name in package.__all__]
    callables = [getattr(value, "apply", value) for value in exported]
    pending = [get_type_hints(each).get("return") for each in filter(inspect.isfunction, callables)]
    assert pending
    met: set[type] = set()
    while pending:
        for part in parts_of(pending.pop()):
            if isinstance(part, type) and part not in met and is_ours(part):
                met.add(part)
                pending += get_type_hints(part).values() if is_dataclass(part) else []
    assert {each.__name__ for each in met} <= {*package.__all__}


def test_names_in_the_readme_exist_and_are_exported() -> None:
    text = README.read_text()
    dotted = set(re.findall(r"\bonnxfcn(?:\.\w+)+", text))
    for package, names in re.findall(r"^from (onnxfcn|passes) import (.+)$", text, re.MULTILINE):
        dotted |= {f"{package}.{name}" for name in names.split(", ")}
    assert dotted >= {"onnxfcn.rewrite", "onnxfcn.OnnxfcnError", "passes.flatten_gemm_to_conv"}
    for path in sorted(dotted):
        pkgutil.resolve_name(path)
        package, name, *inner = path.split(".")
        exported = pkgutil.resolve_name(package).__all__
        # Or a name of a module that says itself what is public.
        assert name in exported or inner[0] in pkgutil.resolve_name(f"{package}.{name}").__all__


@pytest.mark.parametrize("module", passes.PASSES, ids=lambda module: module.NAME)
def test_a_pass_has_apply_that_takes_a_graph_and_keyword_only_options(module: ModuleType) -> None:
    signature = inspect.signature(module.apply)
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


def test_the_version_is_the_one_that_is_installed() -> None:
    assert onnxfcn.__version__ == version("onnxfcn")
