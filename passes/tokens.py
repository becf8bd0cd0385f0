"""Positions on one axis, as a view of a map merges them."""

from dataclasses import dataclass

from .images import Roles


@dataclass(frozen=True)
class Tokens:
    """The map that a tensor is once a view takes its positions apart.

    Attributes:
        shape: the map's shape at the original image size, without the batch.
        grown: the same at a much larger size.
        roles: the roles of its axes, the batch included.
    """

    shape: tuple[int, ...]
    grown: tuple[int, ...]
    roles: Roles
