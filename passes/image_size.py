"""The image size that a model was made for: its own, or the one that the user gives."""

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from .axis_roles import image_roles
from .result import RefusalCode, refuse
from .static_shapes import Dim


def input_shapes(
    graph: gs.Graph, input_size: Sequence[int] | None
) -> dict[str, tuple[Dim, ...]] | None:
    """Shapes of the image inputs at the size that the user gives.

    Args:
        graph: the graph; not changed.
        input_size: pixels, an axis each, in image order; ``None`` takes the model's own.

    Returns:
        Shapes by input name, ``None`` where no size is given.

    Raises:
        Refused: the size contradicts an input's rank or fixed extents.
    """
    if input_size is None:
        return None
    images = [tensor for tensor in graph.inputs if len(tensor.shape or ()) >= 3]
    return {image.name: _sized(image, tuple(input_size)) for image in images}


def _sized(image: gs.Tensor, size: tuple[int, ...]) -> tuple[Dim, ...]:
    roles = image_roles(image, len(image.shape))
    wrong = len(size) != len(roles) - 2
    shape = list(image.shape)
    for axis, role in enumerate(roles):
        if role < 2 or wrong:
            continue
        wrong = isinstance(shape[axis], int) and shape[axis] != size[role - 2]
        shape[axis] = size[role - 2]
    if wrong:
        raise refuse(
            RefusalCode.INPUT_SIZE_WRONG,
            None,
            expected=f"an input size that fits '{image.name}' of shape {image.shape}",
            found="x".join(map(str, size)),
            advice="Give one number an axis, such as 224x224, or none where the model fixes it",
        )
    return tuple(shape)
