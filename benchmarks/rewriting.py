"""Time and memory of rewrites without validation: ``python -m benchmarks.rewriting``.

Every task is a process of its own, the tasks of a model take turns, and the fastest of several
rounds counts: whatever else the machine does only adds to it. A synced copy is on the disk when it
ends, as a rewritten model is. Imports are tasks as well. The largest model takes 10 GB of disk and
10 GB of memory, most of it for graphsurgeon.
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from sample_models import build

from . import wide_head
from .options import existing_folder, positive
from .printing import heading, note, row
from .processes import Cost, run_apart

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
_REWRITE_LOADED = _REWRITE.replace("import onnxfcn,", "import onnx, onnxfcn,").replace(
    'folder + "/" + name', 'onnx.load(folder + "/" + name)'
)
START, IMPORTS = "start Python", "import onnx, graphsurgeon"
COPY, SYNCED = "copy", "copy, synced"
LOAD_SAVE, REWRITE = "onnx.load + onnx.save", "onnxfcn.rewrite"
TASKS = {
    START: "",
    IMPORTS: "import onnx, onnx_graphsurgeon",
    "import onnxfcn": "import onnxfcn",
    COPY: _COPY,
    SYNCED: _COPY + _SYNC,
    LOAD_SAVE: _LOAD_SAVE,
    "graphsurgeon and back": _GRAPHSURGEON,
    "onnx.load + onnxfcn.rewrite": _REWRITE_LOADED,
    REWRITE: _REWRITE,
}
MODELS = {"alexnet": "AlexNet", "vgg16": "VGG-16", "wide_head": "wide head"}
"""What each is called; ``wide_head`` is more than one file can hold."""


@dataclass(frozen=True)
class RewriteCosts:
    """What the tasks took on one model.

    Attributes:
        model: its name.
        external: whether its weights are in a file beside it.
        megabytes: of its files.
        tasks: the fastest round of each task, by name.
    """

    model: str
    external: bool
    megabytes: float
    tasks: Mapping[str, Cost]

    @property
    def title(self) -> str:
        """The model, its size and its files."""
        files = "external data" if self.external else "one file"
        return f"{self.model}, {self.megabytes:.0f} MB, {files}"

    def beyond_imports(self, copy: str) -> float | None:
        """The rewrite but for those imports, in times of a copy but for the start of Python.

        ``None`` where either took no longer than what is left out: the rounds were too few.
        """
        seconds = {task: cost.seconds for task, cost in self.tasks.items()}
        rewriting, copying = seconds[REWRITE] - seconds[IMPORTS], seconds[copy] - seconds[START]
        return rewriting / copying if min(rewriting, copying) > 0 else None

    @property
    def beside_save(self) -> float:
        """The rewrite in times of ``onnx.load`` and ``onnx.save``."""
        return self.tasks[REWRITE].seconds / self.tasks[LOAD_SAVE].seconds


def measure(model: str, folder: Path, names: list[str], *, rounds: int = 5) -> RewriteCosts:
    """Run every task on the files of a model, in turns.

    Args:
        model: the model's name.
        folder: where it is; there must be room for it once more.
        names: its files, the model first.
        rounds: how often.

    Raises:
        CalledProcessError: a task failed.
    """
    best: dict[str, Cost] = {}
    for _ in range(rounds):
        for task, script in TASKS.items():
            with tempfile.TemporaryDirectory(dir=folder) as output:
                cost, _ = run_apart(script, str(folder), output, *names)
            best[task] = min(cost, best.get(task, cost), key=lambda each: each.seconds)
    size = sum((folder / name).stat().st_size for name in names)
    return RewriteCosts(model, len(names) > 1, size / 1e6, best)


def run(*, rounds: int = 5, folder: Path | None = None) -> list[RewriteCosts]:
    """Build the models, one after the other, measure them, and print a table.

    Args:
        rounds: how often each task runs.
        folder: where 10 GB are free; by default the system's folder for temporary files.
    """
    found = []
    for name, title in MODELS.items():
        with tempfile.TemporaryDirectory(dir=folder) as place:
            for names in _write(name, Path(place)):
                found.append(measure(title, Path(place), names, rounds=rounds))
                note(f"{found[-1].title}: {found[-1].tasks[REWRITE].seconds:.2f} s to rewrite")
    print(heading(["", *(costs.title for costs in found)]))
    for cells in _rows(found):
        print(row(cells))
    return found


def _write(name: str, folder: Path) -> Iterator[list[str]]:
    """Write a model as one file, where that holds it, and as two; the names of both."""
    pair = [f"{name}-pair.onnx", f"{name}-pair.onnx.data"]
    if name == "wide_head":
        wide_head.write(folder / pair[0])
    else:
        alone = build.write(name, folder)
        yield [alone.name]
        onnx.save(onnx.load(alone), folder / pair[0], save_as_external_data=True, location=pair[1])
    yield pair


def _rows(found: list[RewriteCosts]) -> Iterator[list[str]]:
    for task in TASKS:
        costs = (each.tasks[task] for each in found)
        yield [task, *(f"{cost.seconds:.2f} s, {cost.megabytes:.0f} MB" for cost in costs)]
    for copy in (COPY, SYNCED):
        ratios = (each.beyond_imports(copy) for each in found)
        cells = (f"{ratio:.2f}" if ratio else "-" for ratio in ratios)
        yield [f"rewrite without onnx, graphsurgeon imports / {copy}", *cells]
    yield [f"rewrite / {LOAD_SAVE}", *(f"{each.beside_save:.2f}" for each in found)]


def main(arguments: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rewriting", description=__doc__)
    parser.add_argument("--rounds", type=positive, default=5)
    parser.add_argument(
        "--folder", type=existing_folder, help="where 10 GB are free; by default TMPDIR"
    )
    options = parser.parse_args(arguments)
    run(rounds=options.rounds, folder=options.folder)


if __name__ == "__main__":
    main()
