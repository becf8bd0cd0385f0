"""What options of the benchmarks take."""

import argparse
from pathlib import Path


def positive(text: str) -> int:
    """A number of rounds.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"a positive number expected, got {text}")
    return int(text)


def existing_folder(text: str) -> Path:
    """A folder that exists.

    Raises:
        ArgumentTypeError: it does not.
    """
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    return Path(text)
