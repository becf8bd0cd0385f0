"""What commands write: results to standard output, progress and failures to standard error."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ..errors import OnnxfcnError, RefusedError, UsageError, ValidationFailedError
from ..report import SCHEMA_VERSION, RewriteReport
from .flags import with_flags


class Bar:
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

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, what: str, done: int, total: int) -> None:
        """Show that some steps of a task are done."""
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)


def print_json(content: Mapping[str, Any]) -> None:
    """Write one JSON object to standard output."""
    typer.echo(json.dumps(content, indent=2))


def error_content(error: OnnxfcnError, seen: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The JSON form of a failure.

    Args:
        error: what went wrong.
        seen: the JSON form of what was done and seen until then.
    """
    refusals = error.refusals if isinstance(error, RefusedError) else ()
    return {
        "schema_version": SCHEMA_VERSION,
        **(seen or {}),
        "status": type(error).__name__,
        "exit_code": error.exit_code,
        "message": with_flags(str(error)),
        "refusals": [vars(refusal) for refusal in refusals],
    }


def print_usage_error(end: SystemExit) -> None:
    """Write the JSON form of what Typer found wrong with the options, and has shown by now.

    Args:
        end: how Typer ends the program; nothing is written where no option was the reason.
    """
    message = getattr(end.__context__, "format_message", None)
    if message is not None:
        with suppress(OSError):  # what was shown says what matters
            print_json(error_content(UsageError(message())))


@contextmanager
def failing(
    *, as_json: bool, show: Callable[[RewriteReport], None] | None = None
) -> Iterator[None]:
    """Turn what goes wrong on purpose into a line on standard error and an exit code.

    Args:
        as_json: whether standard output gets a JSON object, too.
        show: prints what was seen until then for people, where there is a report of it.
    """
    try:
        yield
    except OnnxfcnError as error:
        seen = error.report if isinstance(error, ValidationFailedError) else None
        with suppress(OSError):  # the line on standard error says what matters
            if as_json:
                print_json(error_content(error, seen.as_dict() if seen else None))
            elif seen and show:
                show(seen)
        print_failure(error)
        raise typer.Exit(error.exit_code) from None


@contextmanager
def printing(done: str = "") -> Iterator[None]:
    """Exit as for a usage error where standard output takes nothing.

    Args:
        done: what was done all the same, in words before ``cannot print``.
    """
    try:
        if sys.stdout is None:
            raise OSError("standard output is closed")
        yield
    except BrokenPipeError:
        raise  # Whoever reads has seen enough.
    except OSError as error:
        _tell(f"{done}cannot print: {error}")
        raise typer.Exit(UsageError.exit_code) from None


def print_failure(error: OnnxfcnError) -> None:
    """Write one line to standard error."""
    # Names and messages of other programs may have line breaks; ours is one line.
    _tell(with_flags(" ".join(str(error).split())))


def _tell(text: str) -> None:
    with suppress(OSError):  # the exit code says it, too
        typer.echo(f"onnxfcn: {text}", err=True)
