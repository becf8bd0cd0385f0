"""Real classifiers from the onnx wheel: AlexNet, VGG-19 and ZFNet, as shipped and with weights.

VGG-19 with random weights (575 MB) is left out: it takes more memory and time than a test may.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest

import onnxfcn
from sample_models import light_models
from tests.onnxfcn.models import head_of, random_image, run_model, windows_of

Floats = npt.NDArray[np.float32]

HEADS = {
    "bvlc_alexnet": ("r14", (6, 6), "r24"),
    "zfnet512": ("r14", (6, 6), "r20"),
    "vgg19": ("r36", (7, 7), "r46"),
}
"""Feature map, its extents at 224x224, and logits."""
LARGEST_FILE = 100_000


@pytest.mark.parametrize("name", HEADS)
def test_shipped_model_is_proven_stays_small_and_gives_a_3x4_map_at_288x320(
    name: str, tmp_path: Path
) -> None:
    # One test: the rewrite takes seconds, and workers of pytest-xdist share no fixture.
    path = tmp_path / "out.onnx"
    report = onnxfcn.rewrite(light_models.load(name), path)
    feature_map, window, _ = HEADS[name]
    assert report.validation
    assert report.windows == {feature_map: window}
    assert tuple(report.validation.windows) == (feature_map,)
    assert [rewrite.after.split()[0] for rewrite in report.rewrites[:3]] == ["Conv"] * 3

    assert path.stat().st_size < LARGEST_FILE
    graph, before = onnx.load(path).graph, light_models.load(name).graph
    fillers = [sum(node.op_type == "ConstantOfShape" for node in g.node) for g in (before, graph)]
    assert fillers[0] == fillers[1] > 0
    assert all(len(tensor.raw_data) < 10_000 for tensor in graph.initializer)
    assert {tensor.name for tensor in graph.initializer} < {value.name for value in graph.input}

    (cells,) = run_model(path, random_image(1, 3, 288, 320))
    assert cells.shape == (1, 1000, 3, 4)
    assert cells.sum(axis=1) == pytest.approx(np.ones((1, 3, 4)), abs=1e-4)


@pytest.mark.parametrize("name", ["bvlc_alexnet", "zfnet512"])
def test_every_cell_is_the_untouched_head_on_its_window(name: str) -> None:
    original = light_models.with_random_weights(light_models.load(name))
    feature_map, window, logits = HEADS[name]
    image = random_image(1, 3, 288, 320)
    trunk = head_of(original, original.graph.input[0].name, feature_map)
    (features,) = run_model(trunk, image)
    windows = windows_of(features, window)
    assert len(windows) == 12
    # The Reshape that begins the head has a batch of one baked in.
    head = head_of(original, feature_map, logits)
    (expected,) = run_model(head, windows)
    rewritten = onnxfcn.rewrite(original, validate=False).model
    del original, head, trunk

    (cells,) = run_model(rewritten, image, logits)

    assert cells.shape == (1, 1000, 3, 4)
    apart = min(
        np.abs(expected[i] - expected[j]).max() for i in range(12) for j in range(i + 1, 12)
    )
    tolerance = min(1e-4 * np.abs(expected).max(), apart / 10)
    assert np.abs(np.moveaxis(cells[0], 0, -1).reshape(12, 1000) - expected).max() < tolerance
