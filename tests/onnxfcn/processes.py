"""Python in a process of its own, where this project can be imported from anywhere."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_python(
    *arguments: object,
    cwd: Path | None = None,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run Python, where warnings are errors.

    Args:
        *arguments: of Python.
        cwd: the folder to run in.
        stdout: where standard output goes; by default it is returned.
        stderr: where standard error goes; by default it is returned.
        **environment: variables that differ from those of this process.
    """
    return subprocess.run(
        [sys.executable, "-W", "error", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=stdout,
        stderr=stderr,
        text=True,
        errors="surrogateescape",
    )
