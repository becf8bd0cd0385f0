"""ONNX Runtime sessions."""

from collections.abc import Iterable, Mapping

import numpy as np
import onnxruntime as ort
from onnx import GraphProto, ModelProto, ValueInfoProto

from passes import Refusal, RefusalCode

from .errors import RefusedError, UnusableModelError, UsageError
from .stored_model import StoredModel, is_text

_SHORT_NAMES = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_FOLDER_ENTRY = "session.model_external_initializers_file_folder_path"
_ACCURACY_ENTRY, _FLOAT32 = "session.qdq_matmulnbits_accuracy_level", "1"
_FATAL_ONLY = 4
"""Errors come as exceptions: what ONNX Runtime prints of them would only repeat them."""


def provider_name(name: str) -> str:
    """Full name of an execution provider, such as ``CUDAExecutionProvider`` for ``cuda``.

    Raises:
        UsageError: the installed ONNX Runtime does not have it.
    """
    full = _SHORT_NAMES.get(name, name)
    available = ort.get_available_providers()
    if full not in available:
        raise UsageError(
            f"this onnxruntime has no provider '{name}'; it has {', '.join(available)}"
        )
    return full


class Session:
    """A model that is ready to run.

    Attributes:
        outputs: names of the outputs, those that were asked for in addition included.
    """

    def __init__(
        self, model: StoredModel, provider: str, extra_outputs: Iterable[ValueInfoProto] = ()
    ) -> None:
        """Load a model into ONNX Runtime.

        Args:
            model: the model; not changed.
            provider: full name of the execution provider.
            extra_outputs: inner tensors to return beside the outputs.

        Raises:
            UnusableModelError: ONNX Runtime cannot load the model.
        """
        options = ort.SessionOptions()
        options.log_severity_level = _FATAL_ONLY
        # By default ONNX Runtime rounds the activations in front of dequantized weights to 8 bits.
        options.add_session_config_entry(_ACCURACY_ENTRY, _FLOAT32)
        if model.folder is not None and is_text(model.folder):
            options.add_session_config_entry(_FOLDER_ENTRY, str(model.folder))
        # Serialised messages merge when they are joined: the outputs are added without a copy.
        addition = ModelProto(graph=GraphProto(output=extra_outputs))
        try:
            content = model.referring().SerializeToString() + addition.SerializeToString()
            self._session = ort.InferenceSession(content, options, providers=[provider])
        except Exception as error:  # onnxruntime's exceptions share no public base
            raise UnusableModelError(
                f"ONNX Runtime ({provider}) cannot load the model: {error}"
            ) from error
        self.outputs = [output.name for output in self._session.get_outputs()]

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name.

        Raises:
            UnusableModelError: ONNX Runtime fails on these inputs.
        """
        try:
            values = self._session.run(None, dict(feeds))
        except Exception as error:
            shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in feeds.items())
            raise UnusableModelError(f"ONNX Runtime fails on {shapes}: {error}") from error
        return dict(zip(self.outputs, values, strict=True))


def load_rewritten(model: StoredModel, provider: str, inner: Iterable[str]) -> Session:
    """Load a rewritten model.

    Args:
        model: the model; not changed.
        provider: full name of the execution provider.
        inner: names of inner tensors to return beside the outputs.

    Raises:
        RefusedError: ONNX Runtime cannot load it.
    """
    try:
        return Session(model, provider, [ValueInfoProto(name=name) for name in inner])
    except UnusableModelError as error:
        refusal = Refusal(
            code=RefusalCode.RUNTIME_LACKS,
            node="",
            operator="",
            expected=f"a rewritten model that ONNX Runtime ({provider}) can load",
            found=str(error),
            advice="Convert the model to float32 first, or skip the proof: --no-validate",
        )
        raise RefusedError([refusal]) from error
