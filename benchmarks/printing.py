"""Tables as Markdown, which can be quoted as they are, and notes while nothing else shows."""

import sys
from collections.abc import Iterable, Sequence


def heading(cells: Sequence[str]) -> str:
    """The first two lines of a table."""
    return f"{row(cells)}\n{row(['---'] * len(cells))}"


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def note(text: str) -> None:
    """Tell on standard error what goes on."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
