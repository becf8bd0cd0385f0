"""The trained CNN as an ONNX model, and what onnxfcn's pass ``conv_to_gemm`` makes of it."""
# PyTorch is not installed where types are checked.
# mypy: disable-error-code="import-not-found"

import logging
import warnings
from pathlib import Path

import onnx
import onnxruntime as ort
import torch
from torch import nn

import onnxfcn

from .networks import SIDE
from .scaling import Floats


def export(network: nn.Module, path: Path) -> None:
    """Write a network as an ONNX model with a symbolic batch, the weights in the same file."""
    # The exporter warns of its own calls, and logs that torchvision, which nothing here needs,
    # is not installed.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.onnx.export(
            network.eval(),
            (torch.zeros(2, 1, SIDE, SIDE),),
            dynamo=True,
            verbose=False,
            input_names=["image"],
            output_names=["pixels"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    onnx.save(program.model_proto, path)


def convert(source: Path, destination: Path) -> list[str]:
    """Have onnxfcn turn the convolutions of a model into dense layers, and prove it.

    Returns:
        What each convolution became, as a line of text.

    Raises:
        onnxfcn.OnnxfcnError: a convolution could not be turned, or the proof failed.
    """
    report = onnxfcn.rewrite(source, destination, passes=["conv_to_gemm"])
    return [f"{rewrite.before} became {rewrite.after}" for rewrite in report.rewrites]


def answer(path: Path, images: Floats) -> Floats:
    """A model's answers by ONNX Runtime on images ``[N, 1, 28, 28]``: ``[N, 784]``."""
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    answers: Floats = session.run(None, {"image": images})[0]
    return answers
