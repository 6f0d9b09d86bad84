"""`python -m connectors sync` and `status`: what they print and with which code they end."""

from __future__ import annotations

import json
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from connectors import sources
from connectors.base import Cancelled, SourceError
from records.database import RecordsError
from warehouse.errors import StoreError
from warehouse.outcome import Outcome, Step
from warehouse.status import status

PUBLISHED, REFUSED, MISUSE, STOPPED = 0, 1, 2, 130
STAGES = {"check": "checking", "store": "storing", "marts": "building"}


def main_sync(args: Namespace) -> int:
    """Sync and say what happened. args: sources, data, only, full, accept_loss. Returns the exit code.

    0 everything asked for is published (or nothing was new); 1 something was refused or failed; 2 misuse; 130 stopped.
    """
    console, cancel = Console(stderr=True), threading.Event()
    try:
        from warehouse.sync import sync  # with it come all metrics and what they learn with: two seconds that `status` does not need

        declared = sources.load(args.sources, files=False)  # a missing file is refused for its table only
        with _stoppable(cancel), Bars(console) as bars:
            outcome = sync(declared, Path(args.data), args.only or None, args.full, progress=bars.step, accept_loss=args.accept_loss or (), cancel=cancel)
    except (Cancelled, KeyboardInterrupt):
        return _said(console, "stopped; nothing was published", STOPPED)
    except SourceError as error:
        return _said(console, str(error), MISUSE)
    except (StoreError, RecordsError) as error:
        return _said(console, str(error), REFUSED)
    _report(_printer(), outcome)
    return outcome.exit_code


@contextmanager
def _stoppable(cancel: threading.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the sync at once, and at the next step at the latest.

    The flag is for the exception's sake: one raised while a library calls back into Python is printed and lost.
    """

    def stop(*_):
        cancel.set()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _printer() -> Console:
    """Tables are not squeezed into 80 columns where nobody is looking at a screen."""
    return Console(width=None if sys.stdout.isatty() else 160)


def _said(console: Console, text: str, code: int) -> int:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    return code


class Bars:
    """Progress bars: one per table read, one for what follows."""

    def __init__(self, console: Console):
        columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]}"), TimeElapsedColumn()
        self._bars = Progress(*columns, console=console, disable=not console.is_terminal)
        self._tasks: dict[str, int] = {}

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(self, *_) -> None:
        self._bars.stop()

    def step(self, step: Step) -> None:
        """Take in where the sync is."""
        if step.stage == "read":
            self._show(step.what, step.what, step.n, step.of, f"{step.n:,}" + (f" of {step.of:,} rows" if step.of else " rows"))
        elif step.stage in STAGES:
            self._show("after", f"{STAGES[step.stage]} {step.what}", 0, None, "")

    def _show(self, key: str, description: str, n: int, of: int | None, rows: str) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(description, rows="")
        self._bars.update(self._tasks[key], description=description, completed=n, total=of, rows=rows)


def _report(console: Console, outcome: Outcome) -> None:
    table = Table("table", "entity", "read", "new", "changed", "deleted", "refused", "status", box=None, pad_edge=False)
    for t in outcome.tables:
        table.add_row(t.origin, t.entity, *(f"{t.counts[name]:,}" for name in ("read", "new", "changed", "deleted", "rejected")), t.status)
    console.print(table)
    for text in (*(t.error for t in outcome.tables if t.error), *outcome.warnings):
        _said(console, text, 0)
    _said(console, _verdict(outcome), 0)


def _verdict(outcome: Outcome) -> str:
    if outcome.snapshot is None:
        return "not published: the first sync needs every table to be good"
    if outcome.is_published:
        return f"published snapshot {outcome.snapshot}" + ("" if outcome.is_complete else "; tables that are not ok keep their last good rows")
    return f"nothing changed; snapshot {outcome.snapshot} stays in force"


def main_status(args: Namespace) -> int:
    """Print the state of a data directory. args: data, json. Exit code: 0, or 1 if nothing is published or it cannot be read."""
    try:
        found = status(Path(args.data))
    except (StoreError, RecordsError) as error:
        return _said(Console(stderr=True), str(error), REFUSED)
    if args.json:
        json.dump(found, sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        _show_status(_printer(), found)
    return PUBLISHED if found["snapshot"] else REFUSED


def _show_status(console: Console, found: dict) -> None:
    snapshot, syncing = found["snapshot"], found["syncing"]
    _said(console, f"snapshot {snapshot['id']} of {snapshot['created_at']}" if snapshot else f"nothing has been published in {found['data']} yet", 0)
    if syncing:
        _said(console, f"a sync is running: process {syncing['pid']} on {syncing['host']} since {syncing['since']}", 0)
    table = Table("table", "entity", "rows", "refused", "last sync", "lag", "last try", box=None, pad_edge=False)
    listed = [(source["source"], t) for source in found["sources"] for t in source["tables"]]
    for name, t in listed:
        last = t["last_try"] or {"status": ""}
        table.add_row(
            f"{name}.{t['table']}", t["entity"], f"{t['rows']:,}", f"{t['refused']:,}", t["last_sync"] or "never", _span(t["lag_seconds"]), last["status"]
        )
    console.print(table)
    for name, t in listed:
        if t["last_try"] and t["last_try"]["error"]:
            _said(console, f"{name}.{t['table']}: {t['last_try']['error']}", 0)


def _span(seconds: int | None) -> str:
    """Time since the last sync in its largest unit."""
    if seconds is None:
        return ""
    units = (("d", 86_400), ("h", 3_600), ("min", 60))
    return next((f"{seconds // size} {unit}" for unit, size in units if seconds >= size), f"{seconds} s")
