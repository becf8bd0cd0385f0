"""The carrier: an ONNX model that passes edit as a graphsurgeon graph and that loses nothing.

A round trip through graphsurgeon drops what it does not know (metadata, doc strings, annotations,
unused initializers, ...) and copies every weight. So the original ModelProto stays the model, and
only what the passes changed in the graphsurgeon view is spliced back into it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import is_
from pathlib import Path
from typing import Any

import onnx
import onnx_graphsurgeon as gs
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, TypeProto
from onnx.external_data_helper import uses_external_data
from onnx_graphsurgeon.exporters.onnx_exporter import OnnxExporter, dtype_to_onnx
from onnx_graphsurgeon.ir.tensor import LazyValues

from passes.shapes import Dim
from passes.weights import ReshapedValues

from .graph_view import graph_view
from .stored_model import FIRST_IR_WITHOUT_WEIGHT_INPUTS, StoredModel
from .tensor_data import external_range


class Document:
    """A model and the graphsurgeon view of its main graph.

    Attributes:
        model: the carrier; ``commit`` changes it in place.
        graph: the view that passes edit.
    """

    def __init__(self, model: StoredModel | ModelProto) -> None:
        """Open a model.

        Args:
            model: the model, its data loaded where it has external data; the document owns its
                proto from here on.

        Raises:
            UnusableModelError: graphsurgeon cannot represent the graph.
        """
        stored = StoredModel(model) if isinstance(model, ModelProto) else model
        self.model, self._folder, self._weights = stored.proto, stored.folder, dict(stored.weights)
        self.graph = graph_view(stored)
        # Listing the nodes keeps them alive, so that an id stays one node's own.
        self._nodes = list(self.graph.nodes)
        self._origins: dict[int, tuple[NodeProto, _NodeState]] = {
            id(node): (proto, _NodeState.of(node))
            for node, proto in zip(self._nodes, self.model.graph.node, strict=True)
        }
        tensors = self.graph.tensors()
        self._values = {n: t._values for n, t in tensors.items() if isinstance(t, gs.Constant)}
        self._shapes = {name: _declared_shape(tensor) for name, tensor in tensors.items()}

    def commit(self) -> ModelProto:
        """Write what changed in the view back into the carrier, and nothing else.

        Initializers and entries of ``value_info`` that only the old graph used are dropped.

        Returns:
            The carrier itself.
        """
        graph = self.model.graph
        self._rename_clashes(graph)
        used_before = set(_names(graph))
        self._commit_nodes(graph)
        dropped = used_before - set(_names(graph))
        resized = self._commit_initializers(graph, dropped)
        self._commit_values(graph, dropped, resized)
        return self.model

    @property
    def stored(self) -> StoredModel:
        """The carrier and the place of its weights."""
        return StoredModel(self.model, self._folder, self._weights)

    def _rename_clashes(self, graph: GraphProto) -> None:
        """New tensors must not take the name of something that graphsurgeon does not see."""
        unseen = {entry.name for entry in (*graph.initializer, *graph.input, *graph.value_info)}
        unseen |= {tensor.values.name for tensor in graph.sparse_initializer}
        taken = unseen | self._shapes.keys() | set(_names(graph))
        for name, tensor in self.graph.tensors().items():
            if name not in self._shapes and name in taken:
                while tensor.name in taken:
                    tensor.name += "_"
                taken.add(tensor.name)

    def _commit_nodes(self, graph: GraphProto) -> None:
        protos = [self._node_proto(node) for node in self.graph.nodes]
        if len(protos) == len(graph.node) and all(map(is_, protos, graph.node)):
            return
        # The old list owns its messages: it must outlive the copying.
        kept = [NodeProto.FromString(proto.SerializeToString()) for proto in protos]
        del graph.node[:]
        graph.node.extend(kept)

    def _node_proto(self, node: gs.Node) -> NodeProto:
        """The node's own proto where it is as it was, else a patched copy or a new one."""
        if id(node) not in self._origins:
            created: NodeProto = OnnxExporter.export_node(node)
            return created
        origin, before = self._origins[id(node)]
        now = _NodeState.of(node)
        changed = before.changed_attributes(now)
        if (
            before == replace(now, attrs=before.attrs)
            and not changed
            and len(before.attrs) == len(now.attrs)
        ):
            return origin
        proto = NodeProto()
        proto.CopyFrom(origin)
        proto.op_type, proto.name = now.op, now.name
        proto.input[:] = now.inputs
        proto.output[:] = now.outputs
        # Attributes of types that graphsurgeon cannot read are in neither state: they stay with
        # the operator that they belong to.
        gone = before.attrs.keys() - now.attrs.keys() | changed.keys()
        kept = [a for a in origin.attribute if a.name not in gone]
        if before.op != now.op:
            kept = [a for a in kept if a.name in now.attrs]
        del proto.attribute[:]
        proto.attribute.extend(kept)
        proto.attribute.extend(OnnxExporter.export_attributes(changed))
        return proto

    def _commit_initializers(self, graph: GraphProto, dropped: set[str]) -> dict[str, list[int]]:
        """Change, drop and add initializers; returns the new dims of those that changed."""
        protos = {proto.name: proto for proto in graph.initializer}
        resized: dict[str, list[int]] = {}
        for name, constant in self.graph.tensors().items():
            if not isinstance(constant, gs.Constant) or self._values.get(name) is constant._values:
                continue
            values = constant._values
            resized[name] = [int(extent) for extent in constant.shape]
            if isinstance(values, ReshapedValues) and values.source is self._values.get(name):
                protos[name].dims[:] = resized[name]
                continue
            fresh = self._initializer(name, values)
            if name in protos:
                fresh.doc_string = protos[name].doc_string
                fresh.metadata_props.extend(protos[name].metadata_props)
                protos[name].CopyFrom(fresh)
            else:
                graph.initializer.append(fresh)
                if self.model.ir_version < FIRST_IR_WITHOUT_WEIGHT_INPUTS:
                    graph.input.append(
                        onnx.helper.make_tensor_value_info(
                            name, dtype_to_onnx(constant.dtype), resized[name]
                        )
                    )
        _remove(graph.initializer, dropped)
        _remove(graph.sparse_initializer, dropped)
        return resized

    def _initializer(self, name: str, values: Any) -> TensorProto:
        """An initializer of an array, or of ``LazyValues``, which stay where they are stored."""
        if not isinstance(values, LazyValues):
            return onnx.numpy_helper.from_array(values, name)
        fresh: TensorProto = values.tensor
        if not isinstance(values, ReshapedValues):  # theirs is a copy, weights and all
            fresh = TensorProto()
            fresh.CopyFrom(values.tensor)
        if fresh.name in self._weights:
            self._weights[name] = self._weights[fresh.name]
        elif uses_external_data(fresh):  # it stood in a branch
            self._weights[name] = external_range(fresh, self._folder or Path())
        fresh.name = name
        return fresh

    def _commit_values(
        self, graph: GraphProto, dropped: set[str], resized: dict[str, list[int]]
    ) -> None:
        """Bring the declared shapes of inputs, outputs and inner tensors up to date."""
        now: dict[str, list[Dim] | None] = {
            name: _declared_shape(tensor) for name, tensor in self.graph.tensors().items()
        }
        now.update({name: list(dims) for name, dims in resized.items()})
        _remove(graph.value_info, dropped)
        # A true input stays, even one that only the old head read; a weight's entry goes with it.
        true_inputs = {tensor.name for tensor in self.graph.inputs}
        _remove(graph.input, dropped - true_inputs)
        for value in (*graph.input, *graph.output, *graph.value_info):
            if value.name in now and now[value.name] != self._shapes.get(value.name):
                _set_shape(value.type, now[value.name])
        self._tell_shapes(graph)

    def _tell_shapes(self, graph: GraphProto) -> None:
        """Declare the shapes of inner tensors that nobody knew before."""
        declared = {value.name for value in (*graph.input, *graph.output, *graph.value_info)}
        inner = {name for node in graph.node for name in node.output} - declared
        for name, tensor in self.graph.tensors().items():
            known = tensor.shape is not None and tensor.dtype is not None
            if known and name in inner and self._shapes.get(name) is None:
                dtype = dtype_to_onnx(tensor.dtype)
                graph.value_info.append(
                    onnx.helper.make_tensor_value_info(name, dtype, tensor.shape)
                )


@dataclass(frozen=True)
class _NodeState:
    """What a pass can change in a node."""

    op: str
    name: str
    inputs: list[str]
    outputs: list[str]
    attrs: dict[str, Any]

    @classmethod
    def of(cls, node: gs.Node) -> "_NodeState":
        return cls(
            op=node.op,
            name=node.name,
            inputs=[tensor.name for tensor in node.inputs],
            outputs=[tensor.name for tensor in node.outputs],
            attrs={k: list(v) if isinstance(v, list) else v for k, v in node.attrs.items()},
        )

    def changed_attributes(self, now: "_NodeState") -> dict[str, Any]:
        """Attributes of the later state that are new or differ."""
        return {
            name: value
            for name, value in now.attrs.items()
            if name not in self.attrs or not _same(self.attrs[name], value)
        }


def _same(before: Any, now: Any) -> bool:
    """Equality that takes graphsurgeon objects for equal only where they are identical."""
    if isinstance(before, gs.Tensor | gs.Graph) or isinstance(now, gs.Tensor | gs.Graph):
        return before is now
    return bool(before == now)


def _names(graph: GraphProto) -> Iterator[str]:
    """Names that the nodes and outputs of a graph, its branches included, mention."""
    yield from (output.name for output in graph.output)
    for node in graph.node:
        yield from node.input
        yield from node.output
        for attribute in node.attribute:
            for subgraph in (attribute.g, *attribute.graphs):
                yield from _names(subgraph)


def _remove(entries: Any, names: set[str]) -> None:
    """Remove the named entries of a repeated field, without copying the others."""
    for index in reversed(range(len(entries))):
        entry = entries[index]
        values = getattr(entry, "values", None)  # of a sparse tensor, which has the name there
        if (entry if values is None else values).name in names:
            del entries[index]


def _declared_shape(tensor: gs.Tensor) -> list[Dim] | None:
    return None if tensor.shape is None else list(tensor.shape)


def _set_shape(type_proto: TypeProto, shape: Sequence[Dim] | None) -> None:
    """Change the extents that differ; denotations stay where the rank does."""
    tensor_type = type_proto.tensor_type
    if shape is None:
        tensor_type.ClearField("shape")
        return
    dims = tensor_type.shape.dim
    if len(dims) != len(shape):
        del dims[:]
        dims.extend([onnx.TensorShapeProto.Dimension() for _ in shape])
    for dim, extent in zip(dims, shape, strict=True):
        dim.ClearField("dim_value")
        dim.ClearField("dim_param")
        if isinstance(extent, int):
            dim.dim_value = extent
        elif extent is not None:
            dim.dim_param = extent
