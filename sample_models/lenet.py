"""LeNet-5 with ReLU and max pools: handwritten digits, 28x28 pixels.

The trunk has stride 4 and no padding, and no row or column of 28x28 is left over, so a cell of
the fully convolutional network equals the classifier on a crop.
"""

import onnx

from .layers import LayerStack


def build() -> onnx.ModelProto:
    """Build the model.

    Returns:
        ``image`` ``[N, 1, 28, 28]`` to ``probabilities`` ``[N, 10]``; the feature map is
        ``[N, 16, 4, 4]``.
    """
    net = LayerStack("lenet", image=(1, 28, 28), seed=28)
    net.conv("conv1", channels=6, kernel=5)
    net.relu("relu1")
    net.max_pool("pool1", kernel=2, stride=2)
    net.conv("conv2", channels=16, kernel=5)
    net.relu("relu2")
    net.max_pool("pool2", kernel=2, stride=2)
    net.flatten("flatten")
    net.dense("fc3", features=120)
    net.relu("relu3")
    net.dense("fc4", features=84)
    net.relu("relu4")
    net.dense("fc5", features=10)
    net.softmax("softmax")
    return net.finish("probabilities")
