"""What was found out about a model, for people."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..costs import Cost
from ..inspection import Inspection
from ..sizes import size_text
from .console import report_console

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def print_inspection(found: Inspection) -> None:
    """Print it to standard output, in at most 100 columns where names allow."""
    console = report_console()
    shape = ", ".join(map(str, found.image_shape))
    image = f", image '{found.image}' [{shape}]" if found.image else ""
    amount = f", {_short(found.parameters)} parameters" if found.parameters else ""
    console.print(f"{found.kind}{image}{amount}", soft_wrap=True)
    if found.rewrites:
        layers = Table("Node", "Now", "After a rewrite", box=SIMPLE_HEAD)
        for rewrite in found.rewrites:
            layers.add_row(rewrite.node, rewrite.before, rewrite.after)
        console.print(layers)
    for name, window in found.windows.items():
        console.print(f"window {size_text(window)} on feature map '{name}'", soft_wrap=True)
    for refusal in found.blockers:
        console.print(f"blocked: {refusal}", soft_wrap=True)
    for meaning in found.outputs:
        for line in (*meaning.lines(), *(f"  {detail}" for detail in meaning.details())):
            console.print(line, soft_wrap=True)
    if found.costs:
        console.print(_costs(found.costs))
    for note in found.notes:
        console.print(note, soft_wrap=True)


def _costs(costs: Sequence[Cost]) -> Table:
    """Multiply-accumulates, and those of crops where they stand for cells."""
    table = Table("Image", "Map", "One pass", box=SIMPLE_HEAD)
    if any(cost.by_crops is not None for cost in costs):
        table.add_column("By crops")
        table.add_column("Saved")
    for cost in costs:
        row = [size_text(cost.size), size_text(cost.map_size), f"{_short(cost.one_pass)} MAC"]
        if cost.by_crops is not None:
            row += [f"{_short(cost.by_crops)} MAC", f"{cost.saved:.1f} times"]
        table.add_row(*row)
    return table


def _short(number: int) -> str:
    """``61.1 M`` for 61,100,840."""
    for size, prefix in _PREFIXES:
        if number >= size:
            return f"{number / size:.3g} {prefix}"
    return str(number)
