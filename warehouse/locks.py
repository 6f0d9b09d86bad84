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


def holder(data: Path) -> dict | None:
    """Who is syncing now: {"pid", "host", "since"}; None if nobody is, as far as can be seen from here."""
    known = _noted(data)
    return known if known and _lives(known) else None


def _lives(holder: dict) -> bool:
    if holder["host"] != socket.gethostname():
        return True
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _noted(data: Path) -> dict | None:
    try:
        return json.loads((data / HOLDER).read_text())
    except (OSError, ValueError):
        return None  # it has just begun, or just ended


def _holder(data: Path) -> str:
    known = _noted(data)
    return f": process {known['pid']} on {known['host']} since {known['since']}" if known else ""
