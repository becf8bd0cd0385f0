"""Rewrite one random classifier and compare every cell with the original on its crop."""

import io
from contextlib import redirect_stdout
from dataclasses import dataclass
from enum import StrEnum

import onnx
import onnx_graphsurgeon as gs
from onnx_graphsurgeon.logger import G_LOGGER

import onnxfcn
from passes import dynamic_spatial_axes, flatten_gemm_to_conv
from tests.random_cases.outcome import Outcome, Wrong, failure, refused, unusable
from tests.session import session

from .compare import compare
from .crops import crops_of
from .strategy import Case


class Kind(StrEnum):
    """What came of a case that did not fail."""

    REWRITTEN = "rewritten"
    REFUSED = "refused"


@dataclass(frozen=True)
class Rewritten(Outcome):
    """A classifier whose cells are right.

    Attributes:
        unstable: cells whose answer jumps under noise of the size of rounding, and that differ.
        indistinct: whether all cells have the same answers, so that nothing was proven.
    """

    kind: StrEnum = Kind.REWRITTEN
    unstable: int = 0
    indistinct: bool = False


def examine(case: Case) -> Outcome:
    """Rewrite a classifier twice, by the passes alone and by ``onnxfcn.rewrite``, and compare."""
    try:
        onnx.checker.check_model(case.model, full_check=True)
        original = session(case.model)
        crops = crops_of(case, original)
    except Exception as error:
        return unusable(error)
    try:
        rewritten = _rewrite(case)
        if isinstance(rewritten, Outcome):
            return rewritten
        unstable = compare(case, original, rewritten, crops)
    except Exception as error:
        return failure(error)
    return Rewritten(unstable=unstable, indistinct=crops.indistinct)


def _rewrite(case: Case) -> onnx.ModelProto | Outcome:
    """The rewritten model, or why there is none."""
    model = onnx.ModelProto.FromString(case.model.SerializeToString())
    with redirect_stdout(io.StringIO()), G_LOGGER.suppress():
        graph = gs.import_onnx(model)
        before = gs.export_onnx(graph).SerializeToString(deterministic=True)
        for rewrite in (flatten_gemm_to_conv.apply, dynamic_spatial_axes.apply):
            result = rewrite(graph)
            if result.refusals:
                first = rewrite is flatten_gemm_to_conv.apply
                after = gs.export_onnx(graph).SerializeToString(deterministic=True)
                if first and before != after:
                    raise Wrong("refused, but the graph was changed", result.refusals[0])
                _check_refused(case)
                return refused(Kind.REFUSED, result.refusals[0])
            if not result.rewrites:
                raise Wrong(f"{result.name} found nothing to do")
        by_passes = gs.export_onnx(graph)
    rewritten = onnxfcn.rewrite(case.model, validate=False).model
    assert rewritten is not None
    _check_same(by_passes, rewritten)
    return rewritten


def _check_refused(case: Case) -> None:
    try:
        onnxfcn.rewrite(case.model, validate=False)
    except onnxfcn.RefusedError:
        return
    raise Wrong("the passes refuse what onnxfcn.rewrite does not")


def _check_same(by_passes: onnx.ModelProto, rewritten: onnx.ModelProto) -> None:
    """The carrier and graphsurgeon write the same nodes."""
    ours, theirs = (
        [n.op_type for n in m.graph.node if n.op_type != "Constant"] for m in (rewritten, by_passes)
    )
    if sorted(ours) != sorted(theirs):
        raise Wrong("onnxfcn.rewrite and the passes write different nodes", ours, theirs)
