"""ONNX Runtime for small models: one thread, no messages."""

from collections.abc import Iterable

import onnx
import onnxruntime as ort


def session(
    model: onnx.ModelProto, *, optimized: bool = False, inner: Iterable[str] = ()
) -> ort.InferenceSession:
    """A session on the CPU that computes the nodes as they are written, or optimizes them.

    Args:
        model: the model; not changed.
        optimized: whether ONNX Runtime optimizes the graph, as it does for users.
        inner: names of inner tensors to return beside the outputs.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    level = ort.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimized else level.ORT_DISABLE_ALL
    extras = [onnx.ValueInfoProto(name=name) for name in inner]
    addition = onnx.ModelProto(graph=onnx.GraphProto(output=extras))
    # Serialised messages merge when they are joined.
    content = model.SerializeToString() + addition.SerializeToString()
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
