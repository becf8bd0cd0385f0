"""Classifiers behind a small trunk, and what the passes make of a model."""

from collections.abc import Sequence
from typing import Any

import onnx
import onnx_graphsurgeon as gs

from passes import dynamic_spatial_axes, flatten_gemm_to_conv
from tests.model_texts import build

TRUNK = "map = Conv<strides=[2, 2]>(image, kernel)"


def head_model(head: str, *, batch: int | str = "N", **options: Any) -> onnx.ModelProto:
    """A head that reads ``map`` ``[N, 2, 4, 5]`` of a 9x11 image.

    The trunk is one unpadded convolution of stride 2, and no row or column is left over.
    """
    options = {"inputs": f"float[{batch},3,9,11] image", "kernel": (2, 3, 3, 3)} | options
    return build(f"{TRUNK} {head}", **options)


def export(graph: gs.Graph) -> onnx.ModelProto:
    """The model of a graph, checked."""
    model = gs.export_onnx(graph)
    # Graphsurgeon takes initializers off the graph inputs, where IR 3 wants them.
    model.ir_version = max(model.ir_version, 4)
    onnx.checker.check_model(model, full_check=True)
    return model


def rewrite(
    model: onnx.ModelProto,
    *,
    window_step: int | Sequence[int] = 1,
    input_size: Sequence[int] | None = None,
    input_layout: str | None = None,
    output_layout: str = "input",
) -> onnx.ModelProto:
    """The model after both passes, exported and checked."""
    graph = gs.import_onnx(model)
    image: dict[str, Any] = {"input_size": input_size, "input_layout": input_layout}
    lifted = flatten_gemm_to_conv.apply(
        graph, window_step=window_step, output_layout=output_layout, **image
    )
    assert lifted.refusals == ()
    assert lifted.rewrites
    freed = dynamic_spatial_axes.apply(graph, **image)
    assert freed.refusals == ()
    return export(graph)
