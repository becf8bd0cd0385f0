"""The command line: a thin layer over the library."""

import sys
import traceback
from io import TextIOWrapper
from typing import Annotated

import typer

from . import __version__
from .commands.bench import bench
from .commands.ending import ending_as_told
from .commands.inspect import inspect
from .commands.options import SWITCH
from .commands.output import print_usage_error, printing
from .commands.pass_help import paragraphs, pass_help
from .commands.rewrite import rewrite
from .commands.validate import validate

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Turn ONNX classifiers into fully convolutional networks, and prove it with ONNX Runtime.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        with printing():
            typer.echo(f"onnxfcn {__version__}")
        raise typer.Exit


@app.callback()
def common(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar=SWITCH,
            callback=_print_version,
            is_eager=True,
            help="Print the version.",
        ),
    ] = False,
) -> None:
    """Options of the program itself."""


for command in (rewrite, validate, inspect, bench):
    app.command(help=paragraphs(command))(command)


@app.command("passes")
def list_passes() -> None:
    """List the passes that rewrite can run, what each promises alone, and its options."""
    with printing():
        typer.echo(pass_help())


def main() -> None:
    """Entry point of the command ``onnxfcn``."""
    for stream in (sys.stdout, sys.stderr):
        # Names of files and nodes may be bytes that no encoding has: they are shown as such.
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    with ending_as_told():
        try:
            app()
        except SystemExit as end:
            if "--json" in sys.argv:
                print_usage_error(end)
            raise
        except Exception:
            # Anything that is no OnnxfcnError is a bug, and whoever reports it needs the traceback.
            traceback.print_exc()
            message = "onnxfcn: this is a bug of onnxfcn; please report it with the above"
            typer.echo(message, err=True)
            sys.exit(1)
