"""Graph passes on onnx_graphsurgeon graphs, usable on their own.

Each pass is a module with one function ``apply(graph, **options) -> PassResult``.
"""

from types import ModuleType

from . import conv_to_gemm, dynamic_spatial_axes, flatten_gemm_to_conv, inline_branches
from .result import PassResult, Refusal, RefusalCode, Rewrite

PASSES: tuple[ModuleType, ...] = (
    inline_branches,
    flatten_gemm_to_conv,
    dynamic_spatial_axes,
    conv_to_gemm,
)
"""All passes, in the order in which they follow one another; each has a ``NAME``."""

__all__ = [
    "PASSES",
    "PassResult",
    "Refusal",
    "RefusalCode",
    "Rewrite",
    "conv_to_gemm",
    "dynamic_spatial_axes",
    "flatten_gemm_to_conv",
    "inline_branches",
]
