"""Runs a load client that asks psutil about the server: `python -m benchmarks.load CLIENT.py [arguments]`.

Linux's /proc answers where psutil is not installed.
"""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
from collections import namedtuple
from pathlib import Path

from benchmarks import measure

TICK = os.sysconf("SC_CLK_TCK")  # clock ticks in a second
Memory = namedtuple("Memory", "rss")  # bytes
Times = namedtuple("Times", "user system")  # seconds


class Process:
    """The part of psutil.Process that a load client needs: memory, CPU time, children."""

    def __init__(self, pid: int | None = None):
        self.pid = pid or os.getpid()

    def memory_info(self) -> Memory:
        return Memory(measure.resident(self.pid))

    def cpu_times(self) -> Times:
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return Times(int(user) / TICK, int(system) / TICK)

    def children(self, recursive: bool = False) -> list[Process]:
        return [Process(pid) for pid in measure.family(self.pid)[1:]]


def main() -> None:
    if importlib.util.find_spec("psutil") is None:
        sys.modules["psutil"] = sys.modules[__name__]
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
