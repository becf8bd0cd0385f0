"""VGG-16 and AlexNet: receptive fields by hand, confirmed by changing pixels.

The nets have the layers of the real ones with few channels, which have no part in the arithmetic.
"""

from collections.abc import Callable

import onnx
import pytest

import onnxfcn
from onnxfcn.exactness import decide
from onnxfcn.geometry import Box, Geometry, analyse
from sample_models import gilt, lenet, plain234, vgg16
from sample_models.layers import LayerStack
from tests.onnxfcn.geometry.perturbation import Perturbed

CHANNELS = 6


def thin_vgg16() -> onnx.ModelProto:
    """The layers of ``sample_models.vgg16``."""
    net = LayerStack("vgg16", image=(3, 224, 224), seed=2014)
    for block, (_, convolutions) in enumerate(vgg16.BLOCKS, start=1):
        for layer in range(1, convolutions + 1):
            net.conv(f"conv{block}_{layer}", channels=CHANNELS, kernel=3, pad=1)
        net.max_pool(f"pool{block}", kernel=2, stride=2)
    net.flatten("flatten")
    net.dense("fc6", features=8)
    net.dense("fc7", features=4)
    return net.finish("logits")


def thin_alexnet() -> onnx.ModelProto:
    """The layers of ``sample_models.alexnet``."""
    net = LayerStack("alexnet", image=(3, 224, 224), seed=2012)
    net.conv("conv1", channels=CHANNELS, kernel=11, stride=4, pad=2)
    net.max_pool("pool1", kernel=3, stride=2)
    net.conv("conv2", channels=CHANNELS, kernel=5, pad=2)
    net.max_pool("pool2", kernel=3, stride=2)
    for name in ("conv3", "conv4", "conv5"):
        net.conv(name, channels=CHANNELS, kernel=3, pad=1)
    net.max_pool("pool5", kernel=3, stride=2)
    net.flatten("flatten")
    net.dense("fc6", features=8)
    net.dense("fc7", features=4)
    return net.finish("logits")


def rewritten(model: onnx.ModelProto) -> tuple[onnx.ModelProto, Geometry]:
    report = onnxfcn.rewrite(model, validate=False)
    assert report.model is not None
    dims = model.graph.input[0].type.tensor_type.shape.dim
    size = [dim.dim_value for dim in dims[2:]]
    (geometry,) = analyse(report.model, original_size=size).values()
    return report.model, geometry


def test_vgg16_by_hand() -> None:
    # A 3x3 convolution sees 2 positions more than what follows it, a 2x2 pool 1 more, each so many
    # pixels wide as the pools in front of it have made them:
    #
    #   block      convolutions       pool    pixels a position    more pixels
    #   1          2 * 2              1       1                    5
    #   2          2 * 2              1       2                    10
    #   3          3 * 2              1       4                    28
    #   4          3 * 2              1       8                    56
    #   5          3 * 2              1       16                   112
    #
    # A position of pool5 is 32 pixels from the next and sees 1 + 5 + 10 + 28 + 56 + 112 = 212.
    # The head sees 7 of them: 212 + 6 * 32 = 404. Pads of one position come in front of every
    # convolution: 2 * 1 + 2 * 2 + 3 * 4 + 3 * 8 + 3 * 16 = 90 pixels before the image.
    model, geometry = rewritten(thin_vgg16())
    assert geometry.stride == (32, 32)
    assert geometry.receptive_field == (404, 404)
    assert geometry.offset == (-90, -90)
    assert geometry.is_tight
    assert geometry.original_size == geometry.smallest == (224, 224)
    assert geometry.map_size(288, 350) == (3, 4)
    assert [geometry.axes[0].extent(size) for size in (223, 224, 255, 256)] == [None, 1, 1, 2]
    # Cell 1 begins at 32 - 90, cell 2 at 64 - 90; both end behind the image.
    assert geometry.box(1, 2) == Box((-58, -26), (346, 378))
    assert geometry.box(1, 2, size=(288, 350)) == Box((0, 0), (288, 350))
    assert geometry.crop(1, 2) == Box((32, 64), (256, 288))
    assert decide(model, original_size=(224, 224))["logits"].lines() == [
        "13 Conv (first 'conv1_1'): pads, where the whole image goes on"
    ]


def test_alexnet_by_hand() -> None:
    #   layer          more positions    pixels a position    more pixels
    #   conv1 11/4     10                1                    10
    #   pool1 3/2      2                 4                    8
    #   conv2 5        4                 8                    32
    #   pool2 3/2      2                 8                    16
    #   conv3-5 3      3 * 2             16                   96
    #   pool5 3/2      2                 16                   32
    #
    # A position of pool5 is 32 pixels from the next and sees 1 + 194 = 195. The head sees 6 of
    # them: 195 + 5 * 32 = 355. Pads: 2 * 1 + 2 * 8 + 3 * 16 = 66 pixels before the image.
    model, geometry = rewritten(thin_alexnet())
    assert geometry.stride == (32, 32)
    assert geometry.receptive_field == (355, 355)
    assert geometry.offset == (-66, -66)
    # 6 positions of pool5 need 2 * 5 + 3 = 13 of pool2, those 2 * 12 + 3 = 27 of pool1, those
    # 2 * 26 + 3 = 55 of conv1, and those 4 * 54 + 11 pixels, 4 of them pads.
    assert geometry.smallest == (223, 223)
    assert [geometry.axes[0].extent(size) for size in (222, 223, 254, 255)] == [None, 1, 1, 2]
    assert decide(model, original_size=(224, 224))["logits"].lines() == [
        "5 Conv (first 'conv1'): pads, where the whole image goes on"
    ]


@pytest.mark.parametrize(
    ("build", "size", "cells"),
    [
        # So large that one cell sees no border, and others do.
        (thin_vgg16, (520, 256), [(4, 0), (0, 1)]),
        (thin_alexnet, (450, 256), [(3, 0), (0, 1)]),
        (lenet.build, (43, 37), [(0, 0), (3, 2), (2, 1)]),
        (gilt.build, (201, 140), [(0, 0), (2, 2), (1, 1)]),
        (lambda: plain234.build(width=4), (250, 243), [(0, 0), (2, 1)]),
    ],
    ids=["vgg16", "alexnet", "lenet", "gilt", "plain234"],
)
def test_a_cell_depends_on_every_corner_of_its_box_and_on_nothing_outside(
    build: Callable[[], onnx.ModelProto], size: tuple[int, int], cells: list[tuple[int, int]]
) -> None:
    model, geometry = rewritten(build())
    perturbed = Perturbed(model, {geometry.output: geometry}, size)
    assert perturbed.map_sizes() == {geometry.output: geometry.map_size(*size)}
    for cell in cells:
        assert perturbed.unmoved(geometry.output, cell, trials=40) == []
        for pixel in around(geometry.box(*cell, size=size), size):
            assert not perturbed.changed([pixel])[geometry.output][cell], pixel
    for pixel in perturbed.pixels(12):
        assert not perturbed.outside(pixel), pixel


def around(box: Box, size: tuple[int, int]) -> list[tuple[int, int]]:
    """Pixels right outside of a box, one for each of its sides that has any."""
    (top, left), (bottom, right) = box.start, box.stop
    beside = [(top - 1, left), (bottom, left), (top, left - 1), (top, right)]
    return [(y, x) for y, x in beside if 0 <= y < size[0] and 0 <= x < size[1]]
