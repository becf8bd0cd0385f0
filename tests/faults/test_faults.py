"""A short version of ``python -m tests.faults``: nothing that stood before is lost."""

from pathlib import Path

import pytest

from .full_disk import fail_every_call, limit_every_size
from .kills import kill_at_every_stage, kill_at_random
from .workplace import Workplace, make_workplace

_KILLS = 20
_PAIR_BY_PAIR = [("always", "always")]
_ONE_FILE_BY_PAIR = [("never", "always")]
_CHANGES = [_PAIR_BY_PAIR, _ONE_FILE_BY_PAIR]


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return make_workplace(tmp_path, tmp_path / "outputs")


def test_kill_at_random_moments(workplace: Workplace) -> None:
    assert kill_at_random(workplace, _KILLS, seed=0)["kills"] == _KILLS


@pytest.mark.parametrize("changes", _CHANGES)
def test_kill_before_every_call(changes: list[tuple[str, str]], workplace: Workplace) -> None:
    found = kill_at_every_stage(workplace, changes)
    assert found["the old model stands, whole"]
    assert found["the new model stands, whole"]


@pytest.mark.parametrize("changes", _CHANGES)
def test_no_room_at_any_call(changes: list[tuple[str, str]], workplace: Workplace) -> None:
    assert fail_every_call(workplace, changes)["failed, and everything is as it was"]


def test_files_that_cannot_grow(workplace: Workplace) -> None:
    found = limit_every_size(workplace, _PAIR_BY_PAIR, steps=5)
    assert found == {"failed, and everything is as it was": 5}
