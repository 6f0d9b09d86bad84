"""Snapshots: which version of every table and mart belong together. A reader opens one and sees nothing else."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from records import database, ledger
from records.models import SnapshotRow
from warehouse.errors import NoSnapshot, StoreError

SNAPSHOT_FORMAT = 1  # raised when an older program could misread what a sync publishes


@dataclass(frozen=True)
class Snapshot:
    """One published state of the warehouse."""

    id: str
    created_at: dt.datetime
    format: int
    tables: dict[str, int]  # entity → Delta version
    marts: dict[str, int]  # mart → Delta version
    quarantine: int  # Delta version
    sources: dict[str, dict]  # source → {"last_sync": instant as ISO text, "rows": n, "tables": {table: {…}}}
    settings: dict  # {"calendar": {…}, "metrics": {…}}
    extras: dict[str, list[str]]  # entity → names kept in its `extra` column
    digests: dict[str, str]  # table or mart → what identifies its content


def latest(data: Path, url: str | None = None) -> Snapshot:
    """The newest complete snapshot.

    Raises NoSnapshot when nothing has been published yet; StoreError when a newer program wrote it.
    """
    if not database.exists(data, url):
        raise NoSnapshot(_nothing(data))
    engine = database.connect(data, url)
    row = ledger.newest(engine)
    if row is None:
        raise NoSnapshot(_nothing(data))
    return _read(engine, row)


def snapshot(data: Path, id: str, url: str | None = None) -> Snapshot:
    """The snapshot of this id. Raises NoSnapshot when there is none (it may have expired)."""
    engine = database.connect(data, url) if database.exists(data, url) else None
    row = ledger.snapshot(engine, str(id)) if engine else None
    if row is None:
        raise NoSnapshot(f"no snapshot {id!r} in {data}; those of the last 30 days, month ends of a year and quarter ends are kept")
    return _read(engine, row)


def _nothing(data: Path) -> str:
    return f"nothing has been published in {data} yet; run `python -m connectors sync --sources FILE --data {data}` first"


def _read(engine, row: SnapshotRow) -> Snapshot:
    if row.format > SNAPSHOT_FORMAT:
        raise StoreError(
            f"snapshot {row.id} has format {row.format}; this program knows formats up to {SNAPSHOT_FORMAT}. "
            f"A newer version has written it: upgrade this program, or open an older snapshot by its id."
        )
    values = {name: getattr(row, name) for name in Snapshot.__dataclass_fields__ if name != "sources"}
    return Snapshot(**values, sources=_with_freshness(engine, row.sources))


def _with_freshness(engine, sources: dict[str, dict]) -> dict[str, dict]:
    """A sync that found nothing new publishes nothing, but the source *was* looked at: take the time from its run."""
    runs = ledger.last_runs(engine, status="ok")
    return {name: {**known, "last_sync": _last_sync(name, known, runs)} for name, known in sources.items()}


def _last_sync(name: str, known: dict, runs: dict) -> str | None:
    """A source is as fresh as the table of it that was read longest ago."""
    times = [run.started_at for table in known["tables"] if (run := runs.get((name, table)))]
    return min(times).isoformat() if times else None
