"""What was done and what was seen: one object, and its JSON form."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

import onnx
from onnx import ModelProto

from passes import Rewrite

from .comparison import CellCount, Comparison
from .crop_report import CropReport
from .json_types import json_object
from .meaning import OutputMeaning
from .region_report import RegionResult, failure_of
from .sizes import Size, size_text

SCHEMA_VERSION = 1
"""Version of the JSON form; it changes when a key changes its meaning or goes."""


Against = Literal["original", "windows", "convolutions"]
"""What the answers of a rewritten model are compared with."""


@dataclass(frozen=True, kw_only=True)
class SizeResult:
    """What validation saw at one image size.

    Attributes:
        size: the image, in pixels an axis.
        map_size: cells of the output map, an axis each.
        comparisons: one for each output, and one for the logits behind a saturating output.
        maps: extents of the maps of the trunk that were compared, by name. At larger sizes these
            are outputs, with no head behind them to compare their values with: they are as large
            as declared and as the trunk's geometry gives.
        source: where the image came from, a path; empty for a random one.
        against: what the rewritten model was compared with: the ``original`` on the same image
            (promise 1), the original's head on ``windows`` of the feature map (promise 2), or
            the same model with ``convolutions`` in the place of matrix products.
        cells: how many cells were compared with their windows, by the compared tensor's name;
            elsewhere all are compared.
    """

    size: Size
    map_size: Size
    comparisons: tuple[Comparison, ...]
    maps: dict[str, Size] = field(default_factory=dict)
    source: str = ""
    against: Against = "windows"
    cells: dict[str, CellCount] = field(default_factory=dict)

    @property
    def sampled(self) -> bool:
        """Whether some cells were not compared."""
        return any(count.sampled for count in self.cells.values())


@dataclass(frozen=True, kw_only=True)
class ValidationReport:
    """Outcome of a validation.

    Attributes:
        windows: extents in cells of the feature maps at the original size, by name.
        identity: the comparison at the original size (promise 1).
        regions: the comparisons of the parts of the trunk that the rewrite changed, and of those
            that it may have left unchanged by mistake.
        sizes: the comparisons at larger sizes (promise 2) and on images of the user's; none where
            a region has failed.
        notes: what a user of the rewritten model should know.
        crops: how far cells are from crops of the image (promise 3); ``None`` where it was not
            measured.
        crops_required: whether cells that are not crops are a failure.
    """

    windows: dict[str, Size]
    identity: SizeResult
    regions: tuple[RegionResult, ...]
    sizes: tuple[SizeResult, ...]
    notes: tuple[str, ...]
    crops: CropReport | None = None
    crops_required: bool = False

    @property
    def passed(self) -> bool:
        """Whether every comparison is within its tolerance."""
        return not self.failure

    @property
    def failure(self) -> str:
        """What is wrong with the rewritten model, in a sentence; empty where nothing is."""
        failed = failure_of(self.regions)
        if failed:
            return failed
        for result in (self.identity, *self.sizes):
            for found in result.comparisons:
                if not found:
                    error, limit = found.max_error, found.tolerance
                    return (
                        "the rewritten model's answers differ from the original's: at"
                        f" {size_text(result.size)} '{found.output}' by up to {error:.1e}, more"
                        f" than {limit:.1e} (--rtol)"
                    )
        crops = self.crops or CropReport()
        return crops.failure if self.crops_required else ""

    @property
    def unproven(self) -> tuple[str, ...]:
        """Outputs whose cells hardly differ at any size, so that wrong ones would not show.

        Where an output saturates, its logits may speak for it. Outputs of regions of the trunk
        are among them.
        """
        comparisons = [r.comparison for r in self.regions if r.comparison is not None]
        # That two forms of the rewritten model agree says nothing about the windows, nor does what
        # it answers on an image of the original size.
        seen = [
            result
            for result in self.sizes
            if result.against != "convolutions"
            and not (result.against == "original" and result.source)
        ]
        comparisons += [c for result in seen for c in result.comparisons]
        proven = {c.stands_for for c in comparisons if c.proven}
        names = [region.output for region in self.regions if region.assumed]
        names += [c.stands_for for c in comparisons if c.stands_for not in proven]
        return tuple(dict.fromkeys(names))

    @property
    def proven(self) -> bool:
        """Whether no difference was seen, and of every output one would have shown."""
        return self.passed and not self.unproven

    @property
    def sampled(self) -> bool:
        """Whether cells of some map were drawn, and the others not compared."""
        return any(result.sampled for result in self.sizes)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON types; numbers that are not finite become texts such as ``inf``."""
        more = {
            "regions": [
                asdict(region) | {"passed": region.passed, "proven": region.proven}
                for region in self.regions
            ],
            "passed": self.passed,
            "proven": self.proven,
            "unproven": self.unproven,
            "sampled": self.sampled,
        }
        return json_object(asdict(self) | more)

    def __bool__(self) -> bool:
        return self.passed


@dataclass(frozen=True, kw_only=True)
class RewriteReport:
    """Outcome of a rewrite.

    Attributes:
        source: where the model came from; empty for a model in memory.
        output: where it was written; empty where it was not.
        passes: names of the passes that ran, in order.
        window_step: cells of the feature map from one window to the next, an axis each.
        rewrites: every changed node, in graph order.
        outputs: what the cells of the outputs mean; none where the image keeps its size.
        validation: what ONNX Runtime showed; ``None`` where validation was switched off.
        seconds: wall time of the parts ``rewrite``, loading and writing included, and
            ``validation``.
        data_file: where the weights were written; empty where they are in the model's own file.
        outgrown: whether they are there because one file is too small for them.
        left_behind: data files of the model that stood in the output's place; they stay, since
            another copy of it may read them.
        kept: the rewritten model, where it was not to be written.
    """

    source: str
    output: str
    passes: tuple[str, ...]
    window_step: Size
    rewrites: tuple[Rewrite, ...]
    outputs: tuple[OutputMeaning, ...]
    validation: ValidationReport | None
    seconds: dict[str, float]
    data_file: str
    outgrown: bool
    left_behind: tuple[str, ...]
    kept: ModelProto | None

    @cached_property
    def model(self) -> ModelProto:
        """The rewritten model; read from ``output``, external data left out, where it is there.

        Raises:
            FileNotFoundError: validation failed, and it was not written.
        """
        if self.kept is not None:
            return self.kept
        if self.validation is not None and not self.validation.passed:
            raise FileNotFoundError(f"{self.output} was not written: validation failed")
        return onnx.load(self.output, load_external_data=False)

    @property
    def windows(self) -> dict[str, Size]:
        """Window of each feature map that a dense layer or a pool reads, by the map's name."""
        return windows_of(self.rewrites)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON types; numbers that are not finite become texts such as ``inf``."""
        content = {
            "schema_version": SCHEMA_VERSION,
            "status": "done",
            "source": self.source,
            "output": self.output,
            "data_file": self.data_file,
            "outgrown": self.outgrown,
            "left_behind": self.left_behind,
            "passes": self.passes,
            "window_step": self.window_step,
            "windows": self.windows,
            "rewrites": [asdict(rewrite) for rewrite in self.rewrites],
            "outputs": [meaning.as_dict() for meaning in self.outputs],
            "validation": None if self.validation is None else self.validation.as_dict(),
            "seconds": self.seconds,
        }
        return json_object(content)


def windows_of(rewrites: Sequence[Rewrite]) -> dict[str, Size]:
    """Window of each feature map that a dense layer or a pool reads, by the map's name."""
    return {r.feature_map: r.window for r in rewrites if r.feature_map}
