"""Mutations of stored tensors and of declared shapes."""

import random

from onnx import ModelProto, TensorProto, TypeProto, ValueInfoProto

HOSTILE = (
    -(2**63), -(2**31), -7, -2, -1, 0, 1, 2, 3, 7, 255, 65_537, 2**24, 2**31 - 1, 2**31, 2**32 + 1,
    2**40, 2**62, 2**63 - 1,
)  # fmt: skip
"""Extents, axes and lengths that code may not expect."""
_TYPES = (*range(24), 99, -1)


def change_dims(model: ModelProto, choice: random.Random) -> None:
    """Give a stored tensor dims that its data does not have."""
    tensor = choice.choice(_stored(model))
    dims = list(tensor.dims)
    kind = choice.randrange(4)
    if kind == 0 and dims:
        dims[choice.randrange(len(dims))] = choice.choice(HOSTILE)
    elif kind == 1:
        dims += choice.choices(HOSTILE, k=choice.randint(1, 3))
    elif kind == 2:
        dims = [choice.choice(HOSTILE) for _ in dims]
    else:
        dims = dims[1:]
    tensor.dims[:] = dims


def change_data(model: ModelProto, choice: random.Random) -> None:
    """Make data shorter or longer than the dims, or of another form or type."""
    tensor = choice.choice(_stored(model))
    kind = choice.randrange(6)
    if kind == 0:
        tensor.raw_data = tensor.raw_data[: choice.randint(0, len(tensor.raw_data))]
    elif kind == 1:
        tensor.raw_data += b"\1" * choice.choice([1, 4, 4096])
    elif kind == 2:
        tensor.ClearField("raw_data")
    elif kind == 3:
        tensor.float_data.extend([1.0] * choice.randrange(9))
    elif kind == 4:
        tensor.data_type = choice.choice(_TYPES)
    else:
        tensor.string_data.append(b"text")


def change_integers(model: ModelProto, choice: random.Random) -> None:
    """Put hostile numbers into a small tensor of integers: shapes, axes, paddings."""
    found = [t for t in _stored(model) if t.data_type == TensorProto.INT64 and len(t.raw_data) < 99]
    if not found:
        return
    tensor = choice.choice(found)
    count = len(tensor.raw_data) // 8
    numbers = [
        int.from_bytes(tensor.raw_data[8 * at : 8 * at + 8], "little", signed=True)
        for at in range(count)
    ]
    for _ in range(choice.randint(1, 2) if count else 0):
        numbers[choice.randrange(count)] = choice.choice(HOSTILE)
    tensor.raw_data = b"".join(number.to_bytes(8, "little", signed=True) for number in numbers)


def change_shape(model: ModelProto, choice: random.Random) -> None:
    """Change what an input, an output or an inner tensor is declared to be."""
    graph = model.graph
    value: ValueInfoProto = choice.choice([*graph.input, *graph.output, *graph.value_info])
    shape = value.type.tensor_type.shape
    kind = choice.randrange(7)
    if kind == 0 and shape.dim:
        shape.dim[choice.randrange(len(shape.dim))].dim_value = choice.choice(HOSTILE)
    elif kind == 1 and shape.dim:
        shape.dim[choice.randrange(len(shape.dim))].dim_param = choice.choice(["", "N", "x\n\0"])
    elif kind == 2:
        value.type.tensor_type.ClearField("shape")
    elif kind == 3:
        shape.dim.add().dim_value = choice.choice(HOSTILE)
    elif kind == 4:
        value.type.tensor_type.elem_type = choice.choice(_TYPES)
    elif kind == 5:
        value.type.CopyFrom(_wrapped(value.type, choice))
    else:
        del shape.dim[:1]


def _wrapped(inner: TypeProto, choice: random.Random) -> TypeProto:
    """A type that is no tensor."""
    kind = choice.randrange(4)
    if kind == 0:
        return TypeProto(sequence_type=TypeProto.Sequence(elem_type=inner))
    if kind == 1:
        return TypeProto(optional_type=TypeProto.Optional(elem_type=inner))
    if kind == 2:
        return TypeProto(map_type=TypeProto.Map(key_type=TensorProto.INT64, value_type=inner))
    return TypeProto()


def make_sparse(model: ModelProto, choice: random.Random) -> None:
    """Store a weight as a sparse tensor, right or wrong."""
    graph = model.graph
    if not graph.initializer:
        return
    index = choice.randrange(len(graph.initializer))
    sparse = graph.sparse_initializer.add()
    sparse.values.CopyFrom(graph.initializer[index])
    count = choice.choice([0, 1, len(sparse.values.raw_data) // 4])
    sparse.values.dims[:] = [count]
    sparse.dims[:] = choice.choices(HOSTILE, k=choice.randint(1, 4))
    sparse.indices.dims[:] = [count]
    sparse.indices.data_type = TensorProto.INT64
    sparse.indices.int64_data[:] = choice.choices(HOSTILE, k=count)
    if choice.random() < 0.8:
        del graph.initializer[index]


def _stored(model: ModelProto) -> list[TensorProto]:
    found = [*model.graph.initializer]
    for node in model.graph.node:
        found += [attribute.t for attribute in node.attribute if attribute.HasField("t")]
    return found or [model.graph.initializer.add()]
