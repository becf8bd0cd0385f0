"""Run the benchmarks one after the other, print their tables and draw them."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from . import crops, heads, nodes, rewriting
from .machine import Machine, this_machine
from .options import existing_folder, positive
from .printing import note

BENCHMARKS = {
    "rewriting": "Time and memory of rewrites",
    "nodes": "Nodes against time",
    "crops": "One pass against crops",
    "heads": "Heads as Gemm, Conv and MatMul",
}
"""Their headings, by the name of the module."""
PLOTS = Path(__file__).resolve().parent / "plots"


def main(arguments: list[str] | None = None) -> None:
    """Run them."""
    parser = _parser()
    options, machine = parser.parse_args(arguments), this_machine()
    if drawn := find_spec("matplotlib") is not None:
        try:
            options.output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            parser.error(f"--output: {options.output} cannot be made: {error.strerror}")
    else:
        note("no plots, no module 'matplotlib': pip install '.[benchmarks]' brings it")
    print(*machine.lines(), sep="\n")
    for name, measure in _measurements(options).items():
        print(f"\n## {BENCHMARKS[name]}\n", flush=True)
        found = measure()
        sys.stdout.flush()
        if drawn:
            _draw(name, options.output / f"{name}.png", found, machine)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=f"{__doc__} It takes a quarter of an hour."
    )
    parser.add_argument(
        "--only", nargs="+", choices=BENCHMARKS, metavar="NAME", help=f"of {', '.join(BENCHMARKS)}"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=PLOTS,
        metavar="FOLDER",
        help="where the plots go; default: beside the benchmarks",
    )
    parser.add_argument("--rounds", type=positive, help="of each measurement but of crops")
    parser.add_argument(
        "--folder", type=existing_folder, help="where 10 GB are free for models; by default TMPDIR"
    )
    return parser


def _measurements(options: argparse.Namespace) -> dict[str, Callable[[], list[Any]]]:
    """Those that were asked for, in their own order."""
    rounds = {"rounds": options.rounds} if options.rounds else {}
    every: dict[str, Callable[[], list[Any]]] = {
        "rewriting": partial(rewriting.run, folder=options.folder, **rounds),
        "nodes": partial(nodes.run, **rounds),
        "crops": crops.run,
        "heads": partial(heads.run, **rounds),
    }
    return {name: run for name, run in every.items() if name in (options.only or BENCHMARKS)}


def _draw(name: str, path: Path, found: list[Any], machine: Machine) -> None:
    """Draw a plot; only here, because matplotlib may be missing."""
    from . import charts

    draw: dict[str, Callable[..., None]] = {
        "rewriting": charts.draw_rewriting,
        "nodes": charts.draw_nodes,
        "crops": charts.draw_crops,
        "heads": charts.draw_heads,
    }
    draw[name](path, found, machine.size)
    note(f"drew {path}")


if __name__ == "__main__":
    main()
