"""The command line: a thin layer over the library."""

import sys
import traceback
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from . import __version__
from .commands.bench import bench
from .commands.ending import ending_as_told
from .commands.inspect import inspect
from .commands.options import SWITCH
from .commands.output import print_usage_error, printing
from .commands.pass_help import paragraphs, pass_help
from .commands.rewrite import rewrite
from .commands.validate import validate


class _PrintsHelp:
    """Prints the text of ``--help`` as a command prints its result, which it does not itself."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        with printing():
            return super().make_context(*args, **options)  # type: ignore[misc]


class _Command(_PrintsHelp, TyperCommand):
    pass


class _Commands(_PrintsHelp, TyperGroup):
    pass


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Its tables leave the texts of options a few words a line, where options have long names.
    rich_markup_mode=None,
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
    app.command(cls=_Command, help=paragraphs(command))(command)


@app.command("passes", cls=_Command)
def list_passes() -> None:
    """List the passes of a rewrite, their promises and options."""
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
