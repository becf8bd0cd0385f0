"""The report as tables for people."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .compare import Comparison
from .report import RegionResult, RewriteReport, SizeResult, ValidationReport
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
        for line in _regions(report.validation.regions):
            console.print(line, soft_wrap=True)
        console.print(_errors(report.validation, verbose))
        for note in report.validation.notes:
            console.print(note)
        for output in report.validation.unproven:
            console.print(f"a difference would not have shown: nothing proven about '{output}'")
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.seconds.items())
    if report.validation is None or report.validation.passed:
        console.print(f"wrote {report.output} ({spent})", soft_wrap=True)


def _regions(regions: Sequence[RegionResult]) -> Iterator[str]:
    """A line about the changed parts of the trunk that are proven, and one for each other part."""
    proven = [region for region in regions if region.changed and region.passed]
    if proven:
        count = "1 region" if len(proven) == 1 else f"{len(proven)} regions"
        errors = [region.comparison.max_error for region in proven if region.comparison]
        yield (
            f"{count} of the trunk with freed axes: as the original on every window"
            f" (largest error {max(errors):.1e})"
        )
    repeated = sum(region.method != "windows" for region in proven)
    if repeated:
        yield f"of these, {repeated} on a map of one window repeated: they have global statistics"
    yield from (f"DIFFERS: {region.failure}" for region in regions if not region.passed)


def _errors(validation: ValidationReport, verbose: bool) -> Table:
    headings = ["Image", "Map", "Compared", "Max error", "Of scale"]
    more = ["Mean", "Spread", "Limit"] if verbose else []
    table = Table(*headings, *more, "Finding", box=SIMPLE_HEAD)
    for result in (validation.identity, *validation.sizes):
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
                _finding(result, comparison, validation.identity),
            )
        for name, extents in result.maps.items():
            blanks = ["-"] * (5 if verbose else 2)
            table.add_row(size_text(result.size), size_text(extents), name, *blanks, "as declared")
    return table


def _finding(result: SizeResult, comparison: Comparison, identity: SizeResult) -> str:
    if not comparison.passed:
        return "DIFFERS"
    if result is identity or result.against == "original":
        return "as original"
    of_convolutions = result.against == "convolutions"
    if not comparison.proven and not (of_convolutions and result.size == identity.size):
        return "cells do not differ: nothing proven"
    return "as convolutions" if of_convolutions else "cell = window"
