"""What other frameworks export is rewritten, and answers what the framework itself answers.

Reads the files in ``sample_models/exports`` only; no framework is needed.
"""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

import onnxfcn
from passes.result import RefusalCode
from sample_models.exports import answers

FOLDER = Path(answers.__file__).parent
EXPORTS = sorted(path.name.removesuffix(".onnx") for path in FOLDER.glob("*.onnx"))
REFUSED = {
    # Channel shuffle: the map goes through a view whose target holds its size, or computes it.
    "shufflenet.dynamo": RefusalCode.BAKED_EXTENT,
    "shufflenet_batch1.dynamo": RefusalCode.BAKED_EXTENT,
    "shufflenet.torchscript": RefusalCode.BAKED_EXTENT,
    "shufflenet_batch1.torchscript": RefusalCode.BAKED_EXTENT,
    # The gate is expanded to the map's original size before it meets the map.
    "se_resnet.dynamo": RefusalCode.BAKED_EXTENT,
    "se_resnet_batch1.dynamo": RefusalCode.BAKED_EXTENT,
    # A dense layer at every position of the trunk, between Reshapes to [-1, C] and back.
    "flax_convnext.jax2onnx": RefusalCode.BAKED_EXTENT,
}
"""What is not supported yet."""

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


@pytest.mark.parametrize("export", [name for name in EXPORTS if name not in REFUSED])
def test_rewritten_export_answers_what_the_framework_answers(export: str) -> None:
    report = onnxfcn.rewrite(path_of(export))
    expected = answers_of(export)
    session = ort.InferenceSession(
        report.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (image,) = session.get_inputs()
    sizes = (
        (expected.original_shape, expected.single_cells),
        (expected.larger_shape, expected.maps),
    )
    for shape, outputs in sizes:
        found = session.run(None, {image.name: answers.draw_image(shape)})
        assert len(found) == len(outputs)
        for ours, theirs in zip(found, outputs, strict=True):
            assert_close(ours, theirs)


@pytest.mark.parametrize("export", REFUSED)
def test_unsupported_export_is_refused_at_a_node(export: str) -> None:
    with pytest.raises(onnxfcn.RefusedError) as error:
        onnxfcn.rewrite(path_of(export))
    refusal = error.value.refusals[0]
    assert refusal.code == REFUSED[export]
    assert refusal.node


def test_every_answer_belongs_to_an_export_and_differs_between_cells() -> None:
    nets = {export.split(".")[0] for export in EXPORTS}
    assert nets == {path.stem for path in FOLDER.glob("*.npz")}
    for export in EXPORTS:
        assert answers_of(export).spread > answers.LEAST_SPREAD


def test_exports_are_small() -> None:
    sizes = [path.stat().st_size for path in FOLDER.iterdir()]
    assert max(sizes) < 300_000
    assert sum(sizes) < 8_000_000
