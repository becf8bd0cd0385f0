"""From which opset of ai.onnx on an operator has which form."""

BROADCASTS = 7
"""From this opset on, Add and its like broadcast without being told the axis."""

HAS_CONSTANT_OF_SHAPE = 9
"""From this opset on, ConstantOfShape makes tensors of any shape."""

SLICE_BOUNDS_AS_INPUTS = 10
"""From this opset on, Slice takes its bounds as inputs, and steps."""

PADS_AS_INPUT = 11
"""From this opset on, Pad takes its pads as an input."""

RESIZE_WITH_REGION = 11
"""From this opset on, Resize takes a region of interest in front of its scales, and says how it
computes and rounds coordinates. Before, it is as Upsample."""

AXES_AS_INPUT = 13
"""From this opset on, Squeeze, Unsqueeze and ReduceSum take their axes as an input."""

SOFTMAX_ON_ONE_AXIS = 13
"""From this opset on, Hardmax, LogSoftmax and Softmax act on one axis, by default the last; before,
they flatten everything from their axis on, by default the second, into one."""

SHAPE_OF_SOME_AXES = 15
"""From this opset on, Shape can give some of the axes."""

REDUCTION_AXES_AS_INPUT = 18
"""From this opset on, the reductions other than ReduceSum take their axes as an input."""

CONV_OF_BFLOAT16 = 22
"""From this opset on, Conv and the pools take bfloat16."""
