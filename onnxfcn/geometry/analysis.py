"""The geometry of every output of a model."""

from collections.abc import Sequence

import onnx_graphsurgeon as gs

from passes import Refusal, RefusalCode

from ..errors import GeometryUnknownError
from ..files.model_io import ModelSource, stored_model
from ..files.stored_model import StoredModel
from .axis_analysis import AxisAnalysis, axis_geometry
from .disagreements import disagreements
from .errors import DoesNotFitError, TornError, UnknownError
from .geometry import Geometry
from .program_source import layout_of, to_program


class ModelAnalysis:
    """A model that can be asked where the cells of its outputs lie; runs are kept.

    Attributes:
        axes: runs along each axis of the image.
        outputs: the outputs that depend on the image, by name, in graph order.
    """

    def __init__(
        self,
        model: StoredModel,
        original_size: Sequence[int] | None = None,
        layout: str | None = None,
    ) -> None:
        """Prepare a model; the other arguments and the errors are those of ``analyse``."""
        program = to_program(model, original_size, layout)
        self._image = program.images[0]
        self.axes = tuple(AxisAnalysis(program, axis) for axis in range(len(program.sizes)))
        self.outputs: dict[str, gs.Tensor] = {t.name: t for t in program.dependent_outputs}

    def geometry(self, name: str) -> Geometry:
        """Where the cells of an output lie.

        Raises:
            GeometryUnknownError: that cannot be told; names the node.
        """
        try:
            return self._geometry(self.outputs[name])
        except TornError as error:
            raise GeometryUnknownError(f"'{name}': {error}", _torn(error)) from error
        except UnknownError as error:
            reason = str(error)
        except DoesNotFitError as error:
            reason = f"the model takes images of its own size only: {error}"
        raise GeometryUnknownError(f"'{name}': {reason}")

    def _geometry(self, output: gs.Tensor) -> Geometry:
        found = tuple(axis_geometry(axis, output) for axis in self.axes)
        places = [axis.map_axis for axis in found if axis.map_axis is not None]
        if len({*places}) < len(places):
            raise UnknownError("it has one axis for several of the image")
        return Geometry(
            image=self._image.tensor.name,
            layout=layout_of(self._image.roles),
            output=output.name,
            axes=found,
            disagreements=disagreements(self.axes, output),
        )


def _torn(error: TornError) -> Refusal:
    return Refusal(
        code=RefusalCode.WINDOWS_DIFFER,
        node=error.name,
        operator=error.operator,
        expected="inputs whose cells lie at the same places of the image",
        found="places that lie the farther apart the larger the image is, such as those of a"
        " mirrored branch, or of both halves of the image",
        advice="Rewrite one branch by itself, and put the maps together at run time",
    )


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
    analysis = ModelAnalysis(stored_model(model), original_size, layout)
    return {name: analysis.geometry(name) for name in analysis.outputs}
