"""Graph passes on onnx_graphsurgeon graphs, usable on their own.

Each pass is a module with one function ``apply(graph, **options) -> PassResult``.
"""

from . import dynamic_spatial_axes, flatten_gemm_to_conv
from .result import PassResult, Refusal, RefusalCode, Rewrite

__all__ = [
    "PassResult",
    "Refusal",
    "RefusalCode",
    "Rewrite",
    "dynamic_spatial_axes",
    "flatten_gemm_to_conv",
]
