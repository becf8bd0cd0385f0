"""ONNX Runtime for many small models: one thread, no messages."""

import onnx
import onnxruntime as ort


def session(model: onnx.ModelProto, *, optimized: bool = False) -> ort.InferenceSession:
    """A session on the CPU that computes the nodes as they are written, or optimizes them."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    level = ort.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimized else level.ORT_DISABLE_ALL
    content = model.SerializeToString()
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
