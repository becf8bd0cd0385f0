"""VGG-16 (Simonyan and Zisserman 2014, configuration D): 224x224 pixels, 1000 classes.

Dropout is left out, and there is no Softmax, as torchvision's export has it.
"""

import onnx

from .layers import LayerStack

BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and number of convolutions of each block; a pool follows each."""


def build() -> onnx.ModelProto:
    """Build the model, 553 MB of weights.

    Returns:
        ``image`` ``[N, 3, 224, 224]`` to ``logits`` ``[N, 1000]``; the feature map is
        ``[N, 512, 7, 7]``.
    """
    net = LayerStack("vgg16", image=(3, 224, 224), seed=2014)
    for block, (channels, convolutions) in enumerate(BLOCKS, start=1):
        for layer in range(1, convolutions + 1):
            net.conv(f"conv{block}_{layer}", channels=channels, kernel=3, pad=1)
            net.relu(f"relu{block}_{layer}")
        net.max_pool(f"pool{block}", kernel=2, stride=2)
    net.flatten("flatten")
    net.dense("fc6", features=4096)
    net.relu("relu6")
    net.dense("fc7", features=4096)
    net.relu("relu7")
    net.dense("fc8", features=1000)
    return net.finish("logits")
