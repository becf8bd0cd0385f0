"""The whole experiment: train both networks, convert the CNN, compare."""

import sys
from pathlib import Path

from . import loss_curves, onnx_models
from .comparison import Comparison, distance, distance_per_image
from .images import Images
from .networks import make_pair
from .training import answer, train_side_by_side

SEED = 0
"""Of the weights and of the order of the images."""
REPORTED = 10
"""Epochs between two lines of progress."""


def run(images: Images, folder: Path, *, epochs: int) -> Comparison:
    """Train both networks, and write their loss curves and two models into a folder.

    Args:
        images: what to train on, and what to compare on.
        folder: gets ``loss_curves.png``, ``cnn.onnx`` and ``cnn-as-gemm.onnx``.
        epochs: how often every image is seen.

    Raises:
        onnxfcn.OnnxfcnError: the exported CNN could not be converted, or the proof failed.
    """
    networks = make_pair(SEED)
    losses = train_side_by_side(
        networks, images.training, epochs=epochs, seed=SEED, progress=_report
    )
    loss_curves.draw(folder / "loss_curves.png", *losses)
    models = folder / "cnn.onnx", folder / "cnn-as-gemm.onnx"
    onnx_models.export(networks[0], models[0])
    rewrites = onnx_models.convert(*models)
    return Comparison(
        outputs=distance_per_image(*(answer(network, images.new) for network in networks)),
        weights=distance(*(network.stretched_weight().numpy() for network in networks)),
        models=distance_per_image(*(onnx_models.answer(path, images.new) for path in models)),
        rewrites=tuple(rewrites),
    )


def _report(network: str, epoch: int, loss: float) -> None:
    if epoch % REPORTED == 0:
        sys.stderr.write(f"{network}: epoch {epoch}, loss {loss:.6f}\n")
