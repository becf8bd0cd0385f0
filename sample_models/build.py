"""Build sample models into files: ``python sample_models/build.py [NAME ...] [--out FOLDER]``.

Without names, the models that are kept beside this script are built.
"""

import argparse
import importlib
import sys
from pathlib import Path

import onnx

HERE = Path(__file__).resolve().parent
KEPT = ("lenet", "gilt")
"""Models small enough (under 1 MB) to be kept beside this script."""

NAMES = (*KEPT, "plain234", "alexnet", "vgg16")


def build(name: str) -> onnx.ModelProto:
    """Build the model of the given name, one of ``NAMES``, with its default options."""
    module = importlib.import_module(f"sample_models.{name}")
    model: onnx.ModelProto = module.build()
    return model


def write(name: str, folder: Path) -> Path:
    """Build a model, check it, write ``<name>.onnx`` into a folder and return the file's path.

    The same name gives the same bytes.

    Raises:
        onnx.checker.ValidationError: If the model is not valid.
    """
    model = build(name)
    onnx.checker.check_model(model)
    path = folder / f"{name}.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


def main(arguments: list[str]) -> None:
    """Build the named models, and say where each went and how many bytes it has."""
    parser = argparse.ArgumentParser(description="Build sample models.")
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help=f"one of {', '.join(NAMES)}; without any: {', '.join(KEPT)}",
    )
    parser.add_argument(
        "--out", type=Path, default=HERE, metavar="FOLDER", help="default: beside this script"
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no sample model {', '.join(unknown)}; there are {', '.join(NAMES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or KEPT:
        path = write(name, options.out)
        sys.stdout.write(f"{path} {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    # A script's folder is on the import path, its package's parent is not.
    sys.path.insert(0, str(HERE.parent))
    main(sys.argv[1:])
