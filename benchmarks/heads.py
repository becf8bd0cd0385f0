"""Time the heads of AlexNet and VGG as Gemm, as Conv, and as windows and MatMul.

``python -m benchmarks.heads`` prints a table: milliseconds a run by ONNX Runtime on the CPU, the
minimum of all rounds, and the median over the rounds of the ratio to the Gemm (on larger maps, that
no Gemm takes, to the Conv). The forms take turns in every round, so that what slows the machine
down meets all of them.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import onnx
import onnxruntime as ort

from onnxfcn import rewrite
from onnxfcn.timing import Timed, take_turns
from sample_models.layers import LayerStack

from .options import positive
from .printing import heading, row

FORMS = ("Gemm", "Conv", "MatMul")
MAPS = {"AlexNet": (256, 6, 6), "VGG": (512, 7, 7)}
"""Feature maps ``[C, H, W]`` of the networks; three dense layers follow: 4096, 4096, 1000."""
BATCHES = (1, 8, 32)
ROW_SECONDS = 20.0
LARGE = (18, 18)
"""Extents of a larger map."""


@dataclass(frozen=True)
class HeadTimes:
    """How long the forms of a head took for a batch.

    Attributes:
        head: the network's name.
        batch: feature maps a run.
        extents: of each map, in cells.
        own: whether they are those of the network itself, the only ones that a Gemm takes.
        forms: how long each form took, by name.
    """

    head: str
    batch: int
    extents: tuple[int, ...]
    own: bool
    forms: Mapping[str, Timed]


def head(name: str) -> onnx.ModelProto:
    """The head of a network: a pool, so that the axes are known, and three dense layers."""
    net = LayerStack(name, image=MAPS[name], seed=0)
    net.max_pool("pool", kernel=1, stride=1)
    net.flatten("flatten")
    net.dense("fc6", features=4096)
    net.relu("relu6")
    net.dense("fc7", features=4096)
    net.relu("relu7")
    net.dense("fc8", features=1000)
    return net.finish("logits")


def forms(name: str) -> dict[str, ort.InferenceSession]:
    """Sessions of the three forms of a head, by name."""
    original = head(name)
    sessions = {"Gemm": _session(original)}
    sessions["Conv"] = _session(rewrite(original, validate=False).model)
    sessions["MatMul"] = _session(rewrite(original, head="matmul", validate=False).model)
    return sessions


def measure(
    sessions: Mapping[str, ort.InferenceSession], shape: tuple[int, ...], rounds: int
) -> dict[str, Timed]:
    """Time a run of every form; slow rounds are fewer."""
    image = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    runs = {
        form: partial(session.run, None, {"image": image}) for form, session in sessions.items()
    }
    return take_turns(runs, rounds=rounds, seconds=ROW_SECONDS)


def _session(model: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options)


def run(*, rounds: int = 30) -> list[HeadTimes]:
    """Time all heads, and print a table."""
    print(heading(["head", "batch", "map", *FORMS]))
    found = []
    for times in _measure_all(rounds):
        print(row(_cells(times)), flush=True)
        found.append(times)
    return found


def _measure_all(rounds: int) -> Iterator[HeadTimes]:
    for name, (channels, *own) in MAPS.items():
        sessions = forms(name)
        sliding = {form: session for form, session in sessions.items() if form != "Gemm"}
        for batch in BATCHES:
            for extents, compared in ((tuple(own), sessions), (LARGE, sliding)):
                spent = measure(compared, (batch, channels, *extents), rounds)
                yield HeadTimes(name, batch, extents, compared is sessions, spent)


def _cells(times: HeadTimes) -> Iterator[str]:
    yield from (times.head, str(times.batch), "x".join(map(str, times.extents)))
    base = next(iter(times.forms.values()))
    for form in FORMS:
        timed = times.forms.get(form)
        yield f"{1000 * timed.rounds.min():.1f} ({timed.times(base):.2f})" if timed else "-"


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.heads", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=30)
    run(rounds=parser.parse_args(arguments).rounds)


if __name__ == "__main__":
    main()
