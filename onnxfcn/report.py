"""What was done and what was seen: one object, as text and as JSON."""

from dataclasses import asdict, dataclass
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
        feature_maps: names of the feature maps, found in the original.
        windows: their extents in cells at the original size.
        identity: the comparison at the original size (promise 1).
        sizes: the comparisons at larger sizes (promise 2).
    """

    feature_maps: tuple[str, ...]
    windows: tuple[Size, ...]
    identity: SizeResult
    sizes: tuple[SizeResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every comparison is within its tolerance."""
        return all(c for result in (self.identity, *self.sizes) for c in result.comparisons)

    @property
    def proven(self) -> bool:
        """Whether at some size the cells differ, so that a wrong cell would have been seen."""
        return any(c.proven for result in self.sizes for c in result.comparisons)

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
        seconds: wall time of the rewrite, and of its parts by name.
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
        """Window of each feature map that a dense layer reads, by the map's name."""
        return {r.feature_map: r.window for r in self.rewrites if r.feature_map}

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON types; infinite errors become the text ``inf``."""
        validation = None
        if self.validation is not None:
            validation = asdict(self.validation) | {
                "passed": self.validation.passed,
                "proven": self.validation.proven,
            }
        return {
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
