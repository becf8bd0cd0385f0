"""Constants that texts of models need."""

import numpy as np
import numpy.typing as npt


def ints(*values: int) -> npt.NDArray[np.int64]:
    """A vector of int64."""
    return np.array(values, np.int64)
