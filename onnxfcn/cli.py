"""The command line: a thin layer over the library."""

import json
import sys
import traceback
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from .errors import OnnxfcnError, RefusedError, UsageError, ValidationFailedError
from .pass_help import pass_help
from .report import SCHEMA_VERSION, RewriteReport
from .rewrite import rewrite as rewrite_model
from .sizes import Size
from .tables import print_report

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Turn ONNX classifiers into fully convolutional networks, and prove it with ONNX Runtime.",
)


class Batch(StrEnum):
    """What happens to the batch axis."""

    KEEP = "keep"
    FREE = "free"


class GlobalPool(StrEnum):
    """What happens to a pool over the whole map."""

    SLIDE = "slide"
    KEEP = "keep"


class OutputLayout(StrEnum):
    """Where the outputs' maps have their features."""

    INPUT = "input"
    NCHW = "nchw"
    NHWC = "nhwc"


class Head(StrEnum):
    """The form of the lifted dense layers."""

    CONV = "conv"
    MATMUL = "matmul"


def _parse_size(text: str) -> Size:
    """``288x320`` as (288, 320)."""
    return _parse_numbers(text, "x")


def _parse_step(text: str) -> Size:
    """``2`` or ``2,3`` as numbers."""
    return _parse_numbers(text, ",")


def _parse_numbers(text: str, separator: str) -> Size:
    parts = text.lower().split(separator)
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        example = separator.join(("2", "3") if separator == "," else ("224", "320"))
        raise typer.BadParameter(f"write positive whole numbers, such as {example}, not '{text}'")
    return tuple(int(part) for part in parts)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"onnxfcn {version('onnxfcn')}")
        raise typer.Exit


@app.callback()
def common(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Options of the program itself."""


@app.command()
def rewrite(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The classifier, an .onnx file.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write the result.")],
    passes: Annotated[
        list[str] | None,
        typer.Option(
            "--pass",
            metavar="NAME",
            help="Pass to run; repeatable, in this order. By default those that turn a classifier"
            " into a fully convolutional network. See: onnxfcn passes",
        ),
    ] = None,
    size: Annotated[
        list[Any] | None,
        typer.Option(
            parser=_parse_size,
            metavar="HxW",
            help="Image size to validate at; repeatable. By default two larger ones.",
        ),
    ] = None,
    window_step: Annotated[
        Any,
        typer.Option(
            parser=_parse_step,
            metavar="S[,S]",
            help="Cells between neighbouring windows; 2 halves the map.",
        ),
    ] = "1",
    batch: Annotated[
        Batch, typer.Option(help="Leave the batch axis as it is, or make it symbolic.")
    ] = Batch.KEEP,
    global_pool: Annotated[
        GlobalPool,
        typer.Option(help="Pool every window by itself, or the whole image: one answer an image."),
    ] = GlobalPool.SLIDE,
    output_layout: Annotated[
        OutputLayout,
        typer.Option(help="Layout of the outputs' maps; input: as the image has its channels."),
    ] = OutputLayout.INPUT,
    head: Annotated[
        Head,
        typer.Option(help="Dense layers become Conv, or windows and MatMul: fast on batches."),
    ] = Head.CONV,
    convolutions: Annotated[
        str,
        typer.Option(
            metavar="WHICH",
            help="Convolutions that conv_to_gemm rewrites: all, heads, or names with wildcards,"
            " such as conv1*,fc?",
        ),
    ] = "all",
    input_size: Annotated[
        Any,
        typer.Option(
            parser=_parse_size,
            metavar="HxW",
            help="Image size that a model with symbolic axes was made for; needed only then.",
        ),
    ] = None,
    input_layout: Annotated[
        str | None,
        typer.Option(
            metavar="LETTERS",
            help="Layout of an image that goes into a dense layer directly, such as nchw or nhw.",
        ),
    ] = None,
    provider: Annotated[
        str, typer.Option(help="cpu, cuda, or an ONNX Runtime execution provider.")
    ] = "cpu",
    rtol: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Largest error relative to the output's scale; by default 1e-4, 1e-2 for float16.",
        ),
    ] = None,
    atol: Annotated[
        float, typer.Option(min=0, help="Absolute error allowed on top of --rtol.")
    ] = 0.0,
    validate: Annotated[
        bool, typer.Option("--validate/--no-validate", help="Run the proof with ONNX Runtime.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="List mean errors, spreads and tolerances too.")
    ] = False,
) -> None:
    """Rewrite a classifier so that it slides over larger images.

    The window is the part of the feature map that the classifier's head sees; the output becomes
    a map with one answer for each window of a larger image.

    Exit codes: 0 done, 1 a bug of onnxfcn, 2 usage, 3 nothing to rewrite, 4 refused or not usable,
    5 validation failed. OUT is written only with exit code 0.
    """
    try:
        with _Bar() as bar:
            report = rewrite_model(
                source,
                output,
                passes=passes,
                sizes=size or (),
                window_step=window_step,
                batch=batch.value,
                global_pool=global_pool.value,
                output_layout=output_layout.value,
                head=head.value,
                convolutions=convolutions,
                input_size=input_size,
                input_layout=input_layout,
                provider=provider,
                rtol=rtol,
                atol=atol,
                validate=validate,
                progress=bar.advance,
            )
    except OnnxfcnError as error:
        _print_error(error, as_json, verbose)
        raise typer.Exit(error.exit_code) from None
    try:
        _print_result(report, as_json, verbose)
        sys.stdout.flush()
    except OSError as error:
        typer.echo(f"onnxfcn: wrote {output}, but cannot print the report: {error}", err=True)
        raise typer.Exit(UsageError.exit_code) from None


@app.command("passes")
def list_passes() -> None:
    """List the passes that rewrite can run, what each promises alone, and its options."""
    typer.echo(pass_help())


class _Bar:
    """A progress bar on standard error, where that is a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)


def _print_result(report: RewriteReport, as_json: bool, verbose: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=2))
    else:
        print_report(report, verbose=verbose)


def _print_error(error: OnnxfcnError, as_json: bool, verbose: bool) -> None:
    report = error.report if isinstance(error, ValidationFailedError) else None
    if as_json:
        refusals = error.refusals if isinstance(error, RefusedError) else ()
        content: dict[str, Any] = (
            {"schema_version": SCHEMA_VERSION} if report is None else (report.as_dict())
        )
        content |= {
            "status": type(error).__name__,
            "exit_code": error.exit_code,
            "message": str(error),
            "refusals": [vars(refusal) for refusal in refusals],
        }
        typer.echo(json.dumps(content, indent=2))
    elif report is not None:
        print_report(report, verbose=verbose)
    # Names and messages of other programs may have line breaks; ours is one line.
    typer.echo(f"onnxfcn: {' '.join(str(error).split())}", err=True)


def main() -> None:
    """Entry point of the command ``onnxfcn``."""
    try:
        app()
    except Exception:
        # Anything that is no OnnxfcnError is a bug, and whoever reports it needs the traceback.
        traceback.print_exc()
        typer.echo("onnxfcn: this is a bug of onnxfcn; please report it with the above", err=True)
        sys.exit(1)
