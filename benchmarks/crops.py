"""Time one pass against the original on every crop: ``python -m benchmarks.crops``.

Prints what ``onnxfcn bench`` prints, for VGG-16, AlexNet, ResNet-50 and gilt, and which operators
take how long on the CPU in one pass and on all crops, by ONNX Runtime's own profile: where that is
less than what was timed, the rest went into cutting crops out, copies and calls.
"""

import argparse
import sys
import tempfile
from math import prod
from pathlib import Path

import onnx

from onnxfcn import rewrite
from onnxfcn.commands.speed_table import print_speed
from onnxfcn.speed import bench
from onnxfcn.speed_report import SpeedReport
from sample_models import build, light_models

from .operators import seconds_by_operator

MODELS = {
    "gilt": (512, 1024),
    "alexnet": (416, 416),
    "resnet50": (384, 384),
    "vgg16": (384, 384),
}
"""Image sizes in pixels, height and width; ``resnet50`` is the light model of the onnx wheel with
random weights."""


def main(arguments: list[str] | None = None) -> None:
    """Build the models one after the other, rewrite them, and print what was timed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)}")
    parser.add_argument("--provider", default="cpu", help="as onnxfcn bench takes it")
    options = parser.parse_args(arguments)
    for name in options.names or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            original, rewritten = _write(name, Path(folder)), Path(folder) / "fcn.onnx"
            rewrite(original, rewritten, validate=False)
            print(f"{name}:", end=" ", flush=True)
            found = bench(original, rewritten, sizes=[MODELS[name]], provider=options.provider)
            print_speed(found)
            _print_operators(original, rewritten, found)


def _write(name: str, folder: Path) -> Path:
    """Write a model into a folder; returns the file's path."""
    if name in build.NAMES:
        return build.write(name, folder)
    path = folder / f"{name}.onnx"
    onnx.save(light_models.with_random_weights(light_models.load(name)), path)
    return path


def _print_operators(original: Path, rewritten: Path, found: SpeedReport) -> None:
    """Print milliseconds of one pass and of all crops, by operator."""
    (size,), own = found.sizes, found.batches[0].size
    image = onnx.load(original, load_external_data=False).graph.input[0]
    channels = image.type.tensor_type.shape.dim[1].dim_value
    together, crops = size.crops_together, prod(size.map_size)
    if image.type.tensor_type.shape.dim[0].dim_value:
        together = 1
    one_pass = seconds_by_operator(rewritten, (1, channels, *size.size))
    a_run = seconds_by_operator(original, (together, channels, *own))
    by_crops = {name: seconds * crops / together for name, seconds in a_run.items()}
    total = {"all of these": sum(one_pass.values())}, {"all of these": sum(by_crops.values())}
    for ours, theirs in ((one_pass, by_crops), total):
        for name in sorted(ours | theirs, key=lambda name: -theirs.get(name, 0.0)):
            cells = (1000 * seconds.get(name, 0.0) for seconds in (ours, theirs))
            print("  {:20} {:10.1f} ms {:10.1f} ms".format(name, *cells))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
