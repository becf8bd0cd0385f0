"""A plain network without padding: 234x234 pixels, a 24x24 feature map, a large first dense layer.

Its window is far larger than that of the usual classifiers, so the first dense layer becomes a
24x24 kernel.
"""

import onnx

from .layers import LayerStack

SEED = 243
"""Keeps some of the hidden features above zero when they are as few as two."""


def build(width: int = 1024) -> onnx.ModelProto:
    """Build the model.

    Args:
        width: Features of the two hidden dense layers; the first holds ``18432 * width`` weights.

    Returns:
        ``image`` ``[N, 1, 234, 234]`` to ``probabilities`` ``[N, 1000]``; the feature map is
        ``[N, 32, 24, 24]``.
    """
    net = LayerStack("plain234", image=(1, 234, 234), seed=SEED)
    for block in (1, 2, 3):
        net.conv(f"conv{block}", channels=32, kernel=7)
        net.relu(f"relu{block}")
        net.max_pool(f"pool{block}", kernel=2, stride=2)
    net.flatten("flatten")
    net.dense("fc4", features=width)
    net.relu("relu4")
    net.dense("fc5", features=width)
    net.relu("relu5")
    net.dense("fc6", features=1000)
    net.softmax("softmax")
    return net.finish("probabilities")
