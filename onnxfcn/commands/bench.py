"""The command ``onnxfcn bench``."""

from typing import Annotated, Any

import typer

from ..speed import bench as bench_models
from .options import AsJson, InputSize, Original, Provider, Rewritten, size_option
from .output import Bar, failing, print_json, printing
from .speed_table import print_speed

_Sizes = Annotated[
    list[Any] | None,
    size_option(
        "time one pass against crops at; repeatable. By default about twice the original one."
    ),
]
_Batches = Annotated[
    list[int] | None,
    typer.Option(
        "--batch",
        metavar="N",
        min=1,
        help="Images of the original size to time both models on; repeatable. By default 1 and 8.",
    ),
]


def bench(
    original: Original,
    rewritten: Rewritten,
    size: _Sizes = None,
    batch: _Batches = None,
    input_size: InputSize = None,
    provider: Provider = "cpu",
    as_json: AsJson = False,
) -> None:
    """Time a rewritten model beside its original.

    At the original size both answer for the same images. At larger sizes one pass stands against
    the original on the crop of each cell. The limit is how many times fewer multiply-accumulates
    one pass needs. Nothing is written, and no answers are compared.

    Exit codes: 0 timed, 1 a bug of onnxfcn, 2 usage, 4 a model is not usable, 5 the models do not
    belong together.
    """
    with failing(as_json=as_json), Bar() as bar:
        report = bench_models(
            original,
            rewritten,
            sizes=size or (),
            batches=batch or (),
            input_size=input_size,
            provider=provider,
            progress=bar.advance,
        )
    with printing():
        if as_json:
            print_json(report.as_dict())
        else:
            print_speed(report)
