"""Elements of random trunks: each reads a map ``[N, C, *s]`` and writes the next one."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from .builder import TrunkBuilder, Value

_NEWEST_OPSET = 21

Write = Callable[[TrunkBuilder, Value], Value | None]
"""Appends the nodes; ``None``, and nothing written, where the map does not suit."""


@dataclass(frozen=True)
class Element:
    """One way to go on.

    Attributes:
        label: what it is counted as.
        since: first opset that has it.
        until: last opset that has it.
        ranks: numbers of spatial axes that it takes.
        share: how often it is the element that a trunk must have, beside others.
        write: appends its nodes.
    """

    label: str
    since: int
    until: int
    ranks: tuple[int, ...]
    share: int
    write: Write


ELEMENTS: dict[str, Element] = {}
"""Every element, by label."""


def element(
    label: str,
    since: int = 9,
    until: int = _NEWEST_OPSET,
    ranks: tuple[int, ...] = (1, 2, 3),
    share: int = 1,
) -> Callable[[Write], Write]:
    """Register a function that appends the nodes of an element."""

    def register(write: Write) -> Write:
        ELEMENTS[label] = Element(label, since, until, ranks, share, write)
        return write

    return register


_FAMILIES = "layers borders channels channels_last positions windows gates resizing joins".split()


def load_families() -> None:
    """Import the modules of this package that register elements."""
    for family in _FAMILIES:
        import_module(f".{family}", __package__)


def available(opset: int, rank: int) -> list[Element]:
    """The elements for an opset and a number of spatial axes."""
    return [e for e in ELEMENTS.values() if e.since <= opset <= e.until and rank in e.ranks]
