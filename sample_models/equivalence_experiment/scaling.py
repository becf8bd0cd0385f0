"""Scale images up; knows numpy only."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def enlarge(images: npt.NDArray[np.floating], side: int) -> Floats:
    """Scale square images by linear interpolation between the centres of their pixels.

    Args:
        images: ``[N, H, H]``, any float type.
        side: height and width of the result, in pixels; at least ``H``.

    Returns:
        ``[N, side, side]``; pixels outside the outermost centres repeat those.
    """
    extent = images.shape[-1]
    centres = np.clip((np.arange(side) + 0.5) * extent / side - 0.5, 0, extent - 1)
    distance = np.abs(centres[:, None] - np.arange(extent))
    weights = np.maximum(0, 1 - distance)
    scaled: Floats = (weights @ images @ weights.T).astype(np.float32)
    return scaled
