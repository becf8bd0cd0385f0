"""Time and memory of a Python script in a process of its own."""

import subprocess
import sys
from dataclasses import dataclass

# A process inherits the peak of the one that started it: this small one stands in between. Linux
# counts the peak in units of 1024 bytes.
_TIMED = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run([sys.executable, "-c", *sys.argv[1:]], check=True)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@dataclass(frozen=True)
class Cost:
    """What a task took.

    Attributes:
        seconds: wall time.
        megabytes: peak of the memory that was resident.
    """

    seconds: float
    megabytes: float


def run_apart(script: str, *arguments: str) -> tuple[Cost, str]:
    """Run a script; returns what it took, from its start to its end, and what it printed.

    Args:
        script: Python.
        arguments: what it finds in ``sys.argv[1:]``.

    Raises:
        CalledProcessError: it failed; what it wrote to standard error was passed on.
    """
    timed = [sys.executable, "-c", _TIMED, script, *arguments]
    finished = subprocess.run(timed, stdout=subprocess.PIPE, text=True, check=True)
    *printed, cost = finished.stdout.splitlines()
    seconds, peak = map(float, cost.split())
    return Cost(seconds, peak * 1024 / 1e6), "\n".join(printed)
