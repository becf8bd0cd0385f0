"""Prove with ONNX Runtime that a rewritten model keeps its promises."""
