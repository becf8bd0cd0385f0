"""The graphsurgeon view of a model, whose weights stay unread until a pass asks for them."""

from pathlib import Path

import numpy as np
import onnx
import onnx_graphsurgeon as gs
from onnx import TensorProto
from onnx.external_data_helper import uses_external_data
from onnx_graphsurgeon.ir.tensor import LazyValues
from onnx_graphsurgeon.logger import G_LOGGER

from .errors import UnusableModelError
from .model_io import external_bytes
from .stored_model import StoredModel


class ExternalValues(LazyValues):  # type: ignore[misc]
    """Values of an initializer that lie in a file beside the model, read when asked for."""

    def __init__(self, tensor: TensorProto, folder: Path) -> None:
        super().__init__(tensor)
        self._folder = folder

    def load(self) -> np.ndarray:
        """Read the values; the proto keeps pointing to the file.

        onnx's own reader takes no links, not even one that stays in the folder.
        """
        loaded = TensorProto(
            data_type=self.tensor.data_type,
            dims=self.tensor.dims,
            raw_data=external_bytes(self.tensor, self._folder),
        )
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
    if model.folder is not None:
        for tensor in graph.tensors().values():
            if isinstance(tensor, gs.Constant) and _is_external(tensor._values.tensor):
                tensor.values = ExternalValues(tensor._values.tensor, model.folder)
    return graph


def _is_external(stored: object) -> bool:
    return isinstance(stored, TensorProto) and uses_external_data(stored)
