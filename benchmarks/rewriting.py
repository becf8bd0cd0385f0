"""Time and memory of rewrites without validation: ``python -m benchmarks.rewriting``.

Every task is a process of its own, the tasks of a model take turns, and the best of several rounds
counts: whatever else the machine does only adds to it. A synced copy is on the disk when it ends,
as a rewritten model is. The time to import onnx and graphsurgeon is a task as well.
"""

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import onnx

from onnxfcn.files.model_io import LARGEST_FILE
from sample_models import build

from . import wide_head

_COPY = """
import os, shutil, sys
for name in sys.argv[3:]:
    copy = os.path.join(sys.argv[2], "copy" + name)
    shutil.copyfile(os.path.join(sys.argv[1], name), copy)
"""
_SYNC = """    with open(copy, "rb+") as file:
        os.fsync(file.fileno())
"""
_LOAD_SAVE = """
import onnx, sys
folder, output, name = sys.argv[1:4]
beside = {"save_as_external_data": True, "location": "copy.data"} if len(sys.argv) > 4 else {}
onnx.save(onnx.load(folder + "/" + name), output + "/copy.onnx", **beside)
"""
_GRAPHSURGEON = _LOAD_SAVE.replace("import onnx,", "import onnx, onnx_graphsurgeon as gs,").replace(
    'onnx.load(folder + "/" + name)',
    'gs.export_onnx(gs.import_onnx(onnx.load(folder + "/" + name)))',
)
_REWRITE = """
import onnxfcn, sys
folder, output, name = sys.argv[1:4]
onnxfcn.rewrite(folder + "/" + name, output + "/fcn.onnx", validate=False)
"""
TASKS = {
    "start Python": "",
    "import onnx, graphsurgeon": "import onnx, onnx_graphsurgeon",
    "copy": _COPY,
    "copy, synced": _COPY + _SYNC,
    "onnx.load + onnx.save": _LOAD_SAVE,
    "graphsurgeon and back": _GRAPHSURGEON,
    "onnxfcn.rewrite": _REWRITE,
}


@dataclass(frozen=True)
class Cost:
    """What a task took.

    Attributes:
        seconds: wall time.
        megabytes: peak of the memory that was resident.
    """

    seconds: float
    megabytes: float


def measure(script: str, folder: Path, names: list[str]) -> Cost:
    """Run a script on the files of a model.

    Args:
        script: Python; gets the folder, a folder to write into, and the names of the files.
        folder: where the model is.
        names: its files, the model first.

    Raises:
        CalledProcessError: it failed.
    """
    with tempfile.TemporaryDirectory(dir=folder) as output:
        timed = [sys.executable, "-c", _TIMED, script, str(folder), output, *names]
        finished = subprocess.run(timed, capture_output=True, text=True, check=True)
    seconds, kilobytes = map(float, finished.stdout.split()[-2:])
    return Cost(seconds, kilobytes / 1000)


_TIMED = """
import resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run([sys.executable, "-c", *sys.argv[1:]], check=True)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def main(arguments: list[str] | None = None) -> None:
    """Build the models, one after the other, and print what the tasks took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where 10 GB are free; by default TMPDIR")
    options = parser.parse_args(arguments)
    for name in ("alexnet", "vgg16", "wide_head"):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            for names in _files(name, Path(folder)):
                _print(name, names, _best(Path(folder), names, options.rounds))


def _files(name: str, folder: Path) -> list[list[str]]:
    """Write a model as one file, where that holds it, and as two; returns the names of both."""
    pair = [f"{name}-pair.onnx", f"{name}-pair.onnx.data"]
    if name == "wide_head":
        wide_head.write(folder / pair[0])
        return [pair]
    alone = build.write(name, folder)
    onnx.save(onnx.load(alone), folder / pair[0], save_as_external_data=True, location=pair[1])
    return [[alone.name], pair]


def _best(folder: Path, names: list[str], rounds: int) -> dict[str, Cost]:
    best: dict[str, Cost] = {}
    size = sum((folder / name).stat().st_size for name in names)
    for _ in range(rounds):
        for task, script in TASKS.items():
            if size > LARGEST_FILE and script == _GRAPHSURGEON:
                continue
            cost = measure(script, folder, names)
            if task not in best or cost.seconds < best[task].seconds:
                best[task] = cost
    return best


def _print(name: str, names: list[str], best: dict[str, Cost]) -> None:
    print(f"{name}, {'one file' if len(names) == 1 else 'external data'}")
    for task, cost in best.items():
        print(f"  {task:26} {cost.seconds:7.2f} s {cost.megabytes:7.0f} MB")
    rewrite = best["onnxfcn.rewrite"].seconds
    beyond = rewrite - best["import onnx, graphsurgeon"].seconds
    start = best["start Python"].seconds
    for task in ("copy", "copy, synced"):
        print(f"  rewrite without imports / {task}: {beyond / (best[task].seconds - start):.2f}")
    print(
        f"  rewrite / onnx.load + onnx.save: {rewrite / best['onnx.load + onnx.save'].seconds:.2f}"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
