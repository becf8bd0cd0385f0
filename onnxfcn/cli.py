"""The command line: a thin layer over the library."""

import sys
import traceback
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from .commands.bench import bench as bench_command
from .commands.inspect import inspect as inspect_command
from .commands.options import (
    AbsoluteTolerance,
    AsJson,
    InputLayout,
    InputSize,
    MaxCells,
    Provider,
    RelativeTolerance,
    Sizes,
    Source,
    Verbose,
    WindowStep,
)
from .commands.output import Bar, error_content, print_failure, print_json, printing
from .commands.pass_help import pass_help
from .commands.tables import print_report
from .commands.validate import validate as validate_command
from .errors import OnnxfcnError, ValidationFailedError
from .rewrite import rewrite as rewrite_model

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


class ExternalData(StrEnum):
    """Whether weights go into a data file."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Head(StrEnum):
    """The form of the lifted dense layers."""

    CONV = "conv"
    MATMUL = "matmul"


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
    source: Source,
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
    size: Sizes = None,
    window_step: WindowStep = "1",
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
    input_size: InputSize = None,
    input_layout: InputLayout = None,
    provider: Provider = "cpu",
    rtol: RelativeTolerance = None,
    atol: AbsoluteTolerance = 0.0,
    max_cells: MaxCells = None,
    validate: Annotated[
        bool, typer.Option("--validate/--no-validate", help="Run the proof with ONNX Runtime.")
    ] = True,
    external_data: Annotated[
        ExternalData,
        typer.Option(help="Put weights into OUT.data; auto: as IN does, or above 2 GiB."),
    ] = ExternalData.AUTO,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Rewrite a classifier so that it slides over larger images.

    The window is the part of the feature map that the classifier's head sees; the output becomes
    a map with one answer for each window of a larger image.

    Exit codes: 0 done, 1 a bug of onnxfcn, 2 usage, 3 nothing to rewrite, 4 refused or not usable,
    5 validation failed. OUT is written only with exit code 0.
    """
    try:
        with Bar() as bar:
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
                max_cells=max_cells,
                validate=validate,
                external_data=external_data.value,
                progress=bar.advance,
            )
    except OnnxfcnError as error:
        _print_error(error, as_json, verbose)
        raise typer.Exit(error.exit_code) from None
    with printing(f"wrote {output}, but "):
        if as_json:
            print_json(report.as_dict())
        else:
            print_report(report, verbose=verbose)


app.command("validate")(validate_command)
app.command("inspect")(inspect_command)
app.command("bench")(bench_command)


@app.command("passes")
def list_passes() -> None:
    """List the passes that rewrite can run, what each promises alone, and its options."""
    typer.echo(pass_help())


def _print_error(error: OnnxfcnError, as_json: bool, verbose: bool) -> None:
    report = error.report if isinstance(error, ValidationFailedError) else None
    if as_json:
        print_json(error_content(error, report.as_dict() if report else None))
    elif report is not None:
        print_report(report, verbose=verbose)
    print_failure(error)


def main() -> None:
    """Entry point of the command ``onnxfcn``."""
    try:
        app()
    except Exception:
        # Anything that is no OnnxfcnError is a bug, and whoever reports it needs the traceback.
        traceback.print_exc()
        typer.echo("onnxfcn: this is a bug of onnxfcn; please report it with the above", err=True)
        sys.exit(1)
