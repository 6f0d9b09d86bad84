"""How long, how much memory, and the tables they end up in."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE = 0.05  # seconds between two looks at a process's memory


@dataclass(frozen=True)
class Section:
    """One table of the report. goal: what was aimed at, in words; notes: why a row is as it is."""

    title: str
    goal: str
    columns: tuple[str, ...]
    rows: list[tuple]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", f"Goal: {self.goal}", "", _line(self.columns), _line(["---", *["---:"] * (len(self.columns) - 1)])]
        return "\n".join([*lines, *(_line(map(_cell, row)) for row in self.rows), "", *(f"- {note}" for note in self.notes), ""])


def _line(cells) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(value) -> str:
    if value is None:
        return "–"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def seconds(action: Callable[[], object], runs: int = 5) -> float:
    """The fastest of `runs` after one that warms up: on a shared machine the others measure the neighbours."""
    action()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return min(taken)


def alternating(one: Callable, other: Callable, runs: int = 5) -> tuple[float, float]:
    """Both, turn by turn, so that a busy moment hits both; the fastest run of each."""
    one(), other()
    pairs = []
    for _ in range(runs):
        pairs.append((_once(one), _once(other)))
    return tuple(min(taken) for taken in zip(*pairs, strict=True))


def _once(action: Callable) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Run:
    """A program that ran. peak: bytes of resident memory at its highest, children included."""

    seconds: float
    peak: int
    output: str


def run(command: Sequence[str], env: dict | None = None) -> Run:
    """Run a program and watch its memory. Raises RuntimeError with the end of its output if it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(env or {})})
    peaks: list[int] = [0]
    watcher = threading.Thread(target=_watch, args=(process, peaks), daemon=True)
    watcher.start()
    output, _ = process.communicate()
    taken = time.perf_counter() - start
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {process.returncode}: {output[:1500]} … {output[-500:]}")
    return Run(taken, peaks[0], output)


def _watch(process: subprocess.Popen, peaks: list[int]) -> None:
    while process.poll() is None:
        peaks[0] = max(peaks[0], sum(map(resident, family(process.pid))))
        time.sleep(SAMPLE)


def family(pid: int) -> list[int]:
    """A process and everything it has started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in family(int(child)))]


def resident(pid: int) -> int:
    """Bytes of memory a process holds now."""
    return _status(pid, "VmRSS:")


def _status(pid: int, name: str) -> int:
    try:
        found = [line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name)]
    except OSError:
        return 0
    return int(found[0]) * 1024 if found else 0


def machine() -> str:
    """What the numbers were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} when it began"


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
