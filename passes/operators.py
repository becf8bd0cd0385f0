"""Families of ai.onnx operators that the passes reason about."""

UNARY = frozenset(
    "Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Cos Cosh Elu Erf Exp Floor"
    " Gelu HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu"
    " Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh"
    " ThresholdedRelu".split()
)
"""One tensor in, the same shape out, every element on its own."""

KEEPS_ZERO = frozenset(
    "Abs Asin Asinh Atan Atanh Cast Ceil Celu Elu Erf Floor Gelu HardSwish Identity LeakyRelu Mish"
    " Neg Relu Round Selu Sign Sin Sinh Softsign Sqrt Swish Tan Tanh ThresholdedRelu".split()
)
"""Unary operators that make zero of zero."""

VARIADIC = frozenset(
    "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow PRelu"
    " Sub Sum Where Xor".split()
)
"""Several tensors in, broadcast against one another, every element on its own."""

ELEMENTWISE = UNARY | VARIADIC | {"Clip", "Dropout"}
"""Operators that compute every element of the output from the same element of the inputs."""

QUANTIZATION = frozenset({"DequantizeLinear", "QuantizeLinear"})
"""Operators that round every element to steps of its own, its feature's, or all elements'."""

POOLS = frozenset({"AveragePool", "LpPool", "MaxPool"})
"""Pools with a kernel, on ``[N, C, *s]``."""

GLOBAL_POOLS = frozenset({"GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"})
"""Pools over the whole map, on ``[N, C, *s]``."""

CHANNELS_FIRST = (
    POOLS | GLOBAL_POOLS | {"Conv", "ConvTranspose", "DepthToSpace", "LRN", "SpaceToDepth"}
)
"""Operators that read and write ``[N, C, *s]`` and so fix the meaning of the axes."""

NORMALIZATIONS = frozenset({"BatchNormalization", "GroupNormalization", "InstanceNormalization"})
"""Operators with numbers of their own along axis 1, which need not be the channels: some nets
normalise every row or column of an image so, between two Transposes."""

MIXES = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Layers that mix channels, and perhaps positions, by learned weights."""

KEEPS_AXES = (
    QUANTIZATION
    | NORMALIZATIONS
    | frozenset(
        "Concat CumSum Hardmax LayerNormalization LogSoftmax LpNormalization MatMul"
        " MeanVarianceNormalization Pad RMSNormalization Resize Slice Softmax Split"
        " Upsample".split()
    )
)
"""Operators that change extents or values, not the meaning of axes (where the rank stays)."""

REDUCTIONS = frozenset(
    "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd"
    " ReduceSum ReduceSumSquare".split()
)
"""Reductions along some axes."""

MOVES_DATA = frozenset(
    "DepthToSpace Dropout Expand Flatten Gather GatherElements GatherND Identity Reshape Slice"
    " SpaceToDepth Split Squeeze Tile Transpose Unsqueeze".split()
)
"""Operators whose outputs hold elements of their first input: moved, dropped or repeated."""
