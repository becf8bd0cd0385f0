"""Constants that are made as large as the batch is: the same for every sample."""

import numpy as np
import pytest

from tests.passes.judges import assert_cells_are_crops
from tests.passes.models import head_model

FILLED = (
    "v = Flatten(map) h = Gemm(v, w, b) s = Shape(h) n = Gather<axis=0>(s, first)"
    " u = Unsqueeze(n, axis) k = Concat<axis=0>(u, size)"
    " z = ConstantOfShape<value=float[1]{0.5}>(k)"
)
WEIGHTS = {
    "w": (40, 3),
    "b": (3,),
    "c": (3, 3),
    "first": np.array(0),
    "axis": np.array([0]),
}


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("text", ["y = Mul(h, z)", "y = Sub(z, h)", "y = Gemm<beta=2.0>(h, c, z)"])
def test_every_cell_is_the_model_on_its_crop(text: str, size: int) -> None:
    assert_cells_are_crops(head_model(f"{FILLED} {text}", **WEIGHTS, size=np.array([size])))
