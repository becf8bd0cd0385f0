"""Build the JAX (flax) nets: ``python -m sample_models.exports.build_jax``."""
# JAX is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from flax import nnx
from jax2onnx import to_onnx

from .answers import Answers, answer_windows, draw_image, save
from .confirm import confirm

HERE = Path(__file__).resolve().parent
CLASSES = 10
OPSET = 21

Stage = Callable[[jax.Array], jax.Array]


class Net(nnx.Module):
    """A trunk that ends in the feature map ``[N, H, W, C]``, and a head that reads one window."""

    def __init__(self, trunk: Stage, head: Stage) -> None:
        self.trunk = trunk
        self.head = head

    def __call__(self, image: jax.Array) -> jax.Array:
        return self.head(self.trunk(image))


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to build and export one net.

    Attributes:
        build: makes the net.
        image: ``(H, W, C)`` of the image that the net is made for.
        larger: spatial extents of a larger image.
        channels_last: whether the exported image is ``[N, H, W, C]``, as it is inside.
        batch: batch of the exported image, or its name.
    """

    build: Callable[[nnx.Rngs], Net]
    image: tuple[int, int, int]
    larger: tuple[int, int]
    channels_last: bool
    batch: int | str


def _conv(
    inputs: int, outputs: int, rngs: nnx.Rngs, kernel: int = 3, **options: object
) -> nnx.Conv:
    return nnx.Conv(
        inputs,
        outputs,
        (kernel, kernel),
        kernel_init=nnx.initializers.he_normal(),
        bias_init=nnx.initializers.normal(0.1),
        rngs=rngs,
        **options,
    )


def _norm(channels: int, rngs: nnx.Rngs) -> nnx.BatchNorm:
    return nnx.BatchNorm(
        channels,
        momentum=0.0,
        scale_init=nnx.initializers.uniform(2.0),
        bias_init=nnx.initializers.normal(0.1),
        rngs=rngs,
    )


def _dense(inputs: int, outputs: int, rngs: nnx.Rngs) -> nnx.Linear:
    return nnx.Linear(inputs, outputs, bias_init=nnx.initializers.normal(0.1), rngs=rngs)


def _pool(data: jax.Array) -> jax.Array:
    return nnx.max_pool(data, window_shape=(2, 2), strides=(2, 2))


def _flatten(data: jax.Array) -> jax.Array:
    return data.reshape(data.shape[0], -1)


def _mean(data: jax.Array) -> jax.Array:
    return jnp.mean(data, axis=(1, 2))


def vgg(rngs: nnx.Rngs) -> Net:
    """Convolutions, pools, flatten, two dense layers."""
    trunk = nnx.Sequential(
        _conv(3, 8, rngs), nnx.relu, _pool,
        _conv(8, 16, rngs), nnx.relu, _pool,
        _conv(16, 24, rngs), nnx.relu, _pool,
    )  # fmt: skip
    head = nnx.Sequential(
        _flatten, _dense(24 * 4 * 6, 32, rngs), nnx.relu, _dense(32, CLASSES, rngs)
    )
    return Net(trunk, head)


class BasicBlock(nnx.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, rngs: nnx.Rngs) -> None:
        self.conv1 = _conv(inputs, outputs, rngs, strides=(2, 2), use_bias=False)
        self.norm1 = _norm(outputs, rngs)
        self.conv2 = _conv(outputs, outputs, rngs, use_bias=False)
        self.norm2 = _norm(outputs, rngs)
        self.shortcut = _conv(inputs, outputs, rngs, kernel=1, strides=(2, 2))

    def __call__(self, data: jax.Array) -> jax.Array:
        worked = nnx.relu(self.norm1(self.conv1(data)))
        return nnx.relu(self.norm2(self.conv2(worked)) + self.shortcut(data))


def resnet(rngs: nnx.Rngs) -> Net:
    """Basic blocks, global mean, one dense layer, softmax."""
    trunk = nnx.Sequential(
        _conv(3, 8, rngs), BasicBlock(8, 12, rngs), BasicBlock(12, 16, rngs),
        BasicBlock(16, 24, rngs),
    )  # fmt: skip
    return Net(trunk, nnx.Sequential(_mean, _dense(24, CLASSES, rngs), nnx.softmax))


class ConvNeXtBlock(nnx.Module):
    """Depthwise 7x7, normalisation and dense layers at each position."""

    def __init__(self, channels: int, rngs: nnx.Rngs) -> None:
        self.depthwise = _conv(channels, channels, rngs, kernel=7, feature_group_count=channels)
        self.norm = nnx.LayerNorm(channels, rngs=rngs)
        self.widen = _dense(channels, 2 * channels, rngs)
        self.narrow = _dense(2 * channels, channels, rngs)

    def __call__(self, data: jax.Array) -> jax.Array:
        return data + self.narrow(nnx.gelu(self.widen(self.norm(self.depthwise(data)))))


def convnext(rngs: nnx.Rngs) -> Net:
    """Patches, ConvNeXt blocks, global mean, normalisation, one dense layer."""
    patches = {"strides": (2, 2), "padding": "VALID"}
    trunk = nnx.Sequential(
        _conv(3, 12, rngs, kernel=4, strides=(4, 4), padding="VALID"), ConvNeXtBlock(12, rngs),
        _conv(12, 20, rngs, kernel=2, **patches), ConvNeXtBlock(20, rngs),
    )  # fmt: skip
    head = nnx.Sequential(_mean, nnx.LayerNorm(20, rngs=rngs), _dense(20, CLASSES, rngs))
    return Net(trunk, head)


RECIPES = {
    "flax_vgg": Recipe(build=vgg, image=(32, 48, 3), larger=(40, 80), channels_last=True, batch=1),
    "flax_resnet": Recipe(
        build=resnet, image=(32, 48, 3), larger=(44, 80), channels_last=False, batch="batch"
    ),
    "flax_convnext": Recipe(
        build=convnext, image=(32, 24, 3), larger=(40, 44), channels_last=True, batch="batch"
    ),
}


def _export(net: Net, recipe: Recipe) -> onnx.ModelProto:
    return to_onnx(
        net,
        [(recipe.batch, *recipe.image)],
        opset=OPSET,
        inputs_as_nchw=None if recipe.channels_last else [0],
        input_names=["image"],
        output_names=["logits"],
    )


def _draw(recipe: Recipe, batch: int, extents: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The image as the graph takes it, and as the net does."""
    channels = recipe.image[2]
    if recipe.channels_last:
        image = draw_image((batch, *extents, channels))
        return image, image
    image = draw_image((batch, channels, *extents))
    return image, np.moveaxis(image, 1, -1)


def answer(net: Net, recipe: Recipe) -> Answers:
    """The answers of flax on both images."""
    original, ours = _draw(recipe, 1, recipe.image[:2])
    larger, ours_larger = _draw(recipe, 1, recipe.larger)
    maps = answer_windows(
        lambda cut: [np.asarray(net.head(cut))],
        np.asarray(net.trunk(ours_larger)),
        net.trunk(ours).shape[1:3],
        channels_last=True,
    )
    if not recipe.channels_last:
        maps = tuple(np.ascontiguousarray(np.moveaxis(values, -1, 1)) for values in maps)
    originals = (np.asarray(net(ours)),)
    return Answers(original.shape, originals, (larger.shape,), (maps,), recipe.channels_last)


def write(name: str) -> None:
    """Write the export of a net and its answers beside this script."""
    recipe = RECIPES[name]
    net = recipe.build(nnx.Rngs(zlib.crc32(name.encode())))
    net.trunk(_draw(recipe, 8, recipe.image[:2])[1])
    net.eval()
    answers = answer(net, recipe)
    save(HERE / f"{name}.npz", answers)
    path = HERE / f"{name}.jax2onnx.onnx"
    path.write_bytes(_export(net, recipe).SerializeToString(deterministic=True))
    confirm(path, answers)


def main() -> None:
    """Build all nets."""
    for name in RECIPES:
        write(name)


if __name__ == "__main__":
    main()
