"""What validation is run on at larger sizes: random images, and images of the user's."""

from dataclasses import dataclass

import numpy as np

from ..sizes import Size


@dataclass(frozen=True)
class Sample:
    """An image to compare two models on.

    Attributes:
        size: its extents in pixels.
        image: its values, as the model takes them; ``None`` for random ones.
        source: where it came from, a path; empty for a random one.
    """

    size: Size
    image: np.ndarray | None = None
    source: str = ""


@dataclass(frozen=True)
class Answered:
    """An image, and what the rewritten model says of it.

    Attributes:
        sample: the image.
        feeds: values of all inputs, by name.
        answers: outputs, feature maps and logits of the rewritten model, by name.
    """

    sample: Sample
    feeds: dict[str, np.ndarray]
    answers: dict[str, np.ndarray]
