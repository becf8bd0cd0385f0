"""ONNX Runtime sessions."""

from collections.abc import Iterable, Mapping

import numpy as np
import onnxruntime as ort
from onnx import GraphProto, ModelProto, ValueInfoProto

from passes import Refusal, RefusalCode

from ..errors import RefusedError, UnusableModelError, UsageError
from ..files.stored_model import StoredModel, is_text
from .placement import RECORD_ENTRY, fallen_back
from .providers import Provider, load_libraries

_FOLDER_ENTRY = "session.model_external_initializers_file_folder_path"
_ACCURACY_ENTRY, _FLOAT32 = "session.qdq_matmulnbits_accuracy_level", "1"
_REST_ENTRY = "session.force_spinning_stop"
_FATAL_ONLY = 4
"""Errors come as exceptions: what ONNX Runtime prints of them would only repeat them."""


class Session:
    """A model that is ready to run.

    Attributes:
        outputs: names of the outputs, those that were asked for in addition included.
    """

    def __init__(self, model: StoredModel, provider: Provider, inner: Iterable[str] = ()) -> None:
        """Load a model into ONNX Runtime.

        Args:
            model: the model; not changed.
            provider: the execution provider.
            inner: names of inner tensors to return beside the outputs.

        Raises:
            UnusableModelError: ONNX Runtime cannot load the model, or not run all of it on the
                provider.
            UsageError: the provider does not start.
        """
        # Serialised messages merge when they are joined: the outputs are added without a copy.
        more = [ValueInfoProto(name=name) for name in inner]
        addition = ModelProto(graph=GraphProto(output=more))
        load_libraries(provider)
        try:
            content = model.referring().SerializeToString() + addition.SerializeToString()
            self._session = ort.InferenceSession(
                content,
                _options(model, provider),
                providers=[(provider.name, dict(provider.options))],
                enable_fallback=0,
            )
        except Exception as error:  # onnxruntime's exceptions share no public base
            raise UnusableModelError(
                f"ONNX Runtime ({provider}) cannot load the model: {error}"
            ) from error
        if not provider.is_cpu:
            _check_placement(self._session, model, provider)
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


def _options(model: StoredModel, provider: Provider) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL_ONLY
    # By default ONNX Runtime rounds the activations in front of dequantized weights to 8 bits.
    options.add_session_config_entry(_ACCURACY_ENTRY, _FLOAT32)
    # Several sessions run in turn: threads of one that wait actively would slow the next one down.
    options.add_session_config_entry(_REST_ENTRY, "1")
    if model.folder is not None and is_text(model.folder):
        options.add_session_config_entry(_FOLDER_ENTRY, str(model.folder))
    if not provider.is_cpu:
        options.add_session_config_entry(RECORD_ENTRY, "1")
    return options


def _check_placement(session: ort.InferenceSession, model: StoredModel, provider: Provider) -> None:
    """Refuse what ONNX Runtime does silently: to run on the CPU what was to run elsewhere.

    Raises:
        UnusableModelError: it would run nodes there.
        UsageError: it would run everything there, because the provider does not start.
    """
    if provider.name not in session.get_providers():
        raise UsageError(
            f"{provider.name} is installed, but does not start: is there such a device, and are"
            " its driver and libraries those that this onnxruntime was built for?"
        )
    left = fallen_back(session, model.proto.graph, provider)
    if left:
        nodes = "1 node" if len(left) == 1 else f"{len(left)} nodes"
        name, operator = left[0]
        raise UnusableModelError(
            f"{provider.name} does not take {nodes} with activations, the first '{name}'"
            f" ({operator}): ONNX Runtime would run them on the CPU"
        )


def load_rewritten(model: StoredModel, provider: Provider, inner: Iterable[str]) -> Session:
    """Load a rewritten model.

    Args:
        model: the model; not changed.
        provider: the execution provider.
        inner: names of inner tensors to return beside the outputs.

    Raises:
        RefusedError: ONNX Runtime cannot load it.
    """
    try:
        return Session(model, provider, inner)
    except UnusableModelError as error:
        instead = "Convert the model to float32 first" if provider.is_cpu else "Prove it on the CPU"
        refusal = Refusal(
            code=RefusalCode.RUNTIME_LACKS,
            node="",
            operator="",
            expected=f"a rewritten model that ONNX Runtime can run on {provider.name}",
            found=str(error),
            advice=f"{instead}, or skip the proof: --no-validate",
        )
        raise RefusedError([refusal]) from error
