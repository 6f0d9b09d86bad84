"""Freed memory goes back to the system."""

import sys
from pathlib import Path

import numpy as np
import pytest

from metrics import memory


def resident() -> int:
    """MiB of this process."""
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")) // 1024


@pytest.mark.skipif(not (sys.platform == "linux" and memory._trim()), reason="only glibc keeps freed memory that it can be asked for")
def test_what_was_freed_between_what_lives_on_is_given_back():
    arrays = [np.ones(2000) for _ in range(10_000)]  # 16 kB each: too small for the library to return one by one
    alive, before = arrays[::100] + arrays[-1:], resident()
    del arrays
    memory.give_back()
    assert before - resident() > 100
    assert all(array.sum() == 2000 for array in alive)


def test_elsewhere_nothing_is_done(monkeypatch):
    monkeypatch.setattr(memory, "_trim", lambda: None)
    memory.give_back()
