"""One sync at a time for a data directory. The operating system frees the lock of a program that died."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from warehouse.errors import StoreError

LOCK, HOLDER = "sync.lock", "sync.holder.json"


class Busy(StoreError):
    """Another sync is running."""


@contextmanager
def held(data: Path, now: dt.datetime) -> Iterator[None]:
    """Hold the lock of a data directory.

    Raises Busy, naming program, host and since when, if another sync holds it.
    """
    lock = FileLock(data / LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(f"another sync of {data} is running{_holder(data)}. Wait for it to end, or stop that program; then sync again.") from None
    try:
        (data / HOLDER).write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now.isoformat(timespec="seconds")}))
        yield
    finally:
        (data / HOLDER).unlink(missing_ok=True)
        lock.release()


def _holder(data: Path) -> str:
    try:
        holder = json.loads((data / HOLDER).read_text())
        return f": process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError):
        return ""  # it has just begun, or just ended
