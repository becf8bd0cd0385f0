"""Nodes that put the two ends of the image together."""

from dataclasses import replace

import numpy as np

from .seen import FIRST_OF_NONE, Seen


def without_leaps(seen: Seen, name: str, size: int, before: int) -> Seen:
    """What a node made, with the positions that put both ends of the image together seeing all.

    They lie at the seam of an axis that was rolled, say: a field that grows at one node from under
    a quarter of the image to over three quarters does not slide along.

    Args:
        seen: what a node made.
        name: its name.
        size: pixels of the image.
        before: pixels that any position saw before the node.
    """
    if 4 * before > size or 4 * (seen.widest - 1) < 3 * size:
        return seen
    leaps = 4 * (seen.last.astype(np.int64) - seen.first) >= 3 * size
    first = np.where(leaps, np.int32(FIRST_OF_NONE), seen.first)
    last = np.where(leaps, np.int32(-FIRST_OF_NONE), seen.last)
    return replace(seen, first=first, last=last, whole=seen.whole | {name})
