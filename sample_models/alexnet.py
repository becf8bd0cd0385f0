"""AlexNet as torchvision has it (Krizhevsky 2014, one column): 224x224 pixels, 1000 classes.

Dropout is left out, as exporters do for inference.
"""

import onnx

from .layers import LayerStack


def build() -> onnx.ModelProto:
    """Build the model, 244 MB of weights.

    Returns:
        ``image`` ``[N, 3, 224, 224]`` to ``probabilities`` ``[N, 1000]``; the feature map is
        ``[N, 256, 6, 6]``.
    """
    net = LayerStack("alexnet", image=(3, 224, 224), seed=2012)
    net.conv("conv1", channels=64, kernel=11, stride=4, pad=2)
    net.relu("relu1")
    net.max_pool("pool1", kernel=3, stride=2)
    net.conv("conv2", channels=192, kernel=5, pad=2)
    net.relu("relu2")
    net.max_pool("pool2", kernel=3, stride=2)
    net.conv("conv3", channels=384, kernel=3, pad=1)
    net.relu("relu3")
    net.conv("conv4", channels=256, kernel=3, pad=1)
    net.relu("relu4")
    net.conv("conv5", channels=256, kernel=3, pad=1)
    net.relu("relu5")
    net.max_pool("pool5", kernel=3, stride=2)
    net.flatten("flatten")
    net.dense("fc6", features=4096)
    net.relu("relu6")
    net.dense("fc7", features=4096)
    net.relu("relu7")
    net.dense("fc8", features=1000)
    net.softmax("softmax")
    return net.finish("probabilities")
