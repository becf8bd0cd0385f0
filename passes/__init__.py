"""Graph passes on onnx_graphsurgeon graphs, usable on their own.

Each pass is a module with one function ``apply(graph, **options) -> PassResult``.
"""

from types import ModuleType

from . import dynamic_spatial_axes, flatten_gemm_to_conv
from .result import PassResult, Refusal, RefusalCode, Rewrite

PASSES: tuple[ModuleType, ...] = (flatten_gemm_to_conv, dynamic_spatial_axes)
"""All passes, in the order in which they follow one another; each has a ``NAME``."""

__all__ = [
    "PASSES",
    "PassResult",
    "Refusal",
    "RefusalCode",
    "Rewrite",
    "dynamic_spatial_axes",
    "flatten_gemm_to_conv",
]
