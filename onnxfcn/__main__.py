"""``python -m onnxfcn`` is the command ``onnxfcn``."""

from .cli import main

main()
