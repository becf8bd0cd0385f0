"""The light models keep their graphs, and with random weights their answers mean something."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper

from sample_models import light_models
from tests.session import session

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
SMALL = ("squeezenet", "shufflenet", "inception_v1", "densenet121", "inception_v2")
"""Those that take less than a second."""

Floats = npt.NDArray[np.float32]


def logits(model: onnx.ModelProto, image: Floats) -> Floats:
    """Return what the last Softmax reads, or the output where there is none: ``[classes]``."""
    ending = onnx.ModelProto()
    ending.CopyFrom(model)
    last = ending.graph.node[-1]
    name = last.input[0] if last.op_type == "Softmax" else last.output[0]
    del ending.graph.output[:]
    ending.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    runnable = session(ending, optimized=True)
    # ONNX Runtime does not count an input that has an initializer.
    output: Floats = runnable.run([name], {runnable.get_inputs()[0].name: image})[0]
    return output.ravel()


def test_light_models_are_the_shipped_graphs() -> None:
    shipped = {path.stem.removeprefix("light_"): onnx.load(path) for path in LIGHT.glob("*.onnx")}
    assert {name: light_models.load(name) for name in light_models.NAMES} == shipped
    for model in shipped.values():
        assert {"ConstantOfShape", "Conv"} <= {node.op_type for node in model.graph.node}


def test_unknown_light_model_is_refused() -> None:
    with pytest.raises(ValueError, match="no light model 'resnet18'; there are bvlc_alexnet"):
        light_models.load("resnet18")


@pytest.mark.parametrize("name", SMALL)
def test_only_the_weights_change(name: str) -> None:
    shipped = light_models.load(name)
    before = shipped.SerializeToString()
    model = light_models.with_random_weights(shipped)

    assert shipped.SerializeToString() == before
    onnx.checker.check_model(model, full_check=True)
    assert list(model.graph.output) == list(shipped.graph.output)
    assert list(model.graph.node) == [
        node for node in shipped.graph.node if node.op_type != "ConstantOfShape"
    ]
    weights = {initializer.name for initializer in model.graph.initializer}
    assert weights == {value.name for value in model.graph.input} - {model.graph.input[0].name}
    assert weights <= {name for node in model.graph.node for name in node.input}


@pytest.mark.parametrize("name", SMALL)
def test_logits_have_a_useful_spread_and_differ_between_positions(name: str) -> None:
    model = light_models.with_random_weights(light_models.load(name))
    image = np.random.default_rng(1).standard_normal((3, 256, 256), dtype=np.float32)
    first, last = (
        logits(model, image[np.newaxis, :, at : at + 224, at : at + 224]) for at in (0, 32)
    )
    assert 1 < first.std() < 3
    assert (first - last).std() > first.std() / 10


def test_random_weights_follow_the_seed() -> None:
    shipped = light_models.load("squeezenet")
    first, again, other = (
        light_models.with_random_weights(shipped, seed=seed).SerializeToString()
        for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other
