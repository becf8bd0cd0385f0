"""Assertions in modules beside the tests tell what they compared."""

import pytest

pytest.register_assert_rewrite(
    "tests.passes.judges",
    "tests.passes.matmul.products",
    "tests.passes.models",
    "tests.passes.trunk.blocks",
)
