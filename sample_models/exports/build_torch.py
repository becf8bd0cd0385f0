"""Build the PyTorch nets: ``python -m sample_models.exports.build_torch [NAME ...]``."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import argparse
import sys
import zlib
from pathlib import Path

import onnx
import torch
from torch import nn

from . import (
    torch_blocks_attention,
    torch_blocks_gate,
    torch_blocks_norm,
    torch_blocks_refused,
    torch_blocks_resize,
    torch_blocks_shuffle,
    torch_dense,
    torch_heads,
    torch_mobile,
    torch_plain,
    torch_residual,
)
from .answers import Answers, Floats, answer_windows, draw_image, save
from .confirm import confirm
from .torch_net import Net, Recipe, randomise

HERE = Path(__file__).resolve().parent
RECIPES: dict[str, Recipe] = {
    **torch_plain.RECIPES,
    **torch_residual.RECIPES,
    **torch_mobile.RECIPES,
    **torch_heads.RECIPES,
    **torch_blocks_shuffle.RECIPES,
    **torch_blocks_gate.RECIPES,
    **torch_blocks_attention.RECIPES,
    **torch_blocks_norm.RECIPES,
    **torch_blocks_resize.RECIPES,
    **torch_blocks_refused.RECIPES,
    **torch_dense.RECIPES,
}
TRACE = "pkg.torch.onnx.stack_trace"
"""Metadata of the dynamo exporter that names files of the machine it ran on."""


def make_net(name: str) -> nn.Module:
    """The net of a name with its random weights, in eval mode."""
    recipe = RECIPES[name]
    torch.manual_seed(zlib.crc32(name.encode()))
    net = recipe.build()
    randomise(net, torch.from_numpy(draw_image((8, *recipe.image))))
    return net


@torch.no_grad()
def answer(net: nn.Module, recipe: Recipe) -> Answers:
    """PyTorch's answers on all images."""
    original = draw_image((1, *recipe.image))
    originals = _arrays(net(torch.from_numpy(original)))
    maps, shapes = [], []
    for extents in recipe.larger:
        larger = draw_image((1, recipe.image[0], *extents))
        image = torch.from_numpy(larger)
        maps.append(_windows(net, image, recipe) if recipe.cut else _arrays(net(image)))
        shapes.append(larger.shape)
    return Answers(original.shape, originals, tuple(shapes), tuple(maps))


def _windows(net: Net, image: torch.Tensor, recipe: Recipe) -> tuple[Floats, ...]:
    """The head on every window of an image's feature map."""
    return answer_windows(
        lambda cut: _arrays(net.head(torch.from_numpy(cut))),
        net.trunk(image).numpy(),
        net.trunk(torch.zeros(1, *recipe.image)).shape[2:],
        channels_last=False,
    )


def _arrays(values: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[Floats, ...]:
    tensors = values if isinstance(values, tuple) else (values,)
    return tuple(tensor.numpy() for tensor in tensors)


def export_torchscript(net: nn.Module, recipe: Recipe, path: Path) -> None:
    """Export by tracing."""
    names = ("image", *recipe.outputs)
    torch.onnx.export(
        net,
        (torch.from_numpy(draw_image((1, *recipe.image))),),
        path,
        dynamo=False,
        opset_version=recipe.opset,
        input_names=["image"],
        output_names=list(recipe.outputs),
        dynamic_axes={name: {0: "batch"} for name in names} if recipe.free_batch else None,
    )


def export_dynamo(net: nn.Module, recipe: Recipe, path: Path) -> None:
    """Export by ``torch.export``, with the weights in the file and without stack traces."""
    batch = 2 if recipe.free_batch else 1
    torch.onnx.export(
        net,
        (torch.from_numpy(draw_image((batch, *recipe.image))),),
        path,
        dynamo=True,
        external_data=False,
        verbose=False,
        input_names=["image"],
        output_names=list(recipe.outputs),
        dynamic_shapes=({0: torch.export.Dim("batch")},) if recipe.free_batch else None,
    )
    model = onnx.load(path)
    functions = [node for function in model.functions for node in function.node]
    for entity in (*model.graph.node, *functions, *model.graph.value_info):
        kept = [entry for entry in entity.metadata_props if recipe.metadata and entry.key != TRACE]
        del entity.metadata_props[:]
        entity.metadata_props.extend(kept)
    path.write_bytes(model.SerializeToString(deterministic=True))


EXPORTERS = {"torchscript": export_torchscript, "dynamo": export_dynamo}


def write(name: str) -> None:
    """Write the exports of a net and its answers into the recipe's folder."""
    recipe, net = RECIPES[name], make_net(name)
    folder = HERE / recipe.folder
    answers = answer(net, recipe)
    save(folder / f"{name}.npz", answers)
    for exporter in recipe.exporters:
        path = folder / f"{name}.{exporter}.onnx"
        EXPORTERS[exporter](net, recipe, path)
        confirm(path, answers)


def main(arguments: list[str]) -> None:
    """Build the named nets, or all of them."""
    parser = argparse.ArgumentParser(description="Build the PyTorch nets.")
    parser.add_argument("names", metavar="NAME", nargs="*", help="a net; all by default")
    names = parser.parse_args(arguments).names
    unknown = sorted(set(names) - set(RECIPES))
    if unknown:
        parser.error(f"no net {', '.join(unknown)}; there are {', '.join(RECIPES)}")
    torch.set_num_threads(1)
    for name in names or RECIPES:
        write(name)


if __name__ == "__main__":
    main(sys.argv[1:])
