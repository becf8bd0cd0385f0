"""ONNX Runtime: sessions, execution providers, and where nodes run."""
