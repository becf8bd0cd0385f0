"""Options that several commands have, and how their texts are read."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..sizes import Size

SWITCH = ""
"""What is shown as the value of an option that takes none."""


def parse_size(text: str) -> Size:
    """``288x320`` as (288, 320)."""
    return _parse_numbers(text, "x")


def parse_step(text: str) -> Size:
    """``2`` or ``2,3`` as numbers."""
    return _parse_numbers(text, ",")


def _parse_numbers(text: str, separator: str) -> Size:
    parts = text.lower().split(separator)
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        example = separator.join(("2", "3") if separator == "," else ("224", "320"))
        raise typer.BadParameter(f"write positive whole numbers, such as {example}, not '{text}'")
    return tuple(int(part) for part in parts)


def size_option(text: str) -> Any:
    """The option ``--size`` with the help of a command."""
    return typer.Option("--size", parser=parse_size, metavar="HxW", help=f"Image size to {text}")


Source = Annotated[Path, typer.Argument(metavar="IN", help="The classifier, an .onnx file.")]
Original = Annotated[
    Path, typer.Argument(metavar="ORIGINAL", help="The classifier, an .onnx file.")
]
Rewritten = Annotated[
    Path,
    typer.Argument(metavar="REWRITTEN", help="Its fully convolutional form, whoever made it."),
]
Sizes = Annotated[
    list[Any] | None,
    size_option("validate at; repeatable. By default two larger ones."),
]
WindowStep = Annotated[
    Any,
    typer.Option(
        parser=parse_step,
        metavar="S[,S]",
        help="Cells between neighbouring windows; 2 halves the map.",
    ),
]
InputSize = Annotated[
    Any,
    typer.Option(
        parser=parse_size,
        metavar="HxW",
        help="Image size that a model with symbolic axes was made for, where its metadata do not"
        " tell.",
    ),
]
InputLayout = Annotated[
    str | None,
    typer.Option(
        metavar="LETTERS",
        help="Layout of an image that goes into a dense layer directly, such as nchw or nhw.",
    ),
]
Provider = Annotated[
    str,
    typer.Option(
        metavar="NAME[:K=V,...]",
        help="ONNX Runtime execution provider, such as cpu, cuda or cuda:device_id=1.",
    ),
]
RelativeTolerance = Annotated[
    float | None,
    typer.Option(
        "--rtol",
        metavar="X",
        min=0,
        help="Largest error relative to the output's scale; by default 1e-4, 1e-2"
        " for float16, 5e-2 for bfloat16.",
    ),
]
AbsoluteTolerance = Annotated[
    float,
    typer.Option("--atol", metavar="X", min=0, help="Absolute error allowed on top of --rtol."),
]
MaxCells = Annotated[
    int | None,
    typer.Option(
        "--max-cells",
        metavar="N",
        min=1,
        help="Compare at most N cells of a larger map, its corners among them; by default all.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(metavar="N", min=0, help="Seed of the random images and of the cells to compare."),
]
AsJson = Annotated[bool, typer.Option("--json", metavar=SWITCH, help="Print the report as JSON.")]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", metavar=SWITCH, help="List mean errors, spreads and tolerances too."
    ),
]
