"""Which pages of this dashboard readers open: counted in memory, and written down once a minute. The last minute of a server that is stopped is lost."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections import Counter
from pathlib import Path

import warehouse
from records import database, openings

log = logging.getLogger("rapport.openings")
EVERY = 60.0  # seconds between two writes
OURSELVES = "Rapport"  # how the server calls itself where it opens its own pages ahead of readers: those do not count
_lock = threading.Lock()
_counted: dict[Path, Counter] = {}  # data directory → page, day, who
_written_at = 0.0


def noted(who: str | None, page: str) -> None:
    """Count one opening. who: e-mail, None for whoever sits at this machine. What cannot be written is logged: it stops nobody's page."""
    with _lock:
        _counted.setdefault(warehouse.directory(), Counter())[page, dt.datetime.now(dt.UTC).date(), who or ""] += 1
        is_due = time.monotonic() - _written_at > EVERY
    if is_due:
        try:
            write()
        except Exception:
            log.exception("the openings of pages could not be written; they are tried again with the next")


def write() -> None:
    """Write down what has been counted so far. Where nothing was ever published there are no records, and nothing to count."""
    global _written_at
    with _lock:
        _written_at, taken = time.monotonic(), dict(_counted)
        _counted.clear()
    failed: Exception | None = None
    for data, counts in taken.items():
        if not database.exists(data):
            continue
        try:
            openings.count(database.opened(data), counts)
        except Exception as error:  # the others are still written down
            failed = error
            with _lock:
                _counted.setdefault(data, Counter()).update(counts)
    if failed:
        raise failed
