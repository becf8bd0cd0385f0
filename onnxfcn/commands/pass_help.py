"""What the command line says of the passes, read from their own documentation."""

import re
from collections.abc import Callable
from inspect import cleandoc, getdoc
from shutil import get_terminal_size
from textwrap import wrap
from types import ModuleType

from passes import PASSES

from ..pipeline import ALONE, DEFAULT, pass_options

_WIDEST, _NARROWEST = 100, 20
"""Columns of a text: as many as the terminal has, but no more and no fewer than these."""
_ARGUMENT = re.compile(r"^    (\w+): (.+(?:\n {8,}.+)*)", re.MULTILINE)


def paragraphs(command: Callable[..., None]) -> str:
    """A command's docstring with each paragraph on one line, to be broken where a terminal ends."""
    return "\n\n".join(" ".join(part.split()) for part in (getdoc(command) or "").split("\n\n"))


def pass_help() -> str:
    """Those that run by default, and every pass: what it does, promises alone, and its options."""
    *first, last = DEFAULT
    default = f"Without --pass, a rewrite runs {', '.join(first)} and {last}."
    return "\n\n".join(
        "\n".join(lines) for lines in (_paragraph(default, ""), *map(_about, PASSES))
    )


def _about(module: ModuleType) -> list[str]:
    summary = cleandoc(module.__doc__ or "").splitlines()[0]
    texts = dict(_ARGUMENT.findall(getdoc(module.apply) or ""))
    alone = f"Alone: {ALONE[module.NAME]}."
    lines = [module.NAME, *_paragraph(summary, "  "), *_paragraph(alone, "  ")]
    for option in pass_options(module):
        flag = f"--{option.replace('_', '-')}"
        lines += _paragraph(texts.get(option, ""), f"  {flag:<18}")
    return lines


def _paragraph(text: str, start: str) -> list[str]:
    """Lines of a text, the first one behind ``start`` and the others below it."""
    text = " ".join(text.replace("``", "").split())
    width = min(_WIDEST, get_terminal_size((_WIDEST, 24)).columns)
    width = max(width, len(start) + _NARROWEST)
    return wrap(text, width, initial_indent=start, subsequent_indent=" " * len(start))
