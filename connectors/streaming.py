"""Batches fetched in the background, a few ahead: the source works while the rows before are being mapped.

The number held is bounded, a source that gives nothing for too long is given up, and a read that nobody wants any more is
interrupted.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator

import pyarrow as pa

from connectors.base import Cancelled, SourceError

AHEAD = 2  # batches waiting
GLANCE = 0.2  # seconds between two looks at `cancel`
DONE = object()


def streamed(batches: Iterator[pa.RecordBatch], *, timeout: float, interrupt: Callable[[], None], cancel: threading.Event | None, where: str):
    """The batches of an iterator that runs in a thread of its own.

    timeout: seconds without a batch after which SourceError is raised. interrupt: ends a fetch that is under way.
    Raises Cancelled when asked to stop, also while waiting for the source.
    """
    ready: queue.Queue = queue.Queue(AHEAD)
    stop = threading.Event()
    thread = threading.Thread(target=_fetch, args=(batches, ready, stop), daemon=True, name=f"read {where}")
    thread.start()
    try:
        while (batch := _next(ready, timeout, cancel, where)) is not DONE:
            yield batch
    finally:
        stop.set()
        thread.join(2 * GLANCE)
        if thread.is_alive():  # still waiting for the source
            interrupt()
            thread.join(5)


def _fetch(batches: Iterator, ready: queue.Queue, stop: threading.Event) -> None:
    try:
        for batch in batches:
            if not _put(batch, ready, stop):
                return
        _put(DONE, ready, stop)
    except BaseException as error:
        _put(error, ready, stop)
    finally:
        close = getattr(batches, "close", None)
        if close:
            close()


def _put(item, ready: queue.Queue, stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            ready.put(item, timeout=GLANCE)
            return True
        except queue.Full:
            continue
    return False


def _next(ready: queue.Queue, timeout: float, cancel: threading.Event | None, where: str):
    until = time.monotonic() + timeout
    while True:
        if cancel is not None and cancel.is_set():
            raise Cancelled("the run was asked to stop")
        try:
            item = ready.get(timeout=GLANCE)
        except queue.Empty:
            if time.monotonic() > until:
                raise SourceError(f"{where}: no row came for {timeout:g} seconds; the source is overloaded, or timeout = … has to be longer") from None
            continue
        if isinstance(item, BaseException):
            raise item
        return item
