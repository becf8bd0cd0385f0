"""Prove with ONNX Runtime that a rewritten model keeps its promises.

Which proof fits is told by the passes that ran, or by two models alone (``prove``): all promises
(``validation``), the first one alone where the image keeps its size (``fixed_size``), or that two
models are the same function (``equal_functions``).

At the original size the models answer alike (``identity``). At larger sizes, the trunk is proven
region by region (``regions``), and the cells behind it as what the head says of windows of the
feature maps (``window_proof``); how far cells are from crops of the image is measured (``crops``).
"""
