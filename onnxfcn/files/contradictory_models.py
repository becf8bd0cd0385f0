"""Tell failures of this program from those of a model that contradicts itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from passes.result import Refused

from ..errors import OnnxfcnError, RefusedError, UnusableModelError
from .onnx_checker import check
from .stored_model import StoredModel


@contextmanager
def blaming(*models: StoredModel) -> Iterator[None]:
    """Where code fails on a model whose shapes or types contradict each other, say so.

    The checker's strict look at shapes is asked only then: it also rejects models that run.

    Raises:
        RefusedError: a refusal got as far as here.
        UnusableModelError: something failed, and the checker rejects one of the models.
    """
    try:
        yield
    except Refused as refused:
        raise RefusedError([refused.refusal]) from refused
    except (OnnxfcnError, OSError):
        raise
    except Exception as error:
        for model in models:
            complaint = check(model, infer_shapes=True)
            if complaint:
                raise UnusableModelError(f"the model contradicts itself: {complaint}") from error
        raise
