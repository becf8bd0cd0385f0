"""Draw a fuzzed model: a sample model, changed in a few places."""

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import onnx

import onnxfcn
from sample_models import __file__ as _package

from . import hostile, nodes, tensors

SOURCES = tuple(
    sorted(p for p in Path(_package).parent.rglob("*.onnx") if p.stat().st_size < 200_000)
)
_SMALL = tuple(path for path in SOURCES if path.stat().st_size < 12_000)

Mutation = Callable[[onnx.ModelProto, random.Random], None]
_STRUCTURED: tuple[Mutation, ...] = (
    tensors.change_dims,
    tensors.change_data,
    tensors.change_integers,
    tensors.change_shape,
    tensors.make_sparse,
    nodes.change_edge,
    nodes.change_node,
    nodes.change_attribute,
    nodes.change_versions,
    nodes.change_names,
    hostile.add_expression,
    hostile.nest,
    hostile.add_function,
    hostile.move_outside,
    hostile.change_metadata,
)


def fuzzed(seed: int, case: int) -> tuple[str, bytes]:
    """A mutated model file, always the same for a seed and a number.

    Returns:
        What was done, in words, and the file.
    """
    choice = random.Random(f"{seed} {case}")
    name, content = _source(choice)
    if choice.random() < 0.2:
        return f"bytes of {name}", _mutated_bytes(content, choice)
    model = onnx.ModelProto.FromString(content)
    names = []
    for _ in range(choice.choice([1, 1, 1, 2, 3])):
        mutation = choice.choice(_STRUCTURED)
        if model.graph.node:
            mutation(model, choice)
            names.append(mutation.__name__)
    return f"{', '.join(names)} of {name}", model.SerializeToString()


def _source(choice: random.Random) -> tuple[str, bytes]:
    """A sample model and its name; sometimes its rewritten form, which has metadata."""
    path = choice.choice(_SMALL if choice.random() < 0.9 else SOURCES)
    if choice.random() < 0.15:
        path = choice.choice(_SMALL[:: len(_SMALL) // 8])
        rewritten = _rewritten(path)
        return f"rewritten {path.name}", rewritten or path.read_bytes()
    return path.name, path.read_bytes()


@cache
def _rewritten(path: Path) -> bytes:
    """The rewritten form of a sample model; nothing where it is refused."""
    try:
        report = onnxfcn.rewrite(path, validate=False)
    except onnxfcn.OnnxfcnError:
        return b""
    return report.model.SerializeToString(deterministic=True)


def _mutated_bytes(content: bytes, choice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(choice.choice([1, 1, 2, 4, 16])):
        if not changed:
            break
        at = choice.randrange(len(changed))
        end = min(len(changed), at + choice.choice([1, 1, 2, 8, 64]))
        kind = choice.randrange(6)
        if kind == 0:
            changed[at] ^= 1 << choice.randrange(8)
        elif kind == 1:
            changed[at:end] = choice.randbytes(end - at)
        elif kind == 2:
            del changed[at:end]
        elif kind == 3:
            changed[at:at] = changed[at:end] * choice.choice([1, 2, 100])
        elif kind == 4:
            changed[at:at] = choice.choice([b"\xff" * 9 + b"\x01", b"\x80" * 12, b"\x0a\xff\x7f"])
        elif len(changed) > 99 and choice.random() < 0.3:
            del changed[max(at, 9) :]
    return bytes(changed)
