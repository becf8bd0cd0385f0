"""Time and memory of rewrites against the number of nodes: ``python -m benchmarks.nodes``.

The models are chains of Conv, Relu and Sigmoid on small maps with a dense head, so that it is the
graph that costs and not the weights. Every rewrite is a process of its own, without validation,
and the fastest of some rounds counts. Its seconds are those of the rewrite, imports left out, its
memory is that of the whole process. Where the map's cells lie in the image, ``rewrite`` tells only
in graphs of up to 2,000 nodes, and that takes longer than all the rest.
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx

from sample_models.layers import LayerStack

from .options import positive
from .printing import heading, note, row
from .processes import run_apart

COUNTS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
BASE = 5_000
"""The chain that the others stand against."""
_IMAGE = (3, 8, 8)
_CHANNELS = 4
_REWRITE = """
import sys, time
import onnxfcn
began = time.perf_counter()
report = onnxfcn.rewrite(*sys.argv[1:], validate=False)
print(time.perf_counter() - began, any(output.geometry for output in report.outputs))
"""


@dataclass(frozen=True)
class ChainCost:
    """What the rewrite of a chain took.

    Attributes:
        nodes: nodes of the chain.
        seconds: wall time, reading and writing the files included.
        megabytes: peak of the resident memory of the whole process.
        located: whether it was told where the map's cells lie in the image, which takes long.
    """

    nodes: int
    seconds: float
    megabytes: float
    located: bool


def chain(nodes: int) -> onnx.ModelProto:
    """``image [N, 3, 8, 8]`` to ``logits [N, 5]`` by so many nodes, one after the other."""
    net = LayerStack("chain", image=_IMAGE, seed=0)
    for number in range(nodes - 2):
        if number % 3 == 0:
            net.conv(f"conv{number}", channels=_CHANNELS, kernel=3, pad=1)
        elif number % 3 == 1:
            net.relu(f"relu{number}")
        else:
            net.sigmoid(f"sigmoid{number}")
    net.flatten("flatten")
    net.dense("dense", features=5)
    return net.finish("logits")


def measure(nodes: int, *, rounds: int = 3) -> ChainCost:
    """Rewrite a chain some times; returns the fastest."""
    with tempfile.TemporaryDirectory() as folder:
        original, rewritten = Path(folder) / "chain.onnx", Path(folder) / "fcn.onnx"
        onnx.save(chain(nodes), original)
        found = []
        for _ in range(rounds):
            cost, printed = run_apart(_REWRITE, str(original), str(rewritten))
            seconds, located = printed.split()
            found.append(ChainCost(nodes, float(seconds), cost.megabytes, located == "True"))
    return min(found, key=lambda cost: cost.seconds)


def run(*, rounds: int = 3) -> list[ChainCost]:
    """Measure all chains, and print a table."""
    costs = []
    for nodes in COUNTS:
        costs.append(measure(nodes, rounds=rounds))
        note(f"{nodes:,} nodes: {costs[-1].seconds:.2f} s")
    print(
        heading(["nodes", "cells located", "seconds", f"times {BASE:,} nodes", "ms a node", "MB"])
    )
    for cost in costs:
        print(row(_cells(cost, costs)))
    return costs


def _cells(cost: ChainCost, costs: Sequence[ChainCost]) -> list[str]:
    base = next((each.seconds for each in costs if each.nodes == BASE), None)
    return [
        f"{cost.nodes:,}",
        "yes" if cost.located else "no",
        f"{cost.seconds:.2f}",
        f"{cost.seconds / base:.2f}" if base else "-",
        f"{1000 * cost.seconds / cost.nodes:.2f}",
        f"{cost.megabytes:.0f}",
    ]


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nodes", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=3)
    run(rounds=parser.parse_args(arguments).rounds)


if __name__ == "__main__":
    main()
