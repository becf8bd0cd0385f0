"""Compare what the analysis says of a random model with what ONNX Runtime computes."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from onnxfcn.exactness import decide
from onnxfcn.geometry import GeometryUnknownError, analyse, from_metadata
from tests.random_cases.outcome import Outcome, Wrong, failure
from tests.session import session

from .builder import IMAGE
from .label import ConstantAnswer, check_label
from .model import Model, shape_of
from .pixels import check_boxes, check_tight
from .sizes import check_sizes
from .strategy import OUTPUT, Case


class Kind(StrEnum):
    """What came of a case that did not fail."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Told(Outcome):
    """A model of which all that is told is right.

    Attributes:
        tight: whether the receptive field was said to be the smallest.
    """

    tight: bool = False


def examine(case: Case) -> Outcome:
    """Check map sizes, boxes and the label of one model."""
    try:
        runtime = session(case.model)
        (answer,) = runtime.run(None, {IMAGE: np.zeros(shape_of(case, case.size), np.float32)})
    except Exception as error:
        return Outcome(Kind.SKIPPED, "ONNX Runtime does not take it", str(error))
    if answer.shape[2:] != (1,) * case.rank:
        # Shape inference, which chose the head's kernel, takes scales for exact numbers.
        return Outcome(Kind.SKIPPED, "more than one cell at the original size")
    try:
        geometry = analyse(case.model, case.size)[OUTPUT]
        exactness = decide(case.model, case.size)[OUTPUT]
        if from_metadata(geometry.to_metadata()) != {OUTPUT: geometry}:
            raise Wrong("metadata change the geometry")
        model = Model(case, runtime, geometry)
        check_sizes(model)
        check_boxes(model)
        check_tight(model)
        check_label(model, exactness)
    except ConstantAnswer:
        return Outcome(Kind.SKIPPED, "no image changes the answer")
    except GeometryUnknownError as unknown:
        return Outcome(Kind.UNKNOWN, "unknown", str(unknown))
    except Exception as error:
        return failure(error)
    kind = Kind.EXACT if exactness.is_exact else Kind.APPROXIMATE
    return Told(kind, tight=geometry.is_tight)
