"""What was measured of crops, as a table for people."""

from math import prod
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..crop_report import CropGroup, CropReport
from ..sizes import Size, size_text


def image_text(size: Size, source: str) -> str:
    """The size of an image, and the name of its file where it has one."""
    return " ".join(filter(None, (size_text(size), Path(source).name)))


def print_crops(console: Console, crops: CropReport) -> None:
    """Print how far cells are from crops of the image."""
    if crops.results:
        console.print("distance from the original's answers on crops of the image, of scale:")
        console.print(_table(crops))
    for found in crops.results:
        if found.beyond:
            cells = "1 cell" if found.beyond == 1 else f"{found.beyond} cells"
            image = image_text(found.size, found.source)
            console.print(
                f"of '{found.output}' at {image}, {cells} of {prod(found.map_size)} would"
                " stand for a crop that leaves the image: not measured",
                soft_wrap=True,
            )
    verdicts = {found.output: found for found in crops.results if found.graph}
    for found in verdicts.values():
        why = f": {'; '.join(found.causes)}" if found.causes else ""
        console.print(f"by its graph, '{found.output}' is {found.graph}{why}", soft_wrap=True)
    for found in crops.results:
        if found.contradicts:
            image = image_text(found.size, found.source)
            console.print(
                f"DIFFERS: cells of '{found.output}' at {image} are not their crops", soft_wrap=True
            )
    for problem in crops.problems:
        console.print(f"crops not measured: {problem}", soft_wrap=True)


def _table(crops: CropReport) -> Table:
    table = Table(
        *("Image", "Output", "Cells", "Measured", "Median", "Maximum", "Top class"),
        box=SIMPLE_HEAD,
    )
    for found in crops.results:
        for where, group in (("at the border", found.border), ("inside", found.inside)):
            image = image_text(found.size, found.source)
            table.add_row(image, found.output, where, *_numbers(group))
    return table


def _numbers(group: CropGroup) -> list[str]:
    """Cells measured of those that there are, deviations of the output's scale, and agreement."""
    deviations = [group.median, group.maximum]
    agreement = "-" if group.agreement is None else f"{group.agreement:.0%} the same"
    return [
        f"{group.measured} of {group.cells}",
        *("-" if value is None else f"{value:.1e}" for value in deviations),
        agreement,
    ]
