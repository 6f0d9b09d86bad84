"""What a sync notes in the records about each table it reads, from beginning to end."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from connectors.base import Window
from records import database, ledger
from records.models import SnapshotRow, SyncRun
from warehouse.outcome import TableOutcome


class Notes:
    """The runs of one sync. `was_interrupted`: the sync before did not end by itself."""

    def __init__(self, data: Path, run_id: str, now: dt.datetime):
        self.run_id, self.now, self._began = run_id, now, time.monotonic()
        self.records = database.connect(data)
        database.migrate(self.records)
        self.was_interrupted = ledger.abandon(self.records, now) > 0
        self._numbers: dict[str, int] = {}  # origin → number of its run
        self._outcomes: dict[str, TableOutcome] = {}

    def begin(self, outcome: TableOutcome, window: Window | None) -> None:
        """A table is about to be read."""
        start, end = (None if edge is None else str(edge) for edge in ((window.start, window.end) if window else (None, None)))
        run = SyncRun(
            run_id=self.run_id, source=outcome.source, table=outcome.table, entity=outcome.entity, mode=outcome.mode, window_start=start, window_end=end,
            status="running", started_at=self.now,
        )  # fmt: skip
        self._numbers[outcome.origin] = ledger.start(self.records, run)
        self._outcomes[outcome.origin] = outcome

    def publish(self, row: SnapshotRow | None) -> None:
        """Publish a snapshot (None: nothing new) and end the runs, in one transaction."""
        ledger.publish(self.records, row, dict(self._ends()), self._finished_at())

    def fail(self, status: str, error: str) -> None:
        """End the runs without publishing; a table that had failed by itself keeps its own reason."""
        ends = {number: {"status": status, "error": error, **({} if end["status"] == "ok" else end)} for number, end in self._ends()}
        with suppress(Exception):  # the disk may be full; the next sync marks these runs as killed
            ledger.publish(self.records, None, ends, self._finished_at())

    def _finished_at(self) -> dt.datetime:
        """`now` stands for the moment the sync began; it goes on from there."""
        return self.now + dt.timedelta(seconds=time.monotonic() - self._began)

    def _ends(self) -> Iterable[tuple[int, dict]]:
        for origin, number in self._numbers.items():
            outcome = self._outcomes[origin]
            yield number, {"status": outcome.status, "error": outcome.error, **{f"n_{name}": n for name, n in outcome.counts.items()}}
