"""Kill and starve rewrites: ``python -m tests.faults --kills 200 --seed 0``."""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from .full_disk import fail_every_call, fill_disk, limit_every_size
from .kills import kill_at_every_stage, kill_at_random
from .workplace import CHANGES, make_workplace

_DISK = "64m"
_STEPS = 24
"""Sizes from nothing to what an output needs, at which the disk is full."""


def main(arguments: list[str] | None = None) -> None:
    """Run every kind of fault, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--disk", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(options.disk or folder) / "outputs"
        workplace = make_workplace(Path(folder), outputs)
        if options.disk is not None:
            _show("a disk with too little room", lambda: fill_disk(workplace, _STEPS))
            return
        _show(
            f"SIGKILL at {options.kills} random moments",
            lambda: kill_at_random(workplace, options.kills, options.seed),
        )
        _show("SIGKILL before every call", lambda: kill_at_every_stage(workplace, CHANGES))
        _show("no room at every call", lambda: fail_every_call(workplace, CHANGES))
        _show("files that cannot grow", lambda: limit_every_size(workplace, CHANGES, _STEPS))
    _fill_small_disk()


def _show(what: str, run: Callable[[], Counter[str]]) -> None:
    started = time.perf_counter()
    found = run()
    print(f"{what} ({time.perf_counter() - started:.0f} s)")
    for finding, times in sorted(found.items()):
        print(f"  {times:5} {finding}")
    sys.stdout.flush()


def _fill_small_disk() -> None:
    """Run ``fill_disk`` on a disk in memory, where the system lets users mount one."""
    with tempfile.TemporaryDirectory() as disk:
        inside = [sys.executable, "-m", "tests.faults", "--disk", disk]
        mount = f'mount -t tmpfs -o size={_DISK} none "{disk}" && exec "$@"'
        subprocess.run(["unshare", "-rm", "sh", "-c", mount, "sh", *inside], check=True)


if __name__ == "__main__":
    main()
