"""What a benchmark ran on."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("onnxruntime", "onnx", "onnx-graphsurgeon", "numpy")
_CPU_FILE = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Machine:
    """Size of a machine, and what runs on it.

    Attributes:
        cpu: the processor's name.
        cores: those that this process may use.
        gigabytes: memory.
        system: the operating system.
        versions: of Python and the packages, by name.
        load: processes that ran or waited for a core in the last minute, on average.
    """

    cpu: str
    cores: int
    gigabytes: float
    system: str
    versions: dict[str, str]
    load: float

    def lines(self) -> list[str]:
        """The same for people."""
        return [
            f"{self.size}, {self.system}",
            ", ".join(f"{name} {number}" for name, number in self.versions.items()),
            f"load before: {self.load:.1f}",
        ]

    @property
    def size(self) -> str:
        """Processor, cores and memory."""
        cores = f"{self.cores} core{'s' * (self.cores > 1)}"
        return f"{self.cpu}, {cores}, {self.gigabytes:.0f} GB"


def this_machine() -> Machine:
    """Tell what this is."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        gigabytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9,
        system=f"{platform.system()} {platform.machine()}",
        versions={"Python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
        load=os.getloadavg()[0],
    )


def _cpu() -> str:
    """The processor's name as Linux has it, which Python's own ``platform`` does not know."""
    for line in _CPU_FILE.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()
