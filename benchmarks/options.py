"""What options of the benchmarks take."""

import argparse


def positive(text: str) -> int:
    """A number of rounds.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"a positive number expected, got {text}")
    return int(text)
