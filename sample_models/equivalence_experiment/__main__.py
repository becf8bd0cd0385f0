"""Run the experiment: ``python -m sample_models.equivalence_experiment``."""

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXTRA = ("torch", "onnxscript", "sklearn", "matplotlib")
"""Modules that the extra ``experiment`` brings."""


def main(arguments: list[str]) -> None:
    """Run the experiment, and print the paper's numbers beside those found."""
    parser = argparse.ArgumentParser(
        prog="python -m sample_models.equivalence_experiment",
        description="Train a convolution and a dense layer on stretched windows side by side.",
    )
    parser.add_argument("--epochs", type=int, default=400, help="default: 400, as in the paper")
    parser.add_argument(
        "--out",
        type=Path,
        default=HERE,
        metavar="FOLDER",
        help="where the loss curves and both models go; default: beside this script",
    )
    options = parser.parse_args(arguments)
    if options.epochs < 1:
        parser.error(f"--epochs: a positive number expected, got {options.epochs}")
    try:
        from . import experiment, images
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        parser.exit(1, f"no module '{error.name}': pip install '.[experiment]' brings it\n")
    options.out.mkdir(parents=True, exist_ok=True)
    found = experiment.run(images.load(), options.out, epochs=options.epochs)
    sys.stdout.write(f"images: {images.DESCRIPTION}\n")
    sys.stdout.writelines(f"conv_to_gemm: {rewrite}\n" for rewrite in found.rewrites)
    sys.stdout.write(f"\n{found.table()}")


if __name__ == "__main__":
    main(sys.argv[1:])
