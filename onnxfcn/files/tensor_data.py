"""The tensors that a model stores: how long their data is, and where it lies."""

from collections.abc import Iterator
from math import prod
from pathlib import Path

import onnx
from onnx import GraphProto, TensorProto
from onnx.external_data_helper import ExternalDataInfo, set_external_data

from .weights import FileRange, stamp_of

_PACKED_BITS = {"INT2": 2, "UINT2": 2, "INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4}
_PACKED_BITS |= {"FLOAT6E2M3": 6, "FLOAT6E3M2": 6}
"""Bits of an element, by data type, where several elements share bytes."""


def tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every tensor that a graph stores: initializers and attributes, in branches too."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for subgraph in (attribute.g, *attribute.graphs):
                yield from tensors(subgraph)


def element_bits(data_type: int) -> int:
    """Bits of an element in raw data; 0 for no data type."""
    try:
        name = TensorProto.DataType.Name(data_type)
        width: int = onnx.helper.tensor_dtype_to_np_dtype(data_type).itemsize
    except (KeyError, ValueError):
        return 0
    return _PACKED_BITS.get(name, 8 * width)


def stored_bytes(tensor: TensorProto) -> int:
    """Bytes that a tensor's dims and data type need as raw data."""
    bits: int = prod(tensor.dims) * element_bits(tensor.data_type)
    return -(-bits // 8)


def take_in(tensor: TensorProto, folder: Path) -> None:
    """Turn a tensor with external data into one without; see ``external_range``."""
    tensor.raw_data = external_range(tensor, folder).read()
    refer_no_more(tensor)


def external_range(tensor: TensorProto, folder: Path) -> FileRange:
    """Where the bytes of a tensor with external data lie.

    Args:
        tensor: the tensor, which was checked when its model was opened.
        folder: the folder that its location starts from.
    """
    info = ExternalDataInfo(tensor)
    path = folder / info.location
    length = stored_bytes(tensor) if info.length is None else info.length
    return FileRange(path, info.offset or 0, length, stamp_of(path))


def refer(tensor: TensorProto, location: str, offset: int, length: int) -> None:
    """Turn a tensor into one with external data, whatever it had before."""
    tensor.raw_data = b""  # set_external_data wants the field, the checker does not
    set_external_data(tensor, location, offset, length)
    tensor.ClearField("raw_data")


def refer_no_more(tensor: TensorProto) -> None:
    """Turn a tensor with external data into one without; its data is to be put into it."""
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")
