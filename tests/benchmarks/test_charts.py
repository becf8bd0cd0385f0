"""Every chart shows the numbers that were measured, and each text of it can be read."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the extra 'benchmarks' is not installed")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from benchmarks import charts, rewriting
from benchmarks.crops import CropTimes
from benchmarks.heads import HeadTimes
from benchmarks.nodes import ChainCost
from benchmarks.processes import Cost
from benchmarks.rewriting import RewriteCosts
from onnxfcn.speed_report import CropSpeed, SpeedReport
from onnxfcn.timing import Timed

MACHINE = "a processor with quite a long name, 64 cores, 256 GB"


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that a test saves."""
    saved: list[Figure] = []
    save = Figure.savefig

    def savefig(figure: Figure, *arguments: object, **options: object) -> None:
        saved.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return saved


def check(path: Path, figure: Figure) -> None:
    """No text covers another one or leaves the figure, and the file is small."""
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size < 100_000
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
    for text, box in boxes:
        assert figure.bbox.padded(1).containsx(box.x0), text
        assert figure.bbox.padded(1).containsx(box.x1), text
        assert figure.bbox.padded(1).containsy(box.y0), text
        assert figure.bbox.padded(1).containsy(box.y1), text
    for (one, box), (other, other_box) in combinations(boxes, 2):
        assert not box.padded(-1).overlaps(other_box.padded(-1)), (one, other)


def texts(figure: Figure) -> Iterator[Text]:
    """All that is written on a figure."""
    yield from figure.texts
    for legend in figure.legends:
        yield from legend.get_texts()
    for axes in figure.axes:
        yield from axes.texts
        yield from (axes.title, axes.xaxis.label, axes.yaxis.label)
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            for tick in axis.get_major_ticks():
                if tick.label1.get_visible() and min(limits) <= tick.get_loc() <= max(limits):
                    yield tick.label1


def timed(seconds: float) -> Timed:
    return Timed(9.0, np.array([2 * seconds, seconds, 2 * seconds]))


def test_rewriting(tmp_path: Path, figures: list[Figure]) -> None:
    found = [
        RewriteCosts(model, external, size, {task: costs(size) for task in rewriting.TASKS})
        for model, external, size in [
            ("AlexNet", False, 244.0),
            ("AlexNet", True, 245.0),
            ("VGG-16", False, 553.0),
            ("VGG-16", True, 554.0),
            ("wide head", True, 2993.0),
        ]
    ]
    charts.draw_rewriting(tmp_path / "plot.png", found, MACHINE)
    (figure,) = figures
    check(tmp_path / "plot.png", figure)
    upper, lower = figure.axes[2], figure.axes[5]
    assert upper.get_title() == "wide head, 2,993 MB"
    assert {bar.get_width() for bar in upper.patches} == {29.93}
    assert {bar.get_width() for bar in lower.patches} == {8979.0}
    assert {text.get_text() for text in lower.texts} == {"8,979"}


def costs(size: float) -> Cost:
    return Cost(size / 100, 3 * size)


def test_nodes(tmp_path: Path, figures: list[Figure]) -> None:
    counts = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
    found = [ChainCost(count, count / 1e3, count / 50, count <= 2_000) for count in counts]
    charts.draw_nodes(tmp_path / "plot.png", found, MACHINE)
    (figure,) = figures
    check(tmp_path / "plot.png", figure)
    linear, located, others = figure.axes[0].lines
    assert list(linear.get_ydata()) == pytest.approx([count / 1e3 for count in counts])
    assert list(located.get_ydata()) == [1.0, 2.0]
    assert list(others.get_xdata()) == [5_000, 10_000, 20_000, 50_000]


def test_crops(tmp_path: Path, figures: list[Figure]) -> None:
    found = [crop_times("VGG-16", 11.2), crop_times("custom", None)]
    charts.draw_crops(tmp_path / "plot.png", found, MACHINE)
    (figure,) = figures
    check(tmp_path / "plot.png", figure)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [10.0, 10.0, 11.2, 0.0]
    assert [text.get_text() for text in axes.texts] == ["10.0", "10.0", "11.2", "unknown"]


def crop_times(model: str, limit: float | None) -> CropTimes:
    speed = CropSpeed(
        size=(384, 384),
        map_size=(6, 6),
        images=1,
        crops_together=8,
        one_pass=timed(0.5),
        by_crops=timed(5.0),
        limit=limit,
    )
    return CropTimes(model, SpeedReport(provider="", output="", batches=(), sizes=(speed,)), {}, {})


def test_heads(tmp_path: Path, figures: list[Figure]) -> None:
    found = [
        HeadTimes(head, batch, extents, own, {form: timed(batch / 100) for form in forms})
        for head in ("AlexNet", "VGG")
        for batch in (1, 8, 32)
        for extents, own, forms in [
            ((6, 6), True, ("Gemm", "Conv", "MatMul")),
            ((18, 18), False, ("Conv", "MatMul")),
        ]
    ]
    charts.draw_heads(tmp_path / "plot.png", found, MACHINE)
    (figure,) = figures
    check(tmp_path / "plot.png", figure)
    assert [axes.get_title() for axes in figure.axes] == [
        f"{head}, map {extents}" for head in ("AlexNet", "VGG") for extents in ("6x6", "18x18")
    ]
    assert [len(axes.lines) for axes in figure.axes] == [3, 2, 3, 2]
    assert list(figure.axes[0].lines[0].get_ydata()) == pytest.approx([10.0, 80.0, 320.0])
