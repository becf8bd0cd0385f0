"""Processes that examine cases and may die, hang or run out of memory in doing so."""

import multiprocessing
import os
import resource
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from multiprocessing.connection import Connection, wait
from pathlib import Path

from .examine import LONGEST, Outcome, action_of, examine
from .hostile import plant

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.fuzz.examine"])
_HEADROOM = 5 * 2**29
"""Bytes that a process may reserve beyond those that it begins with."""
_CASES = 500
"""Cases after which a process makes room for a new one: what leaks does not add up."""

Examine = Callable[[int, int, Path], Outcome]


def run(
    seed: int,
    cases: Iterable[int],
    workers: int,
    examine_case: Examine = examine,
    *,
    longest: float = 6 * LONGEST,
) -> Iterator[Outcome]:
    """Examine cases of a seed, each within the limits of time and memory, in any order."""
    waiting = iter(cases)
    running: dict[Connection, _Worker] = {}
    for case in islice(waiting, workers):
        _give(running, _Worker(seed, examine_case, longest), case)
    while running:
        for ready in wait([*running]):
            worker = running.pop(ready)  # type: ignore[arg-type]
            yield worker.outcome()
            case = next(waiting, None)
            if worker.is_spent or case is None:
                worker.end()
                worker = _Worker(seed, examine_case, longest) if case is not None else worker
            if case is not None:
                _give(running, worker, case)


def _give(running: "dict[Connection, _Worker]", worker: "_Worker", case: int) -> None:
    running[worker.connection] = worker
    worker.give(case)


class _Worker:
    """A process and the case that it has."""

    def __init__(self, seed: int, examine_case: Examine, longest: float) -> None:
        self.connection, inner = _CONTEXT.Pipe()
        self._seed, self._case, self._given = seed, 0, 0
        self._process = _CONTEXT.Process(target=_serve, args=(inner, seed, examine_case, longest))
        self._process.start()
        inner.close()

    @property
    def is_spent(self) -> bool:
        return self._given >= _CASES or not self._process.is_alive()

    def give(self, case: int) -> None:
        self._case = case
        self._given += 1
        self.connection.send(case)

    def outcome(self) -> Outcome:
        """What the process says, or what its end says."""
        try:
            found: Outcome = self.connection.recv()
        except EOFError:
            self._process.join()  # its folder stays behind: what ended it left no time
            code = self._process.exitcode
            action = action_of(self._seed, self._case)
            kind = "hang" if code == -signal.SIGALRM else "crash"
            key = f"{kind} {code} in {action}"
            return Outcome(self._case, kind, action, True, key, f"exit code {code}")
        return found

    def end(self) -> None:
        self.connection.close()
        self._process.join()


def _serve(connection: Connection, seed: int, examine_case: Examine, longest: float) -> None:
    reserved = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = reserved + _HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer) / "models"
        folder.mkdir()
        plant(folder)
        while True:
            try:
                case = connection.recv()
            except EOFError:
                return
            # The alarm's default action ends the process, wherever it hangs.
            signal.setitimer(signal.ITIMER_REAL, longest)
            outcome = examine_case(seed, case, folder)
            signal.setitimer(signal.ITIMER_REAL, 0)
            connection.send(outcome)
