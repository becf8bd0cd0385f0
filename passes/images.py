"""The images of a graph: its inputs with spatial axes, their layout and their original size."""

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_graphsurgeon as gs

from .evaluation import Constants
from .layouts import Layouts
from .result import RefusalCode, Refused, refuse
from .shapes import Dim, Shape
from .static_shapes import StaticShapes, static_shapes

Roles = tuple[int, ...]
"""Role of each axis: 0 the batch, 1 the channels, 2 and up the spatial axes in image order."""

SYMBOLIC_BATCH = 2
"""Samples to reason with where the batch is symbolic: with one, mixing them would not show."""

GIVE_INPUT_SIZE = "Say what image size the model was made for: option input_size"
"""Advice where a size is needed that nobody knows."""

_LARGEST_RANK = 5
GROWTH = tuple(2**7 * 3 * 5 * 7 * by for by in (11, 13, 17))
"""Pixels by which images grow, an axis each, to tell what grows with them. Multiples of the strides
that networks have, so that what fits together or is left over stays so; different ones, so that
axes cannot be mistaken for one another; large, so that the coarsest map still grows."""


AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""What people call the spatial axes of an image, in image order, by their number."""


def spatial_axes(roles: Roles) -> tuple[int, ...]:
    """Which axes of a tensor are spatial, in image order."""
    spatial = (axis for axis, role in enumerate(roles) if role >= 2)
    return tuple(sorted(spatial, key=roles.__getitem__))


@dataclass(frozen=True)
class Image:
    """A graph input with spatial axes.

    Attributes:
        tensor: the input.
        shape: its shape at the original size, for two samples where the batch is symbolic; other
            extents that nobody knows stay symbolic.
        roles: the role of each of its axes.
    """

    tensor: gs.Tensor
    shape: Shape
    roles: Roles

    @property
    def spatial_axes(self) -> tuple[int, ...]:
        """Its spatial axes, in image order."""
        return spatial_axes(self.roles)

    @property
    def is_sized(self) -> bool:
        """Whether all spatial extents are known."""
        return all(isinstance(self.shape[axis], int) for axis in self.spatial_axes)

    @property
    def size(self) -> tuple[int, ...]:
        """Original pixels, an axis each, in image order.

        Raises:
            Refused: a spatial extent is symbolic.
        """
        if not self.is_sized:
            raise _size_needed(self)
        extents = [self.shape[axis] for axis in self.spatial_axes]
        return tuple(extent for extent in extents if isinstance(extent, int))


def find_images(
    graph: gs.Graph,
    input_size: Sequence[int] | None = None,
    input_layout: str | None = None,
) -> list[Image]:
    """Inputs of a graph whose layout can be told, from their consumers or from the user.

    Args:
        graph: the graph; not changed.
        input_size: pixels, an axis each, in image order; ``None`` takes the model's own.
        input_layout: one letter an axis, such as ``nchw`` or ``nhw``, for images that reach no
            convolution or pool.

    Raises:
        Refused: the size or the layout contradicts an input, or a layout is given and there is no
            image.
    """
    layouts = Layouts(graph, Constants(graph))
    options = layouts, input_size, input_layout
    images = _images([t for t in graph.inputs if len(t.shape or ()) >= 3], *options)
    # Vectors beside an image are no signals, whatever reads them.
    images = images or _images(_signals(graph, layouts), *options)
    if input_layout is not None and not images:
        inputs = ", ".join(f"'{t.name}' of shape {list(t.shape or ())}" for t in graph.inputs)
        raise refuse(
            RefusalCode.LAYOUT_UNKNOWN,
            None,
            expected="an input of three axes or more, or of two that convolutions slide over",
            found=f"'{input_layout}', and the inputs {inputs}",
            advice="Leave the option input_layout out: no input is an image",
        )
    return images


def possible_images(graph: gs.Graph, images: Sequence[Image]) -> list[gs.Tensor]:
    """The images of a graph, and inputs that may be images whose layout nobody has told.

    Args:
        graph: the graph; not changed.
        images: its images.
    """
    found = {id(image.tensor) for image in images}
    if not images:
        found.update(map(id, _signals(graph, Layouts(graph, Constants(graph)))))
    return [t for t in graph.inputs if id(t) in found or len(t.shape or ()) >= 3]


def _signals(graph: gs.Graph, layouts: Layouts) -> list[gs.Tensor]:
    """Inputs ``[N, T]`` or ``[H, W]`` that convolutions or pools slide over."""
    return [tensor for tensor in graph.inputs if _is_signal(tensor, layouts)]


def _is_signal(tensor: gs.Tensor, layouts: Layouts) -> bool:
    if len(tensor.shape or ()) != 2:
        return False
    roles = layouts.roles(tensor, 2)
    return layouts.is_slid_over(tensor) if roles is None else bool(spatial_axes(roles))


def _images(
    inputs: Sequence[gs.Tensor],
    layouts: Layouts,
    input_size: Sequence[int] | None,
    input_layout: str | None,
) -> list[Image]:
    """Those of some inputs whose layout can be told."""
    images = []
    for tensor in inputs:
        rank = len(tensor.shape)
        given = _roles_by_letters(input_layout, tensor, rank)
        roles = _in_own_order(layouts.roles(tensor, rank)) or given
        if roles is None or not spatial_axes(roles):
            continue
        if given not in (None, roles):
            raise refuse(
                RefusalCode.LAYOUT_UNKNOWN,
                None,
                expected=f"the layout that the convolutions after '{tensor.name}' read",
                found=f"'{input_layout}'",
                advice="Leave the option input_layout out: the graph tells it",
            )
        if rank > _LARGEST_RANK:
            raise refuse(
                RefusalCode.LAYOUT_UNKNOWN,
                None,
                expected="images with one to three spatial axes",
                found=f"'{tensor.name}' of shape {list(tensor.shape)}",
            )
        images.append(Image(tensor, sized(tensor, roles, input_size), roles))
    return images


def _in_own_order(roles: Roles | None) -> Roles | None:
    """Roles where rows come before columns, whichever of them convolutions take for rows."""
    if roles is None:
        return None
    spatial = sorted(spatial_axes(roles))
    return tuple(2 + spatial.index(a) if role >= 2 else role for a, role in enumerate(roles))


def _roles_by_letters(layout: str | None, image: gs.Tensor, rank: int) -> Roles | None:
    if layout is None:
        return None
    letters = layout.lower()
    spatial = [letter for letter in letters if letter not in "nc"]
    if len(letters) != rank or len(set(letters)) != rank or not spatial:
        raise refuse(
            RefusalCode.LAYOUT_UNKNOWN,
            None,
            expected=f"a layout with one letter for each of the {rank} axes of '{image.name}'",
            found=f"'{layout}'",
            advice="Write n for the batch, c for the channels, other letters for spatial axes",
        )
    return tuple(
        "nc".find(letter) if letter in "nc" else 2 + spatial.index(letter) for letter in letters
    )


def sized(image: gs.Tensor, roles: Roles, size: Sequence[int] | None) -> Shape:
    """Shape of an image with its spatial extents set, where a size is given.

    Raises:
        Refused: the size contradicts the image's rank or fixed extents.
    """
    shape: list[Dim] = [
        SYMBOLIC_BATCH if role == 0 and not isinstance(extent, int) else extent
        for extent, role in zip(image.shape, roles, strict=True)
    ]
    if size is None:
        return tuple(shape)
    axes = spatial_axes(roles)
    if len(size) != len(axes):
        raise _wrong_size(image, size)
    for axis, extent in zip(axes, size, strict=True):
        if isinstance(shape[axis], int) and shape[axis] != extent:
            raise _wrong_size(image, size)
        shape[axis] = extent
    return tuple(shape)


def _wrong_size(image: gs.Tensor, size: Sequence[int]) -> Refused:
    return refuse(
        RefusalCode.INPUT_SIZE_WRONG,
        None,
        expected=f"an input size that fits '{image.name}' of shape {image.shape}",
        found="x".join(map(str, size)),
        advice="Give one number per axis, such as 224x224, or none where the model fixes it",
    )


def original_shapes(graph: gs.Graph, images: Sequence[Image]) -> StaticShapes:
    """Static shapes of all tensors at the original size."""
    # With numbers for symbolic batches, which inference would lose track of.
    batches = {
        image.tensor.shape[image.roles.index(0)]: image.shape[image.roles.index(0)]
        for image in images
        if 0 in image.roles
    }
    others = {
        tensor.name: tuple(
            batches.get(extent, extent) if isinstance(extent, str) else extent
            for extent in tensor.shape
        )
        for tensor in graph.inputs
        if tensor.shape is not None
    }
    return static_shapes(graph, others | {image.tensor.name: image.shape for image in images})


def check_sized(images: Sequence[Image]) -> None:
    """Refuse images whose original size nobody knows.

    Raises:
        Refused: a spatial extent of an image is symbolic.
    """
    for image in images:
        if not image.is_sized:
            raise _size_needed(image)


def _size_needed(image: Image) -> Refused:
    return refuse(
        RefusalCode.INPUT_SIZE_NEEDED,
        None,
        expected=f"a known size of the input '{image.tensor.name}'",
        found=f"shape {list(image.shape)}",
        advice=GIVE_INPUT_SIZE,
    )
