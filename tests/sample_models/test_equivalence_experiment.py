"""The experiment's two networks are one function, before training and after it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

REASON = "the extra 'experiment' is not installed"
torch = pytest.importorskip("torch", reason=REASON)
for module in ("onnxscript", "sklearn", "matplotlib"):
    pytest.importorskip(module, reason=REASON)

from sample_models.equivalence_experiment import images, networks, training  # noqa: E402
from sample_models.equivalence_experiment.comparison import (  # noqa: E402
    PAPER_OUTPUTS,
    distance,
    distance_per_image,
)

ROOT = Path(__file__).parents[2]
FEW = 160
"""Two steps an epoch, the second with fewer images."""


def train(seed: int) -> tuple[list[torch.nn.Module], list[list[float]]]:
    """Both networks after two epochs on few images, and their losses."""
    pair = networks.make_pair(seed)
    losses = training.train_side_by_side(
        pair, images.load().training[:FEW], epochs=2, seed=seed, progress=lambda *_: None
    )
    return pair, losses


def test_images_are_thousand_to_train_on_and_thousand_others() -> None:
    loaded = images.load()
    assert loaded.training.shape == loaded.new.shape == (1000, 1, 28, 28)
    every = np.concatenate([loaded.training, loaded.new]).reshape(2000, -1)
    assert every.dtype == np.float32
    assert every.min() == 0
    assert every.max() == 1
    assert len(np.unique(every, axis=0)) == 2000


def test_both_networks_answer_alike_before_training() -> None:
    new = images.load().new
    convolutional, dense = (training.answer(net, new) for net in networks.make_pair(3))
    assert convolutional.shape == (1000, 784)
    assert np.abs(convolutional - dense).max() <= 1e-6 * np.abs(convolutional).max()


def test_weights_are_as_he_initialises_them_and_come_from_the_seed() -> None:
    for net in networks.make_pair(3):
        assert float(net.first.weight.detach().std()) == pytest.approx((2 / 16) ** 0.5, rel=0.05)
        assert float(net.second.weight.detach().std()) == pytest.approx(
            (2 / 21632) ** 0.5, rel=0.01
        )
    first, again, other = (
        networks.make_pair(seed)[0].stretched_weight().numpy() for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert distance(first, other) > 1


def test_both_networks_learn_the_same() -> None:
    untrained = networks.make_pair(3)[0].stretched_weight().numpy()
    pair, losses = train(3)
    assert losses[0][1] < 0.9 * losses[0][0]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    weights = [net.stretched_weight().numpy() for net in pair]
    assert distance(untrained, weights[0]) > 1e-3
    assert distance(*weights) <= 1e-6
    outputs = [training.answer(net, images.load().new) for net in pair]
    assert distance_per_image(*outputs) <= PAPER_OUTPUTS


def test_training_gives_the_same_numbers_again() -> None:
    assert train(5)[1] == train(5)[1]


def test_command_writes_curves_and_models_and_prints_the_table(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "sample_models.equivalence_experiment", "--epochs=2", "--out", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert {path.name for path in tmp_path.iterdir()} == {
        "loss_curves.png",
        "cnn.onnx",
        "cnn-as-gemm.onnx",
    }
    assert "conv_to_gemm: Conv 4x4x1 -> 128 became MatMul 16 -> 128\n" in finished.stdout
    *_, outputs, weights, models = finished.stdout.splitlines()
    assert float(outputs.split()[-1]) <= PAPER_OUTPUTS
    assert float(weights.split()[-1]) <= 1e-6
    assert float(models.split()[-1]) <= float(outputs.split()[-1])
    assert finished.stderr == ""
