"""Build the PyTorch nets: ``python -m sample_models.exports.build_torch [NAME ...]``."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found, misc, no-any-return, untyped-decorator"

import argparse
import sys
import zlib
from pathlib import Path

import onnx
import torch

from . import torch_heads, torch_mobile, torch_plain, torch_residual
from .answers import Answers, answer_windows, draw_image, save
from .confirm import confirm
from .torch_net import Net, Recipe, randomise

HERE = Path(__file__).resolve().parent
RECIPES: dict[str, Recipe] = {
    **torch_plain.RECIPES,
    **torch_residual.RECIPES,
    **torch_mobile.RECIPES,
    **torch_heads.RECIPES,
}
TRACE = "pkg.torch.onnx.stack_trace"
"""Metadata of the dynamo exporter that names files of the machine it ran on."""


def make_net(name: str) -> Net:
    """The net of a name with its random weights, in eval mode."""
    recipe = RECIPES[name]
    torch.manual_seed(zlib.crc32(name.encode()))
    net = recipe.build()
    randomise(net, torch.from_numpy(draw_image((8, *recipe.image))))
    return net


@torch.no_grad()
def answer(net: Net, recipe: Recipe) -> Answers:
    """PyTorch's answers on both images."""
    original = draw_image((1, *recipe.image))
    larger = draw_image((1, recipe.image[0], *recipe.larger))
    maps = answer_windows(
        lambda cut: [values.numpy() for values in _tuple(net.head(torch.from_numpy(cut)))],
        net.trunk(torch.from_numpy(larger)).numpy(),
        net.trunk(torch.from_numpy(original)).shape[2:],
        channels_last=False,
    )
    originals = tuple(values.numpy() for values in _tuple(net(torch.from_numpy(original))))
    return Answers(original.shape, larger.shape, originals, maps)


def export_torchscript(net: Net, recipe: Recipe, path: Path) -> None:
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


def export_dynamo(net: Net, recipe: Recipe, path: Path) -> None:
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
    for node in (*model.graph.node, *(n for f in model.functions for n in f.node)):
        kept = [entry for entry in node.metadata_props if entry.key != TRACE]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    path.write_bytes(model.SerializeToString(deterministic=True))


EXPORTERS = {"torchscript": export_torchscript, "dynamo": export_dynamo}


def write(name: str) -> None:
    """Write the exports of a net and its answers beside this script."""
    recipe, net = RECIPES[name], make_net(name)
    answers = answer(net, recipe)
    save(HERE / f"{name}.npz", answers)
    for exporter, export in EXPORTERS.items():
        path = HERE / f"{name}.{exporter}.onnx"
        export(net, recipe, path)
        confirm(path, answers)


def _tuple(values: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return values if isinstance(values, tuple) else (values,)


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
