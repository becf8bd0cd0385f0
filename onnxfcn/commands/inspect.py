"""The command ``onnxfcn inspect``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..inspection import inspect as inspect_model
from .inspection_table import print_inspection
from .options import AsJson, InputLayout, InputSize, size_option
from .output import failing, print_json, printing

_Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A classifier, or a rewritten model.")
]
_Sizes = Annotated[
    list[Any] | None,
    size_option(
        "count multiply-accumulates at; repeatable. By default the model's own and two larger ones."
    ),
]


def inspect(
    model: _Model,
    size: _Sizes = None,
    input_size: InputSize = None,
    input_layout: InputLayout = None,
    as_json: AsJson = False,
) -> None:
    """Say what a model is, what a rewrite makes of it, and its costs.

    Heads and their windows, what has the image size baked in, what blocks a rewrite; stride,
    receptive field, and whether cells equal crops; parameters and multiply-accumulates in one pass
    and by crops. Nothing is run and nothing is written.

    Exit codes: 0 inspected, 1 a bug of onnxfcn, 2 usage, 4 the model is not usable.
    """
    with failing(as_json=as_json):
        found = inspect_model(
            model, sizes=size or (), input_size=input_size, input_layout=input_layout
        )
    with printing():
        if as_json:
            print_json(found.as_dict())
        else:
            print_inspection(found)
