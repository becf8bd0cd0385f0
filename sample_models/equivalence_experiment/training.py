"""Train both networks on the same batches: the identity function, mean squared error, SGD."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, untyped-decorator"

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .scaling import Floats

RATE = 0.01
"""Learning rate."""
BATCH = 128
"""Images a step; the last step of an epoch has what is left."""

Progress = Callable[[str, int, float], None]
"""Called after each epoch with the network's class, the epochs done and the epoch's loss."""


def train(
    network: nn.Module, images: Floats, *, epochs: int, seed: int, progress: Progress
) -> list[float]:
    """Train a network in place to answer an image with its own pixels.

    Args:
        network: from ``[N, 1, 28, 28]`` to ``[N, 784]``.
        images: ``[N, 1, 28, 28]``.
        epochs: how often every image is seen.
        seed: of the order of the images, which is another one each epoch.
        progress: called after each epoch.

    Returns:
        The loss of each epoch: the mean over its images, each before the step that it is part of.
    """
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)
    order = np.random.default_rng(seed)
    losses = []
    for epoch in range(1, epochs + 1):
        total = 0.0
        shuffled = torch.from_numpy(images[order.permutation(len(images))])
        for batch in shuffled.split(BATCH):
            optimizer.zero_grad()
            loss = functional.mse_loss(network(batch), batch.flatten(1))
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        losses.append(total / len(images))
        progress(type(network).__name__, epoch, losses[-1])
    return losses


def train_side_by_side(
    networks: Sequence[nn.Module], images: Floats, *, epochs: int, seed: int, progress: Progress
) -> list[list[float]]:
    """Train each network in a thread of its own; see ``train``.

    It sets PyTorch for the whole program so that both networks sum as exactly as each other: every
    operator on one core, since sharing a sum between cores changes its rounding, and convolutions
    without oneDNN, whose gradient of the filters (a sum over all windows of the batch, 21,632
    terms) has ten times the rounding error of a matrix product's.
    """
    torch.use_deterministic_algorithms(True)
    torch.backends.mkldnn.enabled = False
    with ThreadPoolExecutor(
        len(networks), initializer=torch.set_num_threads, initargs=(1,)
    ) as threads:
        losses = threads.map(
            lambda network: train(network, images, epochs=epochs, seed=seed, progress=progress),
            networks,
        )
        return list(losses)


@torch.no_grad()
def answer(network: nn.Module, images: Floats) -> Floats:
    """The network's answers on images ``[N, 1, 28, 28]``: ``[N, 784]``."""
    answers: Floats = network(torch.from_numpy(images)).numpy()
    return answers
