"""Build the Keras nets: ``python -m sample_models.exports.build_keras``."""
# Keras is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tf2onnx
from keras import KerasTensor, layers

from .answers import Answers, answer_windows, draw_image, save
from .confirm import confirm

HERE = Path(__file__).resolve().parent
CLASSES = 10
OPSET = 17

Stage = Callable[[KerasTensor], KerasTensor]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to build one net.

    Attributes:
        trunk: from the image to the feature map.
        head: from the feature map to the output.
        image: ``(H, W, C)`` of the image that the net is made for.
        larger: spatial extents of a larger image. Keras pads ``same`` by the image's size, tf2onnx
            by that of the export: they agree where every stride divides its input.
    """

    trunk: Stage
    head: Stage
    image: tuple[int, int, int]
    larger: tuple[int, int]


def vgg_trunk(data: KerasTensor) -> KerasTensor:
    """Convolutions with bias and pools."""
    for channels, count in ((8, 1), (16, 1), (24, 2), (24, 2)):
        for _ in range(count):
            data = layers.Conv2D(channels, 3, padding="same", activation="relu")(data)
        data = layers.MaxPooling2D(2, strides=2)(data)
    return data


def vgg_head(data: KerasTensor) -> KerasTensor:
    """Flatten, two hidden layers, softmax (``keras.applications.VGG16``)."""
    data = layers.Flatten(name="flatten")(data)
    data = layers.Dense(32, activation="relu", name="fc1")(data)
    data = layers.Dense(32, activation="relu", name="fc2")(data)
    return layers.Dense(CLASSES, activation="softmax", name="predictions")(data)


def _depthwise_block(data: KerasTensor, channels: int, stride: int) -> KerasTensor:
    padding = "same"
    if stride == 2:
        data, padding = layers.ZeroPadding2D(((0, 1), (0, 1)))(data), "valid"
    data = layers.DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False)(data)
    data = layers.ReLU(6.0)(layers.BatchNormalization()(data))
    data = layers.Conv2D(channels, 1, padding="same", use_bias=False)(data)
    return layers.ReLU(6.0)(layers.BatchNormalization()(data))


def mobilenet_trunk(data: KerasTensor) -> KerasTensor:
    """Depthwise separable convolutions, padded on one side before a stride of 2."""
    data = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(data)
    data = layers.ReLU(6.0)(layers.BatchNormalization()(data))
    for channels, stride in ((16, 1), (24, 2), (24, 1), (32, 2), (48, 1)):
        data = _depthwise_block(data, channels, stride)
    return data


def mobilenet_head(data: KerasTensor) -> KerasTensor:
    """Average, dropout, softmax of one dense layer."""
    data = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(data))
    return layers.Dense(CLASSES, activation="softmax", name="predictions")(data)


def mobilenet_conv_head(data: KerasTensor) -> KerasTensor:
    """Average that keeps its axes, a 1x1 convolution, Reshape, softmax (MobileNet v1)."""
    data = layers.GlobalAveragePooling2D(keepdims=True)(data)
    data = layers.Conv2D(CLASSES, 1, padding="same", name="conv_preds")(layers.Dropout(0.2)(data))
    data = layers.Reshape((CLASSES,), name="reshape_2")(data)
    return layers.Activation("softmax", name="predictions")(data)


def _gate(data: KerasTensor, channels: int) -> KerasTensor:
    gate = layers.Reshape((1, 1, channels))(layers.GlobalAveragePooling2D()(data))
    gate = layers.Dense(channels // 4, activation="relu")(gate)
    gate = layers.Dense(channels, activation="sigmoid")(gate)
    return layers.Multiply()([data, gate])


def se_trunk(data: KerasTensor) -> KerasTensor:
    """Residual blocks with gates from dense layers."""
    data = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(data)
    for channels, stride in ((16, 2), (16, 1), (24, 2)):
        shortcut = data
        if stride > 1:
            shortcut = layers.Conv2D(channels, 1, strides=stride, padding="same")(data)
        data = layers.Conv2D(channels, 3, strides=stride, padding="same", use_bias=False)(data)
        data = _gate(layers.BatchNormalization()(data), channels)
        data = layers.ReLU()(layers.Add()([shortcut, data]))
    return data


def logits_head(data: KerasTensor) -> KerasTensor:
    """Average and one dense layer."""
    return layers.Dense(CLASSES, name="logits")(layers.GlobalAveragePooling2D()(data))


RECIPES = {
    "keras_vgg": Recipe(trunk=vgg_trunk, head=vgg_head, image=(32, 48, 3), larger=(64, 96)),
    "keras_mobilenet": Recipe(
        trunk=mobilenet_trunk, head=mobilenet_head, image=(48, 32, 3), larger=(56, 64)
    ),
    "keras_mobilenet_v1": Recipe(
        trunk=mobilenet_trunk, head=mobilenet_conv_head, image=(32, 32, 3), larger=(40, 60)
    ),
    "keras_se": Recipe(trunk=se_trunk, head=logits_head, image=(32, 48, 3), larger=(48, 80)),
}


def _model(stage: Stage, shape: tuple[int | None, ...]) -> keras.Model:
    data = keras.Input(shape)
    return keras.Model(data, stage(data))


def randomise(model: keras.Model, image: np.ndarray) -> np.ndarray:
    """Draw biases, scales and offsets, and take the running statistics from an image.

    Args:
        model: a trunk or a head; changed in place.
        image: what it reads, with more than one sample.

    Returns:
        The model's answer.
    """
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
            layer.gamma.assign(random.uniform(0.6, 1.4, layer.gamma.shape))
            layer.beta.assign(random.normal(0, 0.1, layer.beta.shape))
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(random.normal(0, 0.1, layer.bias.shape))
    model(image, training=True)
    return np.asarray(model(image))


def write(name: str) -> None:
    """Write the export of a net and its answers beside this script."""
    recipe = RECIPES[name]
    keras.utils.set_random_seed(zlib.crc32(name.encode()))
    trunk = _model(recipe.trunk, (None, None, recipe.image[2]))
    sample = randomise(trunk, draw_image((8, *recipe.image)))
    window = sample.shape[1:]
    head = _model(recipe.head, window)
    randomise(head, sample)
    original = draw_image((1, *recipe.image))
    larger = draw_image((1, *recipe.larger, recipe.image[2]))
    image = keras.Input(recipe.image, name="image")
    net = keras.Model(image, head(trunk(image)), name=name)
    maps = answer_windows(
        lambda cut: [np.asarray(head(cut))],
        np.asarray(trunk(larger)),
        window[:-1],
        channels_last=True,
    )
    originals = (np.asarray(net(original)),)
    answers = Answers(original.shape, originals, (larger.shape,), (maps,), channels_last=True)
    save(HERE / f"{name}.npz", answers)
    path = HERE / f"{name}.tf2onnx.onnx"
    tf2onnx.convert.from_keras(net, opset=OPSET, output_path=str(path))
    confirm(path, answers)


def main() -> None:
    """Build all nets."""
    for name in RECIPES:
        write(name)


if __name__ == "__main__":
    main()
