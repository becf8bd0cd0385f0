"""Every refusal code has a near miss, and a refusal names the first obstacle."""

from typing import Any

import numpy as np

from passes import RefusalCode, flatten_gemm_to_conv
from tests.passes.judges import assert_refused
from tests.passes.lift.test_dense_refusals import LAYERS
from tests.passes.lift.test_head_refusals import HEADS
from tests.passes.models import head_model
from tests.passes.test_conv_to_gemm import CONVOLUTIONS, OLD
from tests.passes.test_global_statistics import STATISTICS
from tests.passes.test_window_refusals import WINDOWS
from tests.passes.trunk.test_trunk_refusals import TRUNKS

GEMM = "v = Flatten(map) h = Gemm(v, w, b)"
HEAD_WEIGHTS: dict[str, Any] = {"w": (40, 3), "b": (3,)}


def test_first_obstacle_is_the_one_that_is_named() -> None:
    text = f"{GEMM} [first] s = Softmax<axis=0>(h) [second] y = Pad(s, pads)"
    model = head_model(text, **HEAD_WEIGHTS, pads=np.array([0, 1, 0, 1]))
    assert assert_refused(flatten_gemm_to_conv, model).node == "first"


def test_node_without_a_name_is_named_by_its_output() -> None:
    model = head_model(f"{GEMM} y = Softmax<axis=0>(h)", **HEAD_WEIGHTS)
    assert assert_refused(flatten_gemm_to_conv, model).node == "y"


def test_every_code_has_a_near_miss() -> None:
    tables = (WINDOWS, LAYERS, HEADS, TRUNKS, STATISTICS, CONVOLUTIONS, OLD)
    tested = {row[0] for table in tables for row in table.values()}
    # The passes know no runtime; the package's tests refuse a model that it cannot load.
    elsewhere = {RefusalCode.INPUT_SIZE_WRONG, RefusalCode.RUNTIME_LACKS}
    assert tested | elsewhere == set(RefusalCode)
