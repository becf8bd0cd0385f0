"""The paper's norms, and the table of the paper's numbers beside those of a run."""

from dataclasses import dataclass

import numpy as np

from .scaling import Floats

PAPER_OUTPUTS = 1.85e-6
"""``1/1000 ||V - U||_F`` in the paper, trained by SGD."""
PAPER_WEIGHTS = 2.12e-7
"""``||W_cnn - W_fc||_F`` in the paper, trained by SGD."""


def distance(first: Floats, second: Floats) -> float:
    """Frobenius norm of the difference of two arrays of one shape, summed in float64.

    Raises:
        ValueError: the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"arrays of one shape expected, got {first.shape} and {second.shape}")
    return float(np.linalg.norm(first.astype(np.float64) - second.astype(np.float64)))


def distance_per_image(first: Floats, second: Floats) -> float:
    """``1/N ||first - second||_F`` of the answers ``[N, K]`` to ``N`` images."""
    return distance(first, second) / len(first)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What a run found.

    Attributes:
        outputs: ``1/1000 ||V - U||_F`` of the two networks as PyTorch runs them.
        weights: ``||W_cnn - W_fc||_F`` of their first layers, ``[16, 128]``.
        models: ``1/1000 ||V - U||_F`` of the exported CNN and what onnxfcn makes of it, both run
            by ONNX Runtime.
        rewrites: what each convolution of the exported CNN became, as a line of text.
    """

    outputs: float
    weights: float
    models: float
    rewrites: tuple[str, ...]

    def table(self) -> str:
        """The numbers as lines of text."""
        rows = [
            ("", "paper", "here"),
            ("1/1000 ||V - U||_F, both trained", f"{PAPER_OUTPUTS:.2e}", f"{self.outputs:.2e}"),
            ("||W_cnn - W_fc||_F, both trained", f"{PAPER_WEIGHTS:.2e}", f"{self.weights:.2e}"),
            ("1/1000 ||V - U||_F, CNN and conv_to_gemm of it", "-", f"{self.models:.2e}"),
        ]
        return "".join(f"{name:<48}{paper:>10}{here:>10}\n" for name, paper, here in rows)
