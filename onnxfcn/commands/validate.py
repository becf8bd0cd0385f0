"""The command ``onnxfcn validate``."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ValidationFailedError
from ..report import SCHEMA_VERSION, ValidationReport
from ..validate import validate as validate_models
from .options import (
    SWITCH,
    AbsoluteTolerance,
    AsJson,
    InputSize,
    MaxCells,
    Original,
    Provider,
    RelativeTolerance,
    Rewritten,
    Seed,
    Sizes,
    Verbose,
    WindowStep,
)
from .output import Bar, error_content, failing, print_failure, print_json, printing
from .tables import print_validation

_Inputs = Annotated[
    list[Path] | None,
    typer.Option(
        "--input",
        metavar="FILE",
        help="Image to validate on in addition to the random ones: a .npy array with the"
        " model's own axes, or an image file, fed as 0..255 to a model of integers, else as 0..1;"
        " repeatable.",
    ),
]
_FeatureMaps = Annotated[
    list[str] | None,
    typer.Option(
        "--feature-map",
        metavar="NAME",
        help="Tensor of both models where the trunk ends; repeatable. Needed only where another"
        " tool renamed the tensors of the trunk; NAME=OTHER where it renamed this one.",
    ),
]
_RequireCrops = Annotated[
    bool,
    typer.Option(
        "--require-crops",
        metavar=SWITCH,
        help="Fail where cells are not the original's answers on crops.",
    ),
]


def validate(
    original: Original,
    rewritten: Rewritten,
    size: Sizes = None,
    inputs: _Inputs = None,
    window_step: WindowStep = "1",
    feature_maps: _FeatureMaps = None,
    input_size: InputSize = None,
    max_cells: MaxCells = None,
    seed: Seed = 0,
    require_crops: _RequireCrops = False,
    provider: Provider = "cpu",
    rtol: RelativeTolerance = None,
    atol: AbsoluteTolerance = 0.0,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Compare a rewritten model with its original; nothing is written.

    At the original size the two must agree. At larger sizes every cell must be what the original's
    untouched head says of its window of the feature map. How far cells are from the original's
    answers on crops of the image is measured, and a failure only with --require-crops.

    Exit codes: 0 no difference seen, and the last line says whether that proves all of it, 1 a bug
    of onnxfcn, 2 usage, 4 a model is not usable, 5 the models differ or cannot be compared.
    """
    started = time.perf_counter()
    with failing(as_json=as_json), Bar() as bar:
        report = validate_models(
            original,
            rewritten,
            sizes=size or (),
            inputs=inputs or (),
            window_step=window_step,
            feature_maps=feature_maps or (),
            input_size=input_size,
            require_crops=require_crops,
            provider=provider,
            rtol=rtol,
            atol=atol,
            max_cells=max_cells,
            seed=seed,
            progress=bar.advance,
        )
    seconds = time.perf_counter() - started
    failure = ValidationFailedError(report.failure) if report.failure else None
    with printing():
        if as_json:
            seen = _content(original, rewritten, report, seconds)
            print_json(error_content(failure, seen) if failure else seen)
        else:
            print_validation(report, seconds, verbose=verbose)
    if failure:
        print_failure(failure)
        raise typer.Exit(failure.exit_code)


def _content(
    original: Path, rewritten: Path, report: ValidationReport, seconds: float
) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "done",
        "original": str(original),
        "rewritten": str(rewritten),
        "validation": report.as_dict(),
        "seconds": {"validation": seconds},
    }
