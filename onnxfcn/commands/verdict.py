"""What a validation comes to, in a line."""

from ..report import ValidationReport
from ..sizes import size_text

_CELLS = "is what the original's head says of its window of the feature map"
_IN_PARTS = (
    "proven: at the original size, and on larger images wherever the size was baked in, the"
    " rewritten model does what the original does"
)
_ITS_SIZE = "the only size that both models were compared at"
_AT_ITS_SIZES = (
    "proven: at every size that was compared, the rewritten model answers as the original does"
)


def verdict(report: ValidationReport) -> str:
    """What is proven, or what is not, where no difference was seen."""
    if not report.proven:
        names = ", ".join(f"'{name}'" for name in report.unproven)
        return f"no difference was seen, but not all of it is proven: not {names}"
    own = report.identity.size
    if all(result.size == own for result in report.sizes):
        return f"as the original at {size_text(own)}, {_ITS_SIZE}"
    if report.sampled:
        return f"proven on a sample: every cell that was drawn {_CELLS}"
    if any(result.cells for result in report.sizes):
        return f"proven: every cell {_CELLS}"
    if any(result.against == "windows" for result in report.sizes) or report.regions:
        return _IN_PARTS
    return _AT_ITS_SIZES
