"""Refuse an export that would prove nothing, or that is not what the framework computes."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort

from .answers import LEAST_SPREAD, Answers, draw_image

TOLERANCE = 1e-4
"""Largest error of ONNX Runtime, relative to the output's scale."""


def confirm(path: Path, answers: Answers) -> None:
    """Compare an export at its own size with the framework, and say how large it is.

    Raises:
        ValueError: the answers differ too little between cells to prove anything, or ONNX Runtime
            disagrees with the framework.
    """
    if answers.maps and answers.spread < LEAST_SPREAD:
        raise ValueError(f"{path.name}: cells differ by {answers.spread:.1e} of the scale only")
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    image = {session.get_inputs()[0].name: draw_image(answers.original_shape)}
    for found, expected in zip(session.run(None, image), answers.originals, strict=True):
        if np.abs(found - expected).max() > TOLERANCE * np.abs(expected).max():
            raise ValueError(f"{path.name}: ONNX Runtime disagrees with the framework")
    maps = [list(values.shape) for maps in answers.maps for values in maps]
    seen = f"{' '.join(map(str, maps))}, spread {answers.spread:.2f}" if maps else "one size only"
    sys.stdout.write(f"{path.name}: {path.stat().st_size} bytes, {seen}\n")
