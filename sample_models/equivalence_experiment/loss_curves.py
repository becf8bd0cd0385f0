"""Draw the losses of both networks."""
# matplotlib is not installed where types are checked.
# mypy: disable-error-code="import-not-found"

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

INCHES, DOTS_PER_INCH = (7.5, 5), 80


def draw(path: Path, convolutional: Sequence[float], dense: Sequence[float]) -> None:
    """Write a PNG: the two losses of each epoch above, how far they are apart below.

    Args:
        path: the file to write.
        convolutional: the CNN's loss of each epoch.
        dense: the FC network's, as many.
    """
    figure = Figure(INCHES, DOTS_PER_INCH, layout="constrained")
    curves, apart = figure.subplots(2, sharex=True, height_ratios=(3, 2))
    epochs = np.arange(1, len(dense) + 1)
    curves.semilogy(epochs, convolutional, linewidth=5, color="C0", alpha=0.4, label="CNN")
    curves.semilogy(epochs, dense, "--", linewidth=1.5, color="C3", label="FC network")
    curves.set(title="Identity function, SGD: one curve on the other", ylabel="mean squared error")
    curves.legend()
    apart.plot(epochs, np.abs(np.subtract(convolutional, dense)), color="0.3", linewidth=1)
    apart.set(xlabel="epoch", ylabel="|CNN - FC|", ylim=(0, None))
    for axes in (curves, apart):
        axes.grid(alpha=0.3)
    figure.savefig(path, pil_kwargs={"optimize": True})
