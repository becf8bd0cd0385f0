"""Extents of axes at two image sizes, and what they are made of.

An extent is a product of factors in row-major order: ``(H, W)`` is the axis of all positions of a
map, ``(C, H, W)`` that of a flattened one. A factor is a plain number, or it grows with the image
(or the batch). Two growing factors with the same key are equal at every image size; equal numbers
alone do not say that.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice, takewhile
from math import prod
from typing import Any


@dataclass(frozen=True)
class Factor:
    """A factor of an extent.

    Attributes:
        small: its value at the original image size.
        large: its value at a larger one.
        key: which growing factor it is; 0 for a plain number, the same at every size.
    """

    small: int
    large: int
    key: int = 0


Extent = tuple[Factor, ...]
"""A product of factors in row-major order; empty for 1."""

Axes = tuple[Extent, ...]
"""The extents of a tensor, an axis each."""


def fixed(number: int) -> Extent:
    """The extent of an axis that no image size changes."""
    return () if number == 1 else (Factor(number, number),)


def small(extent: Extent) -> int:
    """Value of an extent at the original image size."""
    return prod(factor.small for factor in extent)


def large(extent: Extent) -> int:
    """Value of an extent at the larger image size."""
    return prod(factor.large for factor in extent)


def grows(extent: Extent) -> bool:
    """Whether an extent depends on the image size or the batch."""
    return any(factor.key for factor in extent)


def _factors(part: tuple[Any, ...]) -> list[Factor]:
    """Factors of an extent, or of a tuple of extents."""
    flat = chain.from_iterable(p if isinstance(p, tuple) else (p,) for p in part)
    return [factor for factor in flat if isinstance(factor, Factor)]


class Extents:
    """Makes extents of one graph; the same derivation from the same extent has the same key."""

    def __init__(self) -> None:
        self._factors: dict[tuple[Any, ...], Factor] = {}
        self._origins: dict[int, tuple[Any, ...]] = {}
        self._axes: set[Extent] = set()

    def growing(self, at_small: int, at_large: int, *origin: Any) -> Extent:
        """An extent of one growing factor: the same whenever it is asked for with this origin.

        Args:
            at_small: its value at the original image size.
            at_large: its value at the larger one.
            origin: what it was derived from: a word for how, then extents and numbers.
        """
        if origin not in self._factors:
            factor = Factor(at_small, at_large, len(self._factors) + 1)
            self._factors[origin] = factor
            self._origins[factor.key] = origin
        return (self._factors[origin],)

    def note(self, axes: Axes) -> None:
        """Remember extents that were axes: a view that takes merged ones apart restores them."""
        self._axes.update(extent for extent in axes if grows(extent))

    def origin(self, factor: Factor) -> tuple[Any, ...]:
        """What a growing factor was derived from: a word, then what it was applied to."""
        return self._origins[factor.key]

    def parts(self, extent: Extent) -> Axes:
        """The extents that a Concat put one behind the other to make one; empty for others."""
        if len(extent) != 1 or not extent[0].key:
            return ()
        word, *of = self.origin(extent[0])
        return tuple(of[0]) if word == "sum" else ()

    def parents(self, factor: Factor) -> list[Factor]:
        """Growing factors that a growing factor was derived from."""
        _, *of = self.origin(factor)
        found = [of_one for of_one in of if isinstance(of_one, Factor)]
        found += [f for extent in of if isinstance(extent, tuple) for f in _factors(extent)]
        return [parent for parent in found if parent.key]

    def bases(self, extent: Extent) -> set[Extent]:
        """Each growing factor of an extent, as it was before elements were cut off or added."""
        return {self._unshifted((factor,))[0] for factor in extent if factor.key}

    def derived(self, extent: Extent, formula: Callable[[int], int], *origin: Any) -> Extent:
        """An extent computed from another one; ``origin`` must name the formula."""
        if not grows(extent):
            return fixed(formula(small(extent)))
        return self.growing(formula(small(extent)), formula(large(extent)), *origin)

    def shifted(self, extent: Extent, by: int) -> Extent:
        """``extent + by``."""
        base, offset = self._unshifted(extent)
        total = offset + by
        if not total:
            return base
        return self.derived(base, lambda n: n + total, "shift", base, total)

    def strided(self, extent: Extent, by: int, stride: int) -> Extent:
        """``floor((extent + by) / stride) + 1``: the positions of a kernel."""
        if stride == 1:
            return self.shifted(extent, by + 1)
        base, offset = self._unshifted(extent)
        total = offset + by
        return self.derived(
            base, lambda n: (n + total) // stride + 1, "stride", base, total, stride
        )

    def product(self, extents: Iterable[Extent]) -> Extent:
        """The extent of axes that a view has merged, first to last."""
        factors: list[Factor] = []
        for factor in chain.from_iterable(extents):
            if factor.key:
                factors.append(factor)
                continue
            number = factor.small
            if factors and not factors[-1].key:
                number *= factors.pop().small
            while factors and factors[-1].key:
                word, *of = self.origin(factors[-1])
                if word != "part" or number % of[1]:
                    break
                # A part and the number that it was divided by are the whole again.
                factors[-1], number = of[0], number // of[1]
            factors += fixed(number)
        return tuple(factors)

    def divided(self, extent: Extent, by: int) -> Extent | None:
        """The outer axis where an axis is split in two and the inner has ``by`` elements."""
        if small(extent) % by:
            return None
        parts = self.regroup(extent, (small(extent) // by, by))
        return None if parts is None or grows(parts[1]) else parts[0]

    def regroup(
        self, merged: Extent, smalls: Sequence[int], larges: Sequence[int] | None = None
    ) -> Axes | None:
        """Axes that a Reshape makes.

        Args:
            merged: all factors of the data, in row-major order.
            smalls: extents of the result at the original size.
            larges: the same at the larger size; ``None`` where that is to be told. An axis that
                is split then grows in its outer part: the inner part is a block of that many
                neighbours, as at the original size.

        Returns:
            The axes, or ``None`` where they do not line up with the factors of the data.
        """
        pending = deque(merged)
        axes: list[list[Factor]] = []
        for index, wanted in enumerate(smalls):
            if larges is not None:
                taken = self._take_both(pending, wanted, larges[index])
            elif wanted == 1:
                taken = _take_ones(pending, list(smalls[index:]))
            else:
                following = smalls[index + 1] if index + 1 < len(smalls) else 0
                taken = self._take(pending, wanted, leave_ones=following == 1)
            if taken is None:
                return None
            axes.append(taken)
        if any(factor.small != 1 for factor in pending) or (pending and larges is not None):
            return None
        if pending and not axes:
            return None
        if pending:
            axes[-1] += pending
        return tuple(self.product([tuple(axis)]) for axis in axes)

    def _take(
        self, pending: deque[Factor], wanted: int, *, leave_ones: bool
    ) -> list[Factor] | None:
        """Factors whose product is ``wanted`` at the original size."""
        for count in range(1, len(pending) + 1):
            front = tuple(islice(pending, count))
            if small(front) == wanted and front in self._axes and front[-1].small > 1:
                return [pending.popleft() for _ in front]
        taken: list[Factor] = []
        rest = wanted
        while rest > 1:
            if not pending:
                return None
            factor = pending.popleft()
            if rest % factor.small == 0:
                taken.append(factor)
                rest //= factor.small
            elif factor.small % rest == 0:
                inner = factor.small // rest
                outer = self._part(factor, inner)
                if outer is None:
                    return None
                _put_before(pending, Factor(inner, inner))
                taken.append(outer)
                rest = 1
            else:
                return None
        # Positions stay together: what is one row of them is no part of the channels.
        positions = any(f.key and self.origin(f)[0] != "batch" for f in taken)
        behind = next((factor for factor in pending if factor.small > 1), None)
        leave_ones = leave_ones or (behind is not None and not behind.key)
        while positions and not leave_ones and pending and pending[0].small == 1:
            taken.append(pending.popleft())
        return taken

    def _take_both(
        self, pending: deque[Factor], at_small: int, at_large: int
    ) -> list[Factor] | None:
        """Factors whose product is known at both sizes."""
        taken: list[Factor] = []
        while (at_small, at_large) != (1, 1):
            if not pending:
                return None
            factor = pending.popleft()
            if at_small % factor.small == 0 and at_large % factor.large == 0:
                taken.append(factor)
                at_small, at_large = at_small // factor.small, at_large // factor.large
                continue
            if factor.small % at_small or factor.large % at_large:
                return None
            inner = Factor(factor.small // at_small, factor.large // at_large)
            if at_small == at_large and factor.key:
                # The outer part is a plain number and the inner one grows.
                taken.append(Factor(at_small, at_small))
                origin = ("inner", factor, at_small)
                pending.extendleft(self.growing(inner.small, inner.large, *origin))
                return taken
            outer = self._part(factor, inner.small) if inner.small == inner.large else None
            if outer is None:
                return None
            _put_before(pending, inner)
            return [*taken, outer]
        return taken

    def _part(self, factor: Factor, inner: int) -> Factor | None:
        """The outer of two axes that a factor is split into; the inner has ``inner`` elements."""
        if factor.large % inner:
            return None
        if not factor.key:
            return Factor(factor.small // inner, factor.small // inner)
        parts = factor.small // inner, factor.large // inner
        return self.growing(*parts, "part", factor, inner)[0]

    def _unshifted(self, extent: Extent) -> tuple[Extent, int]:
        if len(extent) == 1 and extent[0].key:
            word, *of = self.origin(extent[0])
            if word == "shift":
                return of[0], of[1]
        return extent, 0


def _put_before(pending: deque[Factor], number: Factor) -> None:
    """Put a plain number before other factors; plain numbers side by side are one product."""
    while pending and not pending[0].key:
        product = number.small * pending.popleft().small
        number = Factor(product, product)
    pending.appendleft(number)


def _take_ones(pending: deque[Factor], wanted: Sequence[int]) -> list[Factor]:
    """Growing factors that are 1 at the original size, for the first of some axes of extent 1.

    The last of these axes get one each, the first what is left: an axis in front of them may be a
    batch of one.
    """
    ones = list(takewhile(lambda factor: factor.small == 1, pending))
    axes = sum(1 for _ in takewhile(lambda extent: extent == 1, wanted))
    count = max(0, len(ones) - axes + 1)
    return [pending.popleft() for _ in range(count)]
