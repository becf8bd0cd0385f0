"""The report as tables for people."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .compare import Comparison
from .report import RewriteReport, SizeResult
from .sizes import size_text

_WIDTH = 100


def print_report(report: RewriteReport, *, verbose: bool) -> None:
    """Print what was changed and what was seen to standard output.

    Args:
        report: the report.
        verbose: whether to list mean errors, spreads and tolerances too.
    """
    console = Console(width=_WIDTH, highlight=False, emoji=False, markup=False)
    layers = Table("Node", "Before", "After", box=SIMPLE_HEAD)
    for rewrite in report.rewrites:
        layers.add_row(rewrite.node, rewrite.before, rewrite.after)
    console.print(layers)
    for name, window in report.windows.items():
        step = size_text(report.window_step)
        console.print(f"window {size_text(window)}, step {step}, on feature map '{name}'")
    if report.validation is None:
        console.print("not validated: nothing proven")
    else:
        console.print(_errors(report, verbose))
        for note in report.validation.notes:
            console.print(note)
        for output in report.validation.unproven:
            console.print(f"cells do not differ: nothing proven about '{output}'")
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.seconds.items())
    if report.validation is None or report.validation.passed:
        console.print(f"wrote {report.output} ({spent})", soft_wrap=True)


def _errors(report: RewriteReport, verbose: bool) -> Table:
    headings = ["Image", "Map", "Compared", "Max error", "Of scale"]
    more = ["Mean", "Spread", "Limit"] if verbose else []
    table = Table(*headings, *more, "Finding", box=SIMPLE_HEAD)
    assert report.validation is not None
    for result in (report.validation.identity, *report.validation.sizes):
        for comparison in result.comparisons:
            numbers = [
                f"{comparison.max_error:.1e}",
                f"{comparison.max_error / comparison.scale:.1e}" if comparison.scale else "-",
            ]
            if verbose:
                numbers += [
                    f"{comparison.mean_error:.1e}",
                    f"{comparison.spread:.1e}",
                    f"{comparison.tolerance:.1e}",
                ]
            table.add_row(
                size_text(result.size),
                size_text(result.map_size),
                comparison.output,
                *numbers,
                _finding(result, comparison, report.validation.identity),
            )
    return table


def _finding(result: SizeResult, comparison: Comparison, identity: SizeResult) -> str:
    if not comparison.passed:
        return "DIFFERS"
    if result is identity:
        return "as original"
    if not comparison.proven:
        return "cells do not differ: nothing proven"
    return "cell = window"
