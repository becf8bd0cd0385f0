"""What a model is, what a rewrite would make of it, and what its cells mean; nothing is run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import onnx_graphsurgeon as gs
from onnx import ModelProto

from passes import Refusal, Rewrite, dynamic_spatial_axes
from passes.images import Image, find_images
from passes.result import Refused
from passes.shapes import Shape

from .costs import Cost, count_costs, count_parameters, default_sizes, preferred
from .errors import GeometryUnknownError, NothingToRewriteError, RefusedError
from .files.contradictory_models import blaming
from .files.document import Document
from .files.graph_view import graph_view
from .files.model_io import ModelSource
from .files.stored_model import StoredModel
from .geometry import Geometry, from_metadata
from .geometry.metadata import VERSION_KEY
from .geometry.program_source import size_and_layout
from .json_types import json_object
from .meaning import OutputMeaning, find_meanings, no_crops
from .opening import open_model
from .option_checks import checked_input_size, checked_sizes
from .pipeline import chosen_passes, run_passes
from .report import SCHEMA_VERSION, windows_of
from .result_metadata import is_result, windows_in_metadata
from .sizes import Size

_NO_IMAGE = "no input of the model has spatial axes that can be determined"

_LAYOUTS = {3: "nhw", 4: "nchw", 5: "ncdhw"}
"""What an image's axes may be, by their number."""

Kind = Literal["classifier", "fully convolutional", "refused"]


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found out about a model.

    Attributes:
        source: where it came from; empty for a model in memory.
        kind: ``classifier``, which a rewrite would change; ``fully convolutional``, which has no
            dense head; ``refused``, which it would not change.
        image: name of the image input; empty where there is none.
        image_shape: its shape as declared.
        rewrites: what a rewrite would change, in graph order.
        windows: cells of each feature map that a head sees at once, by the map's name.
        blockers: why a rewrite would be refused.
        outputs: what the cells of the (rewritten) outputs mean.
        parameters: elements of floating point weights behind the image.
        costs: multiply-accumulates in one pass and by crops.
        notes: what else to know.
    """

    source: str
    kind: Kind
    image: str = ""
    image_shape: Shape = ()
    rewrites: tuple[Rewrite, ...] = ()
    windows: dict[str, Size] = field(default_factory=dict)
    blockers: tuple[Refusal, ...] = ()
    outputs: tuple[OutputMeaning, ...] = ()
    parameters: int = 0
    costs: tuple[Cost, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON types, with a ``schema_version``."""
        content = {
            "schema_version": SCHEMA_VERSION,
            "status": "done",
            "source": self.source,
            "kind": self.kind,
            "image": {"name": self.image, "shape": self.image_shape},
            "windows": self.windows,
            "rewrites": [asdict(rewrite) for rewrite in self.rewrites],
            "blockers": [asdict(refusal) for refusal in self.blockers],
            "outputs": [meaning.as_dict() for meaning in self.outputs],
            "parameters": self.parameters,
            "costs": [asdict(cost) for cost in self.costs],
            "notes": self.notes,
        }
        return json_object(content)


def inspect(
    model: ModelSource,
    *,
    sizes: Sequence[Size] = (),
    input_size: Sequence[int] | None = None,
    input_layout: str | None = None,
) -> Inspection:
    """Find out what a model is, what a rewrite would make of it, and what its cells mean.

    Args:
        model: an original or a rewritten model; never changed, and never run.
        sizes: image sizes to count multiply-accumulates at, in pixels an axis; by default the
            original one and two larger ones.
        input_size: the image size that a model with symbolic axes was made for.
        input_layout: one letter an axis, for an image that reaches no convolution or pool.

    Raises:
        UsageError: a path or a size is wrong.
        UnusableModelError: the model is not valid.
        SizeNotAcceptedError: the rewritten model takes no images of a size.
    """
    sizes = checked_sizes(sizes)
    input_size = checked_input_size(input_size)
    stored = open_model(model)
    source = "" if isinstance(model, ModelProto) else str(model)
    with blaming(stored):
        return _inspected(stored, source, sizes, input_size, input_layout)


def _inspected(
    stored: StoredModel,
    source: str,
    sizes: Sequence[Size],
    input_size: Size | None,
    input_layout: str | None,
) -> Inspection:
    told, graph = stored.metadata, graph_view(stored)
    size, layout = size_and_layout(stored, input_size, input_layout)
    try:
        image = next(iter(find_images(graph, size, layout)), None)
    except Refused as refused:
        return Inspection(source=source, kind="refused", blockers=(refused.refusal,))
    if image is None:
        return Inspection(source=source, kind="refused", notes=(_no_image(graph),))
    found = Inspection(
        source=source,
        kind="fully convolutional",
        image=image.tensor.name,
        image_shape=tuple(image.tensor.shape),
        parameters=count_parameters(graph, image),
    )
    options = {"input_size": size, "input_layout": layout}
    try:
        is_free = is_result(image, told)
        result, rewrites = (stored, ()) if is_free else _rewritten(stored, options)
    except RefusedError as error:
        return replace(found, kind="refused", blockers=error.refusals)
    windows = windows_of(rewrites)
    outputs = find_meanings(result, image)
    torn = tuple(meaning.refusal for meaning in outputs if meaning.refusal)
    if torn and windows:
        return replace(found, kind="refused", blockers=torn)
    return replace(
        found,
        kind="classifier" if windows else "fully convolutional",
        rewrites=rewrites,
        windows=windows or windows_in_metadata(told),
        outputs=outputs,
        costs=_costs(graph, graph_view(result), image, outputs, sizes),
        notes=_notes(told, outputs),
    )


def _no_image(graph: gs.Graph) -> str:
    """Why there is no image, and what to do where an input may be one."""
    for tensor in graph.inputs:
        letters = _LAYOUTS.get(len(tensor.shape or ()))
        if letters:
            return (
                f"{_NO_IMAGE}: if '{tensor.name}' is an image, say what its axes are, such as"
                f" --input-layout {letters}"
            )
    return _NO_IMAGE


def _rewritten(
    stored: StoredModel, options: Mapping[str, Any]
) -> tuple[StoredModel, tuple[Rewrite, ...]]:
    """A model with its heads lifted and its axes freed, as far as there is something to do.

    Raises:
        RefusedError: a pass refused.
    """
    for names in (None, [dynamic_spatial_axes.NAME]):
        document = Document(stored.copy())
        try:
            rewrites = run_passes(document.graph, chosen_passes(names, {}), options)
        except NothingToRewriteError:
            continue
        if list(document.commit().graph.node) == list(stored.proto.graph.node):
            break  # The axes are free already, but for their names.
        return document.stored, rewrites
    return stored, ()


def _costs(
    original: gs.Graph,
    result: gs.Graph,
    image: Image,
    outputs: Sequence[OutputMeaning],
    sizes: Sequence[Size],
) -> tuple[Cost, ...]:
    """Costs at some sizes; none where no output is a map.

    Raises:
        SizeNotAcceptedError: the model takes no images of a size.
        UsageError: a size has another number of axes.
    """
    counted = _counted_map(outputs)
    if counted is None:
        return ()
    return tuple(count_costs(original, result, image, counted, sizes or default_sizes(counted)))


def _counted_map(outputs: Sequence[OutputMeaning]) -> Geometry | None:
    """The map whose cells are counted; ``None`` where no output is one."""
    maps = [found.geometry for found in outputs if found.geometry and any(found.geometry.stride)]
    return preferred(maps) if maps else None


def _notes(told: Mapping[str, str], outputs: Sequence[OutputMeaning]) -> tuple[str, ...]:
    """What is not counted, and whether the metadata of a rewritten model still tell the truth."""
    counted = _counted_map(outputs)
    crops = (no_crops(counted.output),) if counted and counted.answers_maps else ()
    if VERSION_KEY not in told:
        return crops
    try:
        known = from_metadata(told)
    except GeometryUnknownError as error:
        return (*crops, str(error))
    differing = [m.output for m in outputs if m.output in known and known[m.output] != m.geometry]
    return crops + tuple(
        f"the geometry of '{name}' in the metadata is not that of the graph: edited since?"
        for name in differing
    )
