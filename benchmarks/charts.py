"""Draw what the benchmarks measured, each as one PNG."""
# matplotlib is not installed where types are checked.
# mypy: disable-error-code="import-not-found"

from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from onnxfcn.sizes import size_text

from . import heads, rewriting
from .crops import CropTimes
from .heads import HeadTimes
from .nodes import BASE, ChainCost
from .rewriting import RewriteCosts

_DOTS_PER_INCH = 80
_PLAIN = StrMethodFormatter("{x:,g}")
_BAR = 0.38
"""Height of a bar where two share a place of height one."""
_COLORS = ("C0", "C1", "C2")
_SHOWN = [task for task in rewriting.TASKS if task not in (rewriting.START, rewriting.COPY)]
"""Tasks in the chart of rewrites: a copy that is not on the disk yet costs next to nothing."""


def draw_rewriting(path: Path, found: Sequence[RewriteCosts], machine: str) -> None:
    """Seconds and megabytes of every task, a column a model, a bar for each kind of file.

    Args:
        path: the PNG to write.
        found: what was measured.
        machine: what it was measured on.
    """
    models = list(dict.fromkeys(costs.model for costs in found))
    figure = _figure(11, 7.5, "Rewriting a file, and what else is done with it", machine)
    panels = figure.subplots(2, len(models), sharey=True, squeeze=False)
    for column, model in enumerate(models):
        kinds = [costs for costs in found if costs.model == model]
        for upper, (axes, unit) in enumerate(zip(panels[:, column], ("s", "MB"), strict=True)):
            _task_bars(axes, kinds, unit)
            if not upper:
                axes.set_title(f"{model}, {kinds[0].megabytes:,.0f} MB")
    panels[0, 0].invert_yaxis()
    _legend(figure, panels[0])
    _save(figure, path)


def _task_bars(axes: Axes, kinds: Sequence[RewriteCosts], unit: str) -> None:
    """Horizontal bars of each task, in seconds or megabytes."""
    for costs in kinds:
        external = int(costs.external)
        shown = [costs.tasks[task] for task in _SHOWN]
        values = [cost.seconds if unit == "s" else cost.megabytes for cost in shown]
        shift = (external - 0.5) * _BAR if len(kinds) > 1 else 0.0
        bars = axes.barh(
            [place + shift for place in range(len(_SHOWN))],
            values,
            height=_BAR,
            color=_COLORS[external],
            label=("one file", "external data")[external],
        )
        labels = [f"{value:.2f}" if unit == "s" else f"{value:,.0f}" for value in values]
        axes.bar_label(bars, labels, padding=3, fontsize="small")
    axes.set_yticks(range(len(_SHOWN)), _SHOWN)
    axes.set_xlabel("wall time [s]" if unit == "s" else "peak of resident memory [MB]")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    _finish_bars(axes)


def draw_nodes(path: Path, found: Sequence[ChainCost], machine: str) -> None:
    """Seconds and megabytes against nodes, beside lines of what is linear."""
    figure = _figure(10, 4.8, "Rewriting chains of nodes", machine)
    for axes, unit in zip(figure.subplots(1, 2), ("s", "MB"), strict=True):
        nodes = [cost.nodes for cost in found]
        base = next((cost for cost in found if cost.nodes == BASE), found[-1])
        if unit == "s":
            linear = [base.seconds * count / base.nodes for count in nodes]
            axes.loglog(nodes, linear, "--", color="0.6", label=f"linear from {base.nodes:,} nodes")
        for located, marker, label in _KINDS:
            kind = [cost for cost in found if cost.located == located]
            values = [cost.seconds if unit == "s" else cost.megabytes for cost in kind]
            axes.loglog([cost.nodes for cost in kind], values, marker, label=label)
        axes.set(xlabel="nodes", ylabel="wall time [s]" if unit == "s" else "peak memory [MB]")
        _finish_curves(axes, nodes)
    _legend(figure, figure.axes)
    _save(figure, path)


_KINDS = ((True, "o-", "map's cells located in the image"), (False, "s-", "not located"))


def draw_crops(path: Path, found: Sequence[CropTimes], machine: str) -> None:
    """How many times as fast one pass was, beside how many times less it computes."""
    figure = _figure(9, 1.8 + 0.8 * len(found), "One pass against a run on every crop", machine)
    axes = figure.subplots()
    speeds = [times.speed for times in found]
    for shift, label, values in (
        (-0.5, "measured", [speed.faster for speed in speeds]),
        (0.5, "limit: times fewer multiply-accumulates", [speed.limit or 0.0 for speed in speeds]),
    ):
        places = [place + shift * _BAR for place in range(len(found))]
        color = _COLORS[0] if shift < 0 else "0.7"
        bars = axes.barh(places, values, height=_BAR, color=color, label=label)
        axes.bar_label(
            bars, [f"{value:.1f}" if value else "unknown" for value in values], padding=3
        )
    names = [
        f"{times.model}\n{size_text(times.speed.size)}, {prod(times.speed.map_size)} cells"
        for times in found
    ]
    axes.set_yticks(range(len(found)), names)
    axes.invert_yaxis()
    axes.set_xlabel("times as fast as a run on every crop")
    _finish_bars(axes)
    _legend(figure, [axes])
    _save(figure, path)


def draw_heads(path: Path, found: Sequence[HeadTimes], machine: str) -> None:
    """Milliseconds of each form against the batch, a row a head, a column a map."""
    panels = list(dict.fromkeys((times.head, times.extents) for times in found))
    figure = _figure(10, 7, "Heads in three forms", machine)
    shape = len({head for head, _ in panels}), 2
    grid = figure.subplots(*shape, sharex=True, sharey="row", squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=True):
        rows = [times for times in found if (times.head, times.extents) == panel]
        batches = [times.batch for times in rows]
        for form, color in zip(heads.FORMS, _COLORS, strict=True):
            if form in rows[0].forms:
                spent = [1000 * times.forms[form].rounds.min() for times in rows]
                axes.loglog(batches, spent, "o-", color=color, label=form)
        axes.set_title(f"{panel[0]}, map {size_text(panel[1])}")
        _finish_curves(axes, batches)
    for axes in grid[-1]:
        axes.set_xlabel("batch [feature maps a run]")
    for axes in grid[:, 0]:
        axes.set_ylabel("fastest run [ms]")
    _legend(figure, figure.axes)
    _save(figure, path)


def _figure(width: float, height: float, title: str, machine: str) -> Figure:
    """An empty figure of so many inches, with its title above the machine's size."""
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.06)
    figure = Figure((width, height), _DOTS_PER_INCH, layout=layout)
    figure.suptitle(f"{title}\n{machine}", fontsize="medium")
    return figure


def _finish_bars(axes: Axes) -> None:
    """Room for the labels at the ends of bars, and no frame there."""
    axes.margins(x=0.25)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(_PLAIN)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)


def _finish_curves(axes: Axes, counts: Sequence[int]) -> None:
    """Plain numbers on logarithmic axes, of which ``counts`` are the places on the lower one."""
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(_PLAIN)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.grid(alpha=0.3)


def _legend(figure: Figure, panels: Iterable[Axes]) -> None:
    """One legend below all panels."""
    handles = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles))


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, pil_kwargs={"optimize": True})
