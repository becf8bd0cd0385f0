"""A small detector of upright things: 64 pixels wide, 128 high, one probability.

Every kernel is as wide as its stride, so the trunk has stride 32, no padding, and no two cells of
the feature map share a pixel. A 1024x512 image (width x height) has a 32x16 feature map and
31x13 = 403 answers.
"""

import onnx

from .layers import LayerStack

SEED = 27
"""Four hidden features: with many a seed all of them are zero in some cells; not with this one."""


def build() -> onnx.ModelProto:
    """Build the model.

    Returns:
        ``image`` ``[N, 3, 128, 64]`` to ``probabilities`` ``[N, 1]``; the feature map is
        ``[N, 32, 4, 2]``.
    """
    net = LayerStack("gilt", image=(3, 128, 64), seed=SEED)
    net.conv("conv1", channels=16, kernel=4, stride=4)
    net.relu("relu1")
    net.conv("conv2", channels=32, kernel=4, stride=4)
    net.relu("relu2")
    net.conv("conv3", channels=32, kernel=2, stride=2)
    net.relu("relu3")
    net.flatten("flatten")
    net.dense("fc4", features=4)
    net.relu("relu4")
    net.dense("fc5", features=1)
    net.sigmoid("sigmoid")
    return net.finish("probabilities")
