"""Blocks of a trunk with its size baked in; the judge is the same text for another size."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs

from passes import dynamic_spatial_axes
from tests.model_texts import build, random_array
from tests.passes.judges import run
from tests.passes.models import export

Weights = dict[str, Any]
Block = tuple[str, Callable[[int, int], Weights]]
"""A text from ``x`` ``[2, 4, H, W]`` to ``y``, and what it needs for that height and width.

In it, WHOLE stands for the extents of the map, TWICE for twice those, COLUMN for those of a column.
"""

SIZES = ((6, 8), (10, 14))
"""Height and width of the map, at the original size and at a larger one."""


def written(block: Block, size: Sequence[int]) -> onnx.ModelProto:
    """A model with the block behind a convolution of stride 2, for one size of the map."""
    text, needs = block
    height, width = size
    text = text.replace("WHOLE", f"[{height}, {width}]").replace("COLUMN", f"[{height}, 1]")
    text = text.replace("TWICE", f"[{2 * height}, {2 * width}]")
    return build(
        f"c0 = Conv<strides=[2, 2]>(image, kernel) x = Relu(c0) {text}",
        inputs=f"float[2,3,{2 * height},{2 * width}] image",
        outputs="float[] y",
        kernel=(4, 3, 2, 2),
        **needs(height, width),
    )


def assert_freed(block: Block, sizes: Sequence[Sequence[int]] = SIZES) -> None:
    """Free the block that is written for the first size, and compare it with itself at both."""
    small, large = (written(block, size) for size in sizes)
    graph = gs.import_onnx(small)
    result = dynamic_spatial_axes.apply(graph)
    assert result.refusals == ()
    freed = export(graph)
    for judge in (small, large):
        dims = [dim.dim_value for dim in judge.graph.input[0].type.tensor_type.shape.dim]
        image = random_array("image", dims)
        (found,), (expected,) = run(freed, image), run(judge, image)
        assert expected.std() > 0.01
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
