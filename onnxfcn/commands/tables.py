"""The report as tables for people."""

from collections.abc import Iterator, Sequence
from shlex import quote

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..comparison import Comparison
from ..region_report import RegionResult
from ..report import RewriteReport, SizeResult, ValidationReport
from ..sizes import size_text
from .console import report_console
from .crop_table import image_text, print_crops
from .verdict import verdict


def print_report(report: RewriteReport, *, verbose: bool) -> None:
    """Print what was changed and what was seen to standard output.

    Args:
        report: the report.
        verbose: whether to list mean errors, spreads and tolerances too.
    """
    console = report_console()
    layers = Table("Node", "Before", "After", box=SIMPLE_HEAD)
    for rewrite in report.rewrites:
        layers.add_row(rewrite.node, rewrite.before, rewrite.after)
    console.print(layers)
    for name, window in report.windows.items():
        step = size_text(report.window_step)
        console.print(f"window {size_text(window)}, step {step}, on feature map '{name}'")
    for meaning in report.outputs:
        for line in meaning.lines():
            console.print(line, soft_wrap=True)
    if report.output and any(meaning.details() for meaning in report.outputs):
        console.print(f"why: onnxfcn inspect {quote(report.output)}", soft_wrap=True)
    if report.validation is None:
        console.print("not validated: nothing proven")
    else:
        _print_seen(console, report.validation, verbose)
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.seconds.items())
    if report.validation is None or report.validation.passed:
        if report.validation is not None:
            console.print(verdict(report.validation), soft_wrap=True)
        if report.outgrown:
            console.print("the weights are in a data file: one .onnx file holds at most 2 GiB")
        files = " and ".join(filter(None, (report.output, report.data_file)))
        console.print(f"wrote {files} ({spent})", soft_wrap=True)
        for left in report.left_behind:
            console.print(f"left {left}, which the model before read", soft_wrap=True)


def print_validation(report: ValidationReport, seconds: float, *, verbose: bool) -> None:
    """Print what was seen of two models to standard output.

    Args:
        report: the report.
        seconds: how long it took.
        verbose: whether to list mean errors, spreads and tolerances too.
    """
    console = report_console()
    for name, window in report.windows.items():
        console.print(f"window {size_text(window)} on feature map '{name}'", soft_wrap=True)
    _print_seen(console, report, verbose)
    if report.passed:
        console.print(f"{verdict(report)} ({seconds:.1f} s)", soft_wrap=True)


def _print_seen(console: Console, report: ValidationReport, verbose: bool) -> None:
    for line in _regions(report.regions):
        console.print(line, soft_wrap=True)
    console.print(_errors(report, verbose))
    if report.crops is not None:
        print_crops(console, report.crops)
    for note in report.notes:
        console.print(note, soft_wrap=True)
    for output in report.unproven:
        console.print(f"a difference would not have shown: nothing proven about '{output}'")


def _regions(regions: Sequence[RegionResult]) -> Iterator[str]:
    """A line about the changed parts of the trunk that are proven, and one for each other part."""
    proven = [r for r in regions if r.changed and r.passed and not r.assumed]
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
    for region in regions:
        if region.assumed:
            yield f"NOT PROVEN: {region.finding}"
        elif not region.passed:
            yield f"{'UNDECIDED' if region.undecided else 'DIFFERS'}: {region.finding}"


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
                image_text(result.size, result.source),
                size_text(result.maps.get(comparison.output, result.map_size)),
                comparison.output,
                *numbers,
                _finding(result, comparison),
            )
        compared = {comparison.output for comparison in result.comparisons}
        for name, extents in result.maps.items():
            if name in compared:
                continue
            blanks = ["-"] * (5 if verbose else 2)
            image = image_text(result.size, result.source)
            table.add_row(image, size_text(extents), name, *blanks, "as declared")
    return table


def _finding(result: SizeResult, comparison: Comparison) -> str:
    if not comparison.passed:
        return "DIFFERS"
    ties = f", {comparison.ties} at ties" if comparison.ties else ""
    if result.against == "original":
        return f"as original{ties}"
    of_convolutions = result.against == "convolutions"
    if of_convolutions and (comparison.proven or set(result.map_size) == {1}):
        return f"as convolutions{ties}"
    count = result.cells.get(comparison.output)
    if not comparison.proven:
        one = count is not None and count.in_all == 1
        return "one cell: nothing to compare" if one else "cells do not differ: nothing proven"
    if count is None:
        return f"as original{ties}"  # Its head answers once for the whole map.
    if count.sampled:
        return f"{count.compared:,} of {count.in_all:,} cells = window{ties}"
    return f"cell = window{ties}"
