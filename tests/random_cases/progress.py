"""How far a long run is, and how long it took."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

_STEP = 100


@contextmanager
def progress() -> Iterator[Callable[[], None]]:
    """Call what it gives after every case; prints the seconds in the end."""
    started, numbers = time.perf_counter(), count(1)

    def step() -> None:
        number = next(numbers)
        if number % _STEP == 0:
            print(f"\r{number}", end="", file=sys.stderr, flush=True)

    yield step
    print("\r", end="", file=sys.stderr)
    print(f"{time.perf_counter() - started:.0f} s")
