"""The sizes that the tensors of a region of the trunk have together, and windows of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ...sizes import Size, size_text
from ..growth_rates import AxisIndices, GrowthRates

Places = Sequence[np.ndarray]
"""Indices of some cells of a tensor, an axis of the image each."""


@dataclass(frozen=True)
class Lattice:
    """Sizes that are some steps larger than the original one, and windows of the original size.

    Attributes:
        shapes: shapes of the tensors at the original size, by name.
        axes: their own axis for each axis of the image; empty for those that do not grow.
        steps: cells that they grow by in one step, an axis of the image each; empty likewise.
        pixels: pixels that the image grows by in one step, an axis each.
    """

    shapes: Mapping[str, Size]
    axes: Mapping[str, AxisIndices]
    steps: Mapping[str, Size]
    pixels: Size

    def shape(self, name: str, counts: Size) -> Size:
        """Shape of a tensor at a size that is some steps larger, so many an axis of the image."""
        shape = list(self.shapes[name])
        for axis, step, count in zip(self.axes[name], self.steps[name], counts, strict=False):
            shape[axis] += step * count
        return tuple(shape)

    def extents(self, name: str) -> Size:
        """Extents of a tensor along the axes of the image, at the original size."""
        return tuple(self.shapes[name][axis] for axis in self.axes[name])

    def extents_along(self, axis: int) -> list[int]:
        """The different extents that the growing tensors have along an axis of the image."""
        return sorted({self.extents(name)[axis] for name, axes in self.axes.items() if axes})

    def window(self, name: str, place: Size) -> Places:
        """Where the window is that begins some steps from the corner of a larger tensor."""
        sizes = zip(self.extents(name), self.steps[name], place, strict=False)
        return [step * count + np.arange(extent) for extent, step, count in sizes]

    def take(self, name: str, values: np.ndarray, places: Places) -> np.ndarray:
        """Some cells of a tensor: those of all combinations of the places."""
        for axis, indices in zip(self.axes[name], places, strict=False):
            values = values.take(indices, axis)
        return values

    def first_cell(self, name: str) -> tuple[slice, ...]:
        """Index of the cells of a tensor that one step adds, in the corner."""
        index = [slice(None)] * len(self.shapes[name])
        for axis, step in zip(self.axes[name], self.steps[name], strict=True):
            index[axis] = slice(step)
        return tuple(index)

    def text(self) -> str:
        """The steps for people: ``'x' grows by 1x1 on axes [2, 3]``, and so on."""
        return ", ".join(
            f"'{name}' grows by {size_text(steps)} on axes {list(self.axes[name])}"
            for name, steps in self.steps.items()
            if steps
        )

    def larger(self, counts: Size) -> "Lattice":
        """The lattice whose windows are some steps larger, so many an axis of the image."""
        return replace(self, shapes={name: self.shape(name, counts) for name in self.shapes})

    def steps_to_multiple(self, factors: Size, names: Iterable[str]) -> Size | None:
        """Steps to the size at which some tensors are so many times as large.

        Returns:
            The steps, an axis of the image each; ``None`` where there is no such size, because
            one tensor has 113 cells and the next, of half the resolution, 57.
        """
        growing = [name for name in names if self.axes[name]]
        found = []
        for axis, factor in enumerate(factors):
            steps = {
                Fraction((factor - 1) * self.extents(name)[axis], self.steps[name][axis])
                for name in growing
            }
            if len(steps) != 1 or min(steps).denominator != 1:
                return None
            found.append(int(min(steps)))
        return tuple(found)


def lattice_of(names: Iterable[str], inner: Iterable[str], growth: GrowthRates) -> Lattice:
    """The lattice of a region.

    Args:
        names: the tensors that it begins and ends with.
        inner: the tensors of the rewritten model in between, which grow by whole cells too.
        growth: how they grow.
    """
    outer = list(names)
    axes = {name: growth.axes(name) or () for name in outer}
    pixels = growth.pixels({*outer, *inner})
    return Lattice(
        shapes={name: growth.shape(name) for name in outer},
        axes=axes,
        steps={
            name: tuple(
                int(by * rates[name][axis])
                for axis, by, rates in zip(axes[name], pixels, growth.rates, strict=False)
            )
            for name in outer
        },
        pixels=pixels,
    )
