"""Time one pass against the original on every crop: ``python -m benchmarks.crops``.

Prints what ``onnxfcn bench`` prints, for VGG-16, AlexNet, ResNet-50 and gilt on the CPU.
"""

import argparse
import tempfile
from pathlib import Path

import onnx

from onnxfcn import rewrite
from onnxfcn.speed import bench
from onnxfcn.speed_table import print_speed
from sample_models import build, light_models

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
            print_speed(bench(original, rewritten, sizes=[MODELS[name]], provider=options.provider))


def _write(name: str, folder: Path) -> Path:
    """Write a model into a folder; returns the file's path."""
    if name in build.NAMES:
        return build.write(name, folder)
    path = folder / f"{name}.onnx"
    onnx.save(light_models.with_random_weights(light_models.load(name)), path)
    return path


if __name__ == "__main__":
    main()
