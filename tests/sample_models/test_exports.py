"""What other frameworks export is rewritten, and answers what the framework itself answers.

Reads the files in ``sample_models/exports`` only; no framework is needed.
"""

from pathlib import Path

import numpy as np
import pytest

import onnxfcn
from sample_models.exports import answers
from tests.session import session

FOLDER = Path(answers.__file__).parent
EXPORTS = sorted(path.name.removesuffix(".onnx") for path in FOLDER.glob("*.onnx"))
TOLERANCE = 1e-4
"""Largest error, relative to the output's scale."""


def path_of(export: str) -> Path:
    return FOLDER / f"{export}.onnx"


def answers_of(export: str) -> answers.Answers:
    net, _ = export.split(".")
    return answers.load(FOLDER / f"{net}.npz")


def assert_close(found: answers.Floats, expected: answers.Floats) -> None:
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize("export", EXPORTS)
def test_rewritten_export_answers_what_the_framework_answers(export: str) -> None:
    report = onnxfcn.rewrite(path_of(export))
    expected = answers_of(export)
    runnable = session(report.model, optimized=True)
    (image,) = runnable.get_inputs()
    for shape, outputs in expected.images:
        found = runnable.run(None, {image.name: answers.draw_image(shape)})
        assert len(found) == len(outputs)
        for ours, theirs in zip(found, outputs, strict=True):
            assert_close(ours, theirs)


def test_every_answer_belongs_to_an_export_and_differs_between_cells() -> None:
    nets = {export.split(".")[0] for export in EXPORTS}
    assert nets == {path.stem for path in FOLDER.glob("*.npz")}
    for export in EXPORTS:
        assert answers_of(export).spread > answers.LEAST_SPREAD


def test_exports_are_small() -> None:
    sizes = [path.stat().st_size for path in FOLDER.iterdir()]
    assert max(sizes) < 300_000
    assert sum(sizes) < 8_000_000
