"""Execution providers of ONNX Runtime, as users name them."""

from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO

import onnxruntime as ort

from ..errors import UsageError

CPU = "CPUExecutionProvider"
_SUFFIX = "executionprovider"
_EXACT = {
    "CUDAExecutionProvider": {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"},
}
"""Options to compare numbers with, by provider. TF32 rounds factors to 10 bits: errors of about
1e-3 of the scale, in which wrong cells would hide. An exhaustive search for the fastest convolution
takes longer, at every new image size, than the single run that it is for."""


@dataclass(frozen=True)
class Provider:
    """An execution provider.

    Attributes:
        name: its full name.
        options: its options, by name.
    """

    name: str = CPU
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_cpu(self) -> bool:
        """Whether it is ONNX Runtime's own, which takes what no other does."""
        return self.name == CPU

    @property
    def notes(self) -> tuple[str, ...]:
        """What a report should say of where numbers were compared; nothing for the plain CPU."""
        if self.options.get("use_tf32") == "0":
            return (f"ran on {self}: without TF32, whose rounding is about 1e-3 of scale",)
        return () if self == Provider() else (f"ran on {self}",)

    def __str__(self) -> str:
        options = ", ".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name} ({options})" if options else self.name


def parse_provider(text: str) -> Provider:
    """A provider from its name and options.

    Args:
        text: ``cuda``, ``CUDAExecutionProvider`` or ``cuda:device_id=1,use_tf32=0``.

    Raises:
        UsageError: the installed ONNX Runtime does not have it, or an option has no value.
    """
    name, _, told = text.partition(":")
    available = ort.get_available_providers()
    names = {full.lower(): full for full in available}
    full = names.get(name.lower()) or names.get(name.lower() + _SUFFIX)
    if full is None:
        gpu = name.lower().removesuffix(_SUFFIX) in ("cuda", "tensorrt")
        hint = "; for a GPU, put onnxruntime-gpu in its place (README: On a GPU)" if gpu else ""
        raise UsageError(
            f"this onnxruntime has no provider '{name}'; it has {', '.join(available)}{hint}"
        )
    options = {}
    for part in filter(None, told.split(",")):
        key, equals, value = part.partition("=")
        if not (key and equals and value):
            raise UsageError(
                f"write options of a provider as {name}:option=value,option=value, not '{part}'"
            )
        options[key] = value
    return Provider(full, options)


def exact_provider(text: str) -> Provider:
    """As ``parse_provider``, set to compare numbers with where options do not say otherwise.

    Raises:
        UsageError: as there.
    """
    provider = parse_provider(text)
    return replace(provider, options=_EXACT.get(provider.name, {}) | dict(provider.options))


def load_libraries(provider: Provider) -> None:
    """Load the libraries of CUDA from the packages that pip installed, if any."""
    if not provider.is_cpu:
        with redirect_stdout(StringIO()):  # It prints what it does not find.
            ort.preload_dlls()
