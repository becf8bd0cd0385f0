"""Real exports: map sizes, and no pixel changes a cell that does not see it."""

from collections.abc import Mapping
from pathlib import Path

import onnx
import pytest

import onnxfcn
from onnxfcn.exactness import decide
from onnxfcn.geometry import Geometry, analyse
from onnxfcn.geometry.axis import AxisGeometry
from sample_models import light_models
from tests.onnxfcn.geometry.perturbation import Perturbed

EXPORTS = Path(onnxfcn.__file__).parent.parent / "sample_models" / "exports"
FILES = sorted(path.name for path in EXPORTS.glob("*.onnx"))
PIXELS = 9
PADS = {
    "squeezenet": ["8 Conv (first 'n7'): pads, where the whole image goes on"],
}


def larger_size(geometries: Mapping[str, Geometry]) -> list[int]:
    """An image with some more cells than one, another extent an axis, that the model takes."""
    axes = next(iter(geometries.values())).axes
    return [_next_accepted(axis, index) for index, axis in enumerate(axes)]


def _next_accepted(axis: AxisGeometry, index: int) -> int:
    wanted = axis.original + int((3 - index) * axis.stride) + index
    sizes = range(wanted, wanted + 64)
    return next((size for size in sizes if axis.extent(size)), axis.original)


@pytest.mark.parametrize("name", FILES)
def test_exports(name: str) -> None:
    model = onnxfcn.rewrite(EXPORTS / name, validate=False).model
    original = onnx.load(EXPORTS / name, load_external_data=False)
    dims = [dim.dim_value for dim in original.graph.input[0].type.tensor_type.shape.dim]
    channels_last = dims[-1] == 3
    size = dims[1:-1] if channels_last else dims[2:]
    geometries = analyse(model, original_size=size)
    assert list(geometries) == [output.name for output in model.graph.output]
    perturbed = Perturbed(model, geometries, larger_size(geometries), channels_last=channels_last)
    assert perturbed.map_sizes() == {
        name: geometry.map_size(*perturbed.size) for name, geometry in geometries.items()
    }
    for pixel in perturbed.pixels(PIXELS):
        assert not perturbed.outside(pixel), pixel


@pytest.mark.parametrize("name", PADS)
def test_causes_in_light_models(name: str) -> None:
    model = onnxfcn.rewrite(light_models.load(name), validate=False).model
    assert model is not None
    (decided,) = decide(model, original_size=(224, 224)).values()
    assert decided.lines() == PADS[name]
