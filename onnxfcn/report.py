"""What was done and what was seen: one object, and its JSON form."""

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from onnx import ModelProto

from passes import Rewrite

from .compare import Comparison
from .sizes import Size

SCHEMA_VERSION = 1
"""Version of the JSON form; it changes when a key changes its meaning or goes."""


@dataclass(frozen=True, kw_only=True)
class SizeResult:
    """What validation saw at one image size.

    Attributes:
        size: the image, in pixels an axis.
        map_size: cells of the output map, an axis each.
        comparisons: one for each output, and one for the logits behind a saturating output.
    """

    size: Size
    map_size: Size
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, kw_only=True)
class ValidationReport:
    """Outcome of a validation.

    Attributes:
        windows: extents in cells of the feature maps at the original size, by name.
        identity: the comparison at the original size (promise 1).
        sizes: the comparisons at larger sizes (promise 2).
        notes: what a user of the rewritten model should know.
    """

    windows: dict[str, Size]
    identity: SizeResult
    sizes: tuple[SizeResult, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every comparison is within its tolerance."""
        return all(c for result in (self.identity, *self.sizes) for c in result.comparisons)

    @property
    def unproven(self) -> tuple[str, ...]:
        """Outputs whose cells hardly differ at any size, so that wrong ones would not show.

        Where an output saturates, its logits may speak for it.
        """
        comparisons = [c for result in self.sizes for c in result.comparisons]
        proven = {c.stands_for for c in comparisons if c.proven}
        return tuple(dict.fromkeys(c.stands_for for c in comparisons if c.stands_for not in proven))

    @property
    def proven(self) -> bool:
        """Whether the cells of every output differ at some size."""
        return not self.unproven

    def __bool__(self) -> bool:
        return self.passed


@dataclass(frozen=True, kw_only=True)
class RewriteReport:
    """Outcome of a rewrite.

    Attributes:
        source: where the model came from; empty for a model in memory.
        output: where it was written; empty where it was not.
        window_step: cells of the feature map from one window to the next, an axis each.
        rewrites: every changed node, in graph order.
        validation: what ONNX Runtime showed; ``None`` where validation was switched off.
        seconds: wall time of the parts ``rewrite``, loading and writing included, and
            ``validation``.
        model: the rewritten model.
    """

    source: str
    output: str
    window_step: Size
    rewrites: tuple[Rewrite, ...]
    validation: ValidationReport | None
    seconds: dict[str, float]
    model: ModelProto

    @property
    def windows(self) -> dict[str, Size]:
        """Window of each feature map that a dense layer or a pool reads, by the map's name."""
        return {r.feature_map: r.window for r in self.rewrites if r.feature_map}

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON types; numbers that are not finite become texts such as ``inf``."""
        validation = None
        if self.validation is not None:
            validation = asdict(self.validation) | {
                "passed": self.validation.passed,
                "proven": self.validation.proven,
                "unproven": list(self.validation.unproven),
            }
        content = {
            "schema_version": SCHEMA_VERSION,
            "status": "done",
            "source": self.source,
            "output": self.output,
            "window_step": list(self.window_step),
            "windows": {name: list(window) for name, window in self.windows.items()},
            "rewrites": [asdict(rewrite) for rewrite in self.rewrites],
            "validation": validation,
            "seconds": self.seconds,
        }
        plain: dict[str, Any] = _plain(content)
        return plain


def _plain(value: Any) -> Any:
    """The same with numbers that JSON does not have as texts."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else value
