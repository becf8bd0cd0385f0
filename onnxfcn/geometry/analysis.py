"""The geometry of every output of a model."""

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from passes.images import Image

from ..errors import GeometryUnknownError
from .axis_analysis import AxisAnalysis, axis_geometry
from .disagreements import disagreements
from .geometry import Geometry
from .program_source import ModelSource, layout_of, spatial_size, to_program
from .seen import DoesNotFitError, UnknownError


def analyse(
    model: ModelSource, original_size: Sequence[int] | None = None, layout: str | None = None
) -> dict[str, Geometry]:
    """Tell where the cells of a model's outputs lie in the image.

    Args:
        model: a model whose image may have any size; only its graph is looked at.
        original_size: the image size that the model was made for, in pixels, an axis each;
            ``None`` takes its own, or the one in its metadata.
        layout: one letter an axis, such as ``nchw``, for an image that reaches no convolution or
            pool.

    Returns:
        By name of the output, for those that depend on the image.

    Raises:
        GeometryUnknownError: the geometry cannot be told; names the node.
        RefusedError: the original size is not known, or contradicts the model.
    """
    found = {}
    for name, geometry in analyse_each(model, original_size, layout).items():
        if isinstance(geometry, GeometryUnknownError):
            raise geometry
        found[name] = geometry
    return found


def analyse_each(
    model: ModelSource, original_size: Sequence[int] | None = None, layout: str | None = None
) -> dict[str, Geometry | GeometryUnknownError]:
    """As ``analyse``, with the reason where the geometry of an output cannot be told."""
    program = to_program(model, original_size, layout)
    image = program.images[0]
    axes = [AxisAnalysis(program, axis, n) for axis, n in enumerate(spatial_size(image))]
    found: dict[str, Geometry | GeometryUnknownError] = {}
    for output in program.dependent_outputs:
        try:
            found[output.name] = _geometry(axes, image, output)
        except UnknownError as error:
            found[output.name] = GeometryUnknownError(f"'{output.name}': {error}")
        except DoesNotFitError as error:
            reason = f"'{output.name}': the model takes images of its own size only: {error}"
            found[output.name] = GeometryUnknownError(reason)
    return found


def _geometry(axes: Sequence[AxisAnalysis], image: Image, output: gs.Tensor) -> Geometry:
    found = tuple(axis_geometry(axis, output) for axis in axes)
    places = [axis.map_axis for axis in found if axis.map_axis is not None]
    if len({*places}) < len(places):
        raise UnknownError(f"'{output.name}' has one axis for several of the image")
    return Geometry(
        image=image.tensor.name,
        layout=layout_of(image),
        output=output.name,
        axes=found,
        disagreements=disagreements(axes, output),
    )
