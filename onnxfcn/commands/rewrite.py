"""The command ``onnxfcn rewrite``."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from ..files.staged_output import ExternalData
from ..rewrite import rewrite as rewrite_model
from .options import (
    SWITCH,
    AbsoluteTolerance,
    AsJson,
    InputLayout,
    InputSize,
    MaxCells,
    Provider,
    RelativeTolerance,
    Seed,
    Sizes,
    Source,
    Verbose,
    WindowStep,
)
from .output import Bar, failing, print_json, printing
from .tables import print_report


def rewrite(
    source: Source,
    output: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write the result.")],
    passes: Annotated[
        list[str] | None,
        typer.Option(
            "--pass",
            metavar="NAME",
            help="Pass to run; repeatable, in this order. By default those that turn a classifier"
            " into a fully convolutional network. See: onnxfcn passes",
        ),
    ] = None,
    size: Sizes = None,
    window_step: WindowStep = "1",
    batch: Annotated[
        Literal["keep", "free"],
        typer.Option(
            metavar="keep|free", help="Leave the batch axis as it is, or make it symbolic."
        ),
    ] = "keep",
    global_pool: Annotated[
        Literal["slide", "keep"],
        typer.Option(
            metavar="slide|keep",
            help="Pool every window by itself, or the whole image: one answer per image.",
        ),
    ] = "slide",
    output_layout: Annotated[
        Literal["input", "nchw", "nhwc"],
        typer.Option(
            metavar="input|nchw|nhwc",
            help="Layout of the outputs' maps; input: where the output has 1-sized axes for them,"
            " else as the image has its channels.",
        ),
    ] = "input",
    head: Annotated[
        Literal["conv", "matmul"],
        typer.Option(
            metavar="conv|matmul",
            help="Dense layers become Conv, or windows and MatMul: fast on batches.",
        ),
    ] = "conv",
    convolutions: Annotated[
        str,
        typer.Option(
            metavar="WHICH",
            help="Convolutions that conv_to_gemm rewrites: all, heads, or names with wildcards,"
            " such as conv1*,fc?",
        ),
    ] = "all",
    input_size: InputSize = None,
    input_layout: InputLayout = None,
    provider: Provider = "cpu",
    rtol: RelativeTolerance = None,
    atol: AbsoluteTolerance = 0.0,
    max_cells: MaxCells = None,
    seed: Seed = 0,
    validate: Annotated[
        bool,
        typer.Option(
            "--validate/--no-validate", metavar=SWITCH, help="Run the proof with ONNX Runtime."
        ),
    ] = True,
    external_data: Annotated[
        ExternalData,
        typer.Option(
            metavar="auto|always|never",
            help="Put weights of 64 KiB or more into a data file next to OUT; auto: as IN does, or"
            " above 2 GiB.",
        ),
    ] = "auto",
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Rewrite a classifier so that it slides over larger images.

    The window is the part of the feature map that the classifier's head sees; the output becomes
    a map with one answer for each window of a larger image.

    Exit codes: 0 done, 1 a bug of onnxfcn, 2 usage, 3 nothing to rewrite, 4 refused or not usable,
    5 validation failed. OUT is written only with exit code 0.
    """
    show = partial(print_report, verbose=verbose)
    with failing(as_json=as_json, show=show), Bar() as bar:
        report = rewrite_model(
            source,
            output,
            passes=passes,
            sizes=size or (),
            window_step=window_step,
            batch=batch,
            global_pool=global_pool,
            output_layout=output_layout,
            head=head,
            convolutions=convolutions,
            input_size=input_size,
            input_layout=input_layout,
            provider=provider,
            rtol=rtol,
            atol=atol,
            max_cells=max_cells,
            seed=seed,
            validate=validate,
            external_data=external_data,
            progress=bar.advance,
        )
    with printing(f"wrote {output}, but "):
        if as_json:
            print_json(report.as_dict())
        else:
            show(report)
