"""What the command line says of the passes, read from their own documentation."""

import re
from inspect import cleandoc, getdoc
from textwrap import wrap
from types import ModuleType

from passes import PASSES

from ..pipeline import ALONE, pass_options

_WIDTH = 100
_ARGUMENT = re.compile(r"^    (\w+): (.+(?:\n {8,}.+)*)", re.MULTILINE)


def pass_help() -> str:
    """Every pass with a line about it, what it promises alone, and its options."""
    return "\n\n".join("\n".join(_about(module)) for module in PASSES)


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
    return wrap(text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start))
