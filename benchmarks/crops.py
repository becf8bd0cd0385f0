"""Time one pass against the original on every crop: ``python -m benchmarks.crops``.

Prints what ``onnxfcn bench`` prints, for VGG-16, AlexNet, ResNet-50 and gilt, and which operators
take how long on the CPU in one pass and on all crops, by ONNX Runtime's own profile: where that is
less than what was timed, the rest went into cutting crops out, copies and calls.
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import onnx

from onnxfcn import rewrite
from onnxfcn.commands.speed_table import print_speed
from onnxfcn.sizes import size_text
from onnxfcn.speed import bench
from onnxfcn.speed_report import CropSpeed, SpeedReport
from sample_models import build, light_models

from .operators import seconds_by_operator
from .printing import heading, row

MODELS = {
    "gilt": (512, 1024),
    "alexnet": (416, 416),
    "resnet50": (384, 384),
    "vgg16": (384, 384),
}
"""Image sizes in pixels, height and width; ``resnet50`` is the light model of the onnx wheel with
random weights."""
TITLES = {"alexnet": "AlexNet", "resnet50": "ResNet-50", "vgg16": "VGG-16"}
"""What the models are called, where that is not their name here."""


@dataclass(frozen=True)
class CropTimes:
    """One pass and the crops of a model.

    Attributes:
        model: its name.
        report: what ``onnxfcn bench`` timed, at one size.
        one_pass: seconds that the nodes of each operator take in one pass.
        by_crops: the same for all crops.
    """

    model: str
    report: SpeedReport
    one_pass: Mapping[str, float]
    by_crops: Mapping[str, float]

    @property
    def speed(self) -> CropSpeed:
        """What was timed on the larger image."""
        (speed,) = self.report.sizes
        return speed


def measure(name: str, provider: str = "cpu") -> CropTimes:
    """Build a model of ``MODELS``, rewrite it and time it."""
    with tempfile.TemporaryDirectory() as folder:
        original, rewritten = _write(name, Path(folder)), Path(folder) / "fcn.onnx"
        rewrite(original, rewritten, validate=False)
        report = bench(original, rewritten, sizes=[MODELS[name]], provider=provider)
        return CropTimes(TITLES.get(name, name), report, *_by_operator(original, rewritten, report))


def run(names: Sequence[str] = (), *, provider: str = "cpu") -> list[CropTimes]:
    """Measure models one after the other, all without names, and print what was timed."""
    found = []
    for name in names or MODELS:
        print(f"{name}:", end=" ", flush=True)
        found.append(measure(name, provider))
        print_speed(found[-1].report)
        _print_operators(found[-1])
    print(
        heading(
            ["model", "image", "cells", "one pass", "crops", "times as fast", "limit", "reached"]
        )
    )
    for times in found:
        print(row(_cells(times)), flush=True)
    return found


def _write(name: str, folder: Path) -> Path:
    """Write a model into a folder; returns the file's path."""
    if name in build.NAMES:
        return build.write(name, folder)
    path = folder / f"{name}.onnx"
    onnx.save(light_models.with_random_weights(light_models.load(name)), path)
    return path


def _by_operator(
    original: Path, rewritten: Path, report: SpeedReport
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of one pass and of all crops, by operator."""
    (size,), own = report.sizes, report.batches[0].size
    image = onnx.load(original, load_external_data=False).graph.input[0]
    channels = image.type.tensor_type.shape.dim[1].dim_value
    together, crops = size.crops_together, prod(size.map_size)
    if image.type.tensor_type.shape.dim[0].dim_value:
        together = 1
    one_pass = seconds_by_operator(rewritten, (1, channels, *size.size))
    a_run = seconds_by_operator(original, (together, channels, *own))
    return one_pass, {name: seconds * crops / together for name, seconds in a_run.items()}


def _print_operators(times: CropTimes) -> None:
    """Print milliseconds of one pass and of all crops, by operator."""
    total = [{"all of these": sum(each.values())} for each in (times.one_pass, times.by_crops)]
    for ours, theirs in ((times.one_pass, times.by_crops), total):
        for name in sorted({*ours, *theirs}, key=lambda name: -theirs.get(name, 0.0)):
            cells = (1000 * seconds.get(name, 0.0) for seconds in (ours, theirs))
            print("  {:20} {:10.1f} ms {:10.1f} ms".format(name, *cells))
    print(flush=True)


def _cells(times: CropTimes) -> Iterator[str]:
    speed = times.speed
    yield from (times.model, size_text(speed.size), str(prod(speed.map_size)))
    yield from (f"{1000 * timed.median:.1f} ms" for timed in (speed.one_pass, speed.by_crops))
    yield f"{speed.faster:.1f}"
    yield f"{speed.limit:.1f}" if speed.limit else "-"
    yield f"{speed.reached:.0%}" if speed.reached else "-"


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crops", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--provider", default="cpu", help="as onnxfcn bench takes it")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in MODELS]
    if unknown:
        parser.error(f"no model {', '.join(unknown)}; there are {', '.join(MODELS)}")
    run(options.names, provider=options.provider)


if __name__ == "__main__":
    main()
