"""The graphsurgeon view of a model, whose weights stay unread until a pass asks for them."""

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx import TensorProto
from onnx.external_data_helper import uses_external_data
from onnx_graphsurgeon.ir.tensor import LazyValues
from onnx_graphsurgeon.logger import G_LOGGER

from ..errors import UnusableModelError
from .stored_model import StoredModel
from .tensor_data import element_bits, external_range
from .weights import FileRange


class StoredValues(LazyValues):  # type: ignore[misc]
    """Values of an initializer that lie in a file, read when asked for."""

    def __init__(self, tensor: TensorProto, place: FileRange) -> None:
        super().__init__(tensor)
        self._place = place

    def load(self) -> np.ndarray:
        """Read the values; the proto keeps pointing to the file.

        onnx's own reader takes no links, not even one that stays in the folder.
        """
        loaded = TensorProto(data_type=self.tensor.data_type, dims=self.tensor.dims)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(loaded.data_type).newbyteorder("<")
        if element_bits(loaded.data_type) == 8 * dtype.itemsize:
            return np.frombuffer(self._place.read(), dtype).reshape(loaded.dims)
        loaded.raw_data = self._place.read()
        return onnx.numpy_helper.to_array(loaded)


def graph_view(model: StoredModel) -> gs.Graph:
    """A model's main graph as graphsurgeon sees it; it refers to the model's own protos.

    Raises:
        UnusableModelError: graphsurgeon cannot represent the graph.
    """
    try:
        # graphsurgeon logs to standard output, which belongs to the results.
        with G_LOGGER.suppress():
            graph = gs.import_onnx(model.proto)
    except Exception as error:  # whatever it raises on types that it does not know
        raise UnusableModelError(
            f"graphsurgeon cannot read the graph '{model.proto.graph.name}': {error}"
        ) from error
    for part in (graph, *graph.subgraphs(recursive=True)):
        for tensor in part.tensors().values():
            stored = tensor._values.tensor if isinstance(tensor, gs.Constant) else None
            if isinstance(stored, TensorProto):
                place = _place(model, stored)
                tensor.values = tensor._values if place is None else StoredValues(stored, place)
    return graph


def _place(model: StoredModel, tensor: TensorProto) -> FileRange | None:
    if model.lacks_data(tensor):
        return model.weights[tensor.name]
    if not uses_external_data(tensor) or model.folder is None:
        return None
    # Those of branches are not among the model's weights.
    return model.weights.get(tensor.name) or external_range(tensor, model.folder)
