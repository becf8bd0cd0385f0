"""What goes wrong inside the geometry; users see ``GeometryUnknownError``."""

from typing import Self


class _NodeError(Exception):
    """What is wrong, and the node where it was found, once it is known."""

    def __init__(self, message: str, node: str = "") -> None:
        super().__init__(f"{node}: {message}" if node else message)
        self._node = node

    def at(self, node: str) -> Self:
        """The same error with a node, unless it has one already."""
        return self if self._node else type(self)(str(self), node)


class DoesNotFitError(_NodeError):
    """The model does not take images of this size."""


class UnknownError(_NodeError):
    """What a node reads of the image cannot be told."""


class TornError(UnknownError):
    """Cells put together what lies at different places, the farther apart the larger the image.

    Attributes:
        name: name of the node where they meet.
        operator: its operator type.
    """

    def __init__(self, name: str, operator: str) -> None:
        super().__init__(
            "it reads places that lie the farther apart the larger the image is, such as a mirrored"
            " branch next to one that is not",
            f"{name} ({operator})",
        )
        self.name, self.operator = name, operator
