"""A folder with an output that stands already, and rewrites in other processes that go wrong."""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import onnx

import onnxfcn
from sample_models.layers import LayerStack

_SEEDS = {"old": 1, "new": 2}
PLACES = ("always", "never")
"""Where a rewrite puts the weights: into a data file, or into the model's own."""
CHANGES = tuple(product(PLACES, PLACES))
"""Where the weights are of a model that stands, and of one that takes its place."""
Changes = Iterable[tuple[str, str]]

# A clean process that has everything imported makes the others, in no time.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.faults.workplace"])


@dataclass(frozen=True)
class Workplace:
    """Two models of the same form, and the place where each is to be written.

    Attributes:
        sources: the models, ``old`` and ``new``.
        output: where a rewritten model stands and is written anew.
        digests: what a rewritten model holds, by the name of its source.
    """

    sources: dict[str, Path]
    output: Path
    digests: dict[str, str]

    def write(self, name: str, place: str) -> None:
        """Rewrite one of the models to the output."""
        onnxfcn.rewrite(self.sources[name], self.output, validate=False, external_data=place)

    def clear(self) -> None:
        """Remove everything from the output's folder: data files of replaced models stay there."""
        for path in self.output.parent.iterdir():
            path.unlink()

    def standing(self) -> str:
        """Which model the output is.

        Raises:
            ValueError: it is neither.
        """
        found = _digest(self.output)
        for name, digest in self.digests.items():
            if found == digest:
                return name
        raise ValueError(f"{self.output} is no whole model any more")

    def files(self) -> dict[str, bytes]:
        """Everything in the output's folder."""
        return {path.name: path.read_bytes() for path in self.output.parent.iterdir()}


def make_workplace(sources: Path, outputs: Path) -> Workplace:
    """Build the models in one folder, and let the rewritten old one stand in another."""
    paths = {name: sources / f"{name}.onnx" for name in _SEEDS}
    digests = {}
    outputs.mkdir(exist_ok=True)
    for name, seed in _SEEDS.items():
        onnx.save(_model(seed), paths[name], save_as_external_data=True, location=f"{name}.bin")
        onnxfcn.rewrite(paths[name], sources / "fcn.onnx", validate=False)
        digests[name] = _digest(sources / "fcn.onnx")
    return Workplace(paths, outputs / "out.onnx", digests)


def _model(seed: int) -> onnx.ModelProto:
    """Eight megabytes of weights, most of them in two kernels."""
    net = LayerStack("net", image=(1, 28, 28), seed=seed)
    net.conv("conv", channels=16, kernel=5)
    net.max_pool("pool", kernel=2, stride=2)
    net.flatten("flatten")
    net.dense("fc1", features=600)
    net.dense("fc2", features=800)
    return net.finish("logits")


def _digest(path: Path) -> str:
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        tensor.ClearField("data_location")
    return hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()


def start(target: Callable[..., Any], *arguments: Any) -> BaseProcess:
    """Call a function in a process of its own."""
    process = _CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process


def event() -> Any:
    """An event that processes share."""
    return _CONTEXT.Event()
