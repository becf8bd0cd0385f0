"""One block at a time: what PyTorch exports at one size is freed, and answers what PyTorch does.

Reads the files in ``sample_models/exports/blocks`` only; no framework is needed.
"""

from pathlib import Path

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pytest

import onnxfcn
from passes import dynamic_spatial_axes
from passes.result import RefusalCode
from sample_models.exports import answers
from tests.sample_models.test_exports import assert_close
from tests.session import session

FOLDER = Path(answers.__file__).parent / "blocks"
EXPORTS = sorted(path.name.removesuffix(".onnx") for path in FOLDER.glob("*.onnx"))
EXPORTERS = ("dynamo", "torchscript")

DENSE = ("detector_trunk", "segmenter")
"""Nets that answer with maps: there is no head to lift."""

REFUSED_NETS = {
    # One number, or one row of a weight, for each position.
    "coordinate_channels": (RefusalCode.MAP_SIZED_CONSTANT, "Concat"),
    "position_embedding": (RefusalCode.MAP_SIZED_CONSTANT, "Add"),
    "token_embedding": (RefusalCode.MAP_SIZED_CONSTANT, "Add"),
    "layer_norm_map": (RefusalCode.BAKED_EXTENT, "LayerNormalization"),
    "row_mixing": (RefusalCode.MAP_SIZED_CONSTANT, "MatMul"),
    "token_mixing": (RefusalCode.MAP_SIZED_CONSTANT, "MatMul"),
    # A kernel as large as the map, whose answer meets the map again.
    "full_conv_gate": (RefusalCode.BAKED_EXTENT, "Mul"),
    # Every position against every other.
    "affinity_mean": (RefusalCode.POSITIONS_MIXED, "MatMul"),
    "biased_attention": (RefusalCode.POSITIONS_MIXED, "MatMul"),
    "self_attention": (RefusalCode.POSITIONS_MIXED, "MatMul"),
    # No node ties it to one size, but its size is hard to follow.
    "shift": (RefusalCode.BAKED_EXTENT, "ScatterND"),
}
"""What is refused: the reason, and what the node's name or its operator contains."""

REFUSED_EXPORTS = {
    "strided_transpose_batch1.dynamo": (RefusalCode.CONSTANT_UNKNOWN, "Reshape"),
    "strided_transpose_batch1.torchscript": (RefusalCode.SHAPE_UNKNOWN, "Gather"),
}
"""The same of a net whose exports are hard to follow in different ways."""

REFUSED = REFUSED_EXPORTS | {
    f"{net}{batch}.{exporter}": refusal
    for net, refusal in REFUSED_NETS.items()
    for batch in ("", "_batch1")
    for exporter in EXPORTERS
    if f"{net}{batch}.{exporter}" in EXPORTS
}

UNPROVEN = ("channel_attention",)
"""Blocks whose answer on a larger map no window and no repetition of one shows: a sum over all
positions times one over the root of their number. They are freed, and validation says so."""


def net_of(export: str) -> str:
    """The net's name without what says how it was exported."""
    return export.split(".")[0].removesuffix("_batch1")


CLASSIFIERS = [name for name in EXPORTS if name not in REFUSED and net_of(name) not in DENSE]
FREED = [name for name in CLASSIFIERS if net_of(name) not in UNPROVEN]


def path_of(export: str) -> Path:
    return FOLDER / f"{export}.onnx"


def answers_of(export: str) -> answers.Answers:
    net, _ = export.split(".")
    return answers.load(FOLDER / f"{net}.npz")


def rewritten(export: str) -> onnx.ModelProto:
    first_larger = answers_of(export).larger_shapes[0]
    return onnxfcn.rewrite(path_of(export), sizes=[first_larger[2:]]).model


def assert_answers(model: onnx.ModelProto, expected: answers.Answers) -> None:
    """Compare a model with PyTorch on every image, beside another image if the batch is free."""
    runnable = session(model, optimized=True)
    (image,) = runnable.get_inputs()
    for shape, outputs in expected.images:
        batch = answers.draw_image(shape)
        if isinstance(image.shape[0], str):
            batch = np.concatenate([batch, 2 * batch[..., ::-1]])
        found = runnable.run(None, {image.name: batch})
        assert len(found) == len(outputs)
        for ours, theirs in zip(found, outputs, strict=True):
            assert_close(ours[:1], theirs)


@pytest.mark.parametrize("export", FREED)
def test_freed_block_answers_what_the_framework_answers(export: str) -> None:
    assert_answers(rewritten(export), answers_of(export))


@pytest.mark.parametrize("export", [name for name in CLASSIFIERS if net_of(name) in UNPROVEN])
def test_freed_block_that_cannot_be_proven_is_right_but_not_written(
    export: str, tmp_path: Path
) -> None:
    unchecked = onnxfcn.rewrite(path_of(export), validate=False)
    assert_answers(unchecked.model, answers_of(export))
    if export.endswith("dynamo"):
        with pytest.raises(onnxfcn.ValidationFailedError, match=r"Mul|MatMul"):
            onnxfcn.rewrite(path_of(export), tmp_path / "out.onnx")
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("export", REFUSED)
def test_block_is_refused_at_its_node(export: str) -> None:
    code, place = REFUSED[export]
    with pytest.raises(onnxfcn.RefusedError) as error:
        onnxfcn.rewrite(path_of(export))
    refusal = error.value.refusals[0]
    assert refusal.code == code
    assert place in refusal.node or place == refusal.operator


@pytest.mark.parametrize("export", [name for name in EXPORTS if net_of(name) in DENSE])
def test_net_that_answers_with_maps_works_at_any_size(export: str) -> None:
    graph = gs.import_onnx(onnx.load(path_of(export)))
    result = dynamic_spatial_axes.apply(graph)
    assert not result.refusals
    assert_answers(gs.export_onnx(graph), answers_of(export))


def test_every_answer_belongs_to_an_export_and_differs_between_cells() -> None:
    assert {export.split(".")[0] for export in EXPORTS} == {p.stem for p in FOLDER.glob("*.npz")}
    assert {*REFUSED_NETS, *UNPROVEN, *DENSE} <= set(map(net_of, EXPORTS))
    assert {*REFUSED} <= {*EXPORTS}
    for export in (*CLASSIFIERS, *(name for name in EXPORTS if net_of(name) in DENSE)):
        expected = answers_of(export)
        assert len(expected.maps) == 3
        assert all(height != width for _, _, height, width in expected.larger_shapes)
        assert expected.spread > answers.LEAST_SPREAD


def test_exports_are_small() -> None:
    assert max(path.stat().st_size for path in FOLDER.glob("*.onnx")) < 40_000
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_100_000
