"""What was timed, for people."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..meaning import no_crops
from ..sizes import size_text
from ..speed_report import SpeedReport
from .console import report_console


def print_speed(report: SpeedReport) -> None:
    """Print it to standard output, in at most 100 columns."""
    console = report_console()
    console.print(f"on {report.provider}; medians of runs in turn", soft_wrap=True)
    own = Table("Image", "Batch", "Original", "Rewritten", "Ratio", box=SIMPLE_HEAD)
    for batch in report.batches:
        own.add_row(
            size_text(batch.size),
            str(batch.batch),
            _time_text(batch.original.median),
            _time_text(batch.rewritten.median),
            f"{batch.ratio:.2f}",
        )
    console.print(own)
    if not report.sizes:
        console.print(no_crops(report.output), soft_wrap=True)
        return
    console.print(f"one pass against the original on the crop of each cell of '{report.output}':")
    headings = ("Image", "Map", "First", "One pass", "Crops", "Cells/s", "Faster", "Limit")
    larger = Table(*headings, "Reached", box=SIMPLE_HEAD)
    for found in report.sizes:
        larger.add_row(
            size_text(found.size),
            size_text(found.map_size),
            _time_text(found.one_pass.first),
            _time_text(found.one_pass.median),
            f"{_time_text(found.by_crops.median)}, {found.crops_together} a run",
            f"{found.cells_a_second:.0f}",
            f"{found.faster:.1f}x",
            f"{found.limit:.1f}x" if found.limit else "-",
            f"{found.reached:.0%}" if found.reached else "-",
        )
    console.print(larger)


def _time_text(seconds: float) -> str:
    """``1.23 ms`` or ``4.56 s``."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
