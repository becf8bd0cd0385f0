"""How a validation is run, and what it looks at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from .sizes import Size

if TYPE_CHECKING:
    from .runtime.providers import Provider

Progress = Callable[[str, int, int], None]
"""Called with what is being done, the steps done and the steps in all."""


def no_progress(what: str, done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a validation is run; options of ``onnxfcn.validate``.

    Attributes:
        provider: the execution provider.
        rtol: largest error relative to the output's scale; ``None`` as fits the data type.
        atol: largest absolute error, in addition.
        seed: seed of the random images, and of the cells to compare.
        max_cells: cells of a map that are compared with their windows at most; ``None`` for all.
        progress: called with what is being done, the steps done and the steps in all.
    """

    provider: "Provider"
    rtol: float | None = None
    atol: float = 0.0
    seed: int = 0
    max_cells: int | None = None
    progress: Progress = no_progress

    def generator(self) -> np.random.Generator:
        """Random numbers, the same ones every time."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What a validation looks at; the other options of ``onnxfcn.validate``.

    Attributes:
        sizes: image sizes beside the original one, in pixels an axis; none for default ones.
        inputs: paths of images to validate on in addition.
        window_step: the windows that the map takes of the feature map, every so-many-th.
        feature_maps: names of the feature maps, where the user says which they are.
        input_size: the size that the original was made for, where its own is symbolic.
        crops: whether promise 3 is measured.
        require_crops: whether it is a failure that cells are no crops.
    """

    sizes: Sequence[Size] = ()
    inputs: Sequence[str | PathLike[str]] = ()
    window_step: int | Sequence[int] = 1
    feature_maps: Sequence[str] = ()
    input_size: Size | None = None
    crops: bool = False
    require_crops: bool = False


def exact_settings(
    provider: str,
    *,
    rtol: float | None,
    atol: float,
    seed: int,
    max_cells: int | None,
    progress: Progress,
) -> Settings:
    """Settings to compare numbers with, from the options of ``onnxfcn.validate``.

    Raises:
        UsageError: as ``exact_provider`` says; the other options are checked already.
    """
    # Only here: who runs no model need not wait until ONNX Runtime is loaded.
    from .runtime.providers import exact_provider

    return Settings(
        provider=exact_provider(provider),
        rtol=rtol,
        atol=atol,
        seed=seed,
        max_cells=max_cells,
        progress=progress,
    )
