"""What is known about a data directory: the snapshot in force, how fresh each source is, what went wrong, what was refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from records import database, ledger
from records.models import SyncRun
from warehouse import locks, quarantine
from warehouse.outcome import COUNTS
from warehouse.snapshots import NoSnapshot, Snapshot, latest


def status(data: Path, now: dt.datetime | None = None) -> dict:
    """The state of a data directory as plain values; the form of `python -m connectors status --json` (docs/warehouse.md).

    Raises StoreError if the records cannot be read.
    """
    data, now = Path(data), now or dt.datetime.now(dt.UTC)
    snapshot = _latest(data)
    records = database.connect(data) if database.exists(data) else None
    runs = ledger.last_runs(records) if records else {}
    good = ledger.last_runs(records, status="ok") if records else {}
    return {
        "data": str(data),
        "snapshot": snapshot and {"id": snapshot.id, "created_at": snapshot.created_at.isoformat(), "format": snapshot.format},
        "syncing": locks.holder(data),
        "sources": _sources(data, snapshot, runs, good, now),
    }


def _latest(data: Path) -> Snapshot | None:
    try:
        return latest(data)
    except NoSnapshot:
        return None


def _sources(data: Path, snapshot: Snapshot | None, runs: dict, good: dict, now: dt.datetime) -> list[dict]:
    known = {(source, table): kept for source, of in (snapshot.sources if snapshot else {}).items() for table, kept in of["tables"].items()}
    refused = quarantine.totals(data, snapshot) if snapshot else {}
    tables: dict[str, list[dict]] = {}
    for place in sorted({*known, *runs}):
        tables.setdefault(place[0], []).append(_table(place, known.get(place, {}), runs.get(place), good.get(place), refused.get(place, 0), now))
    return [_source(name, listed) for name, listed in tables.items()]


def _source(name: str, tables: list[dict]) -> dict:
    """A source is as fresh as the table of it that was read longest ago."""
    times = [table["last_sync"] for table in tables]
    return {
        "source": name,
        "last_sync": min(times) if all(times) else None,
        "lag_seconds": max(table["lag_seconds"] for table in tables) if all(times) else None,
        "rows": sum(table["rows"] for table in tables),
        "refused": sum(table["refused"] for table in tables),
        "tables": tables,
    }


def _table(place: tuple[str, str], kept: dict, last: SyncRun | None, good: SyncRun | None, refused: int, now: dt.datetime) -> dict:
    return {
        "table": place[1],
        "entity": kept.get("entity") or last.entity,
        "rows": kept.get("rows", 0),
        "refused": refused,
        "cursor": kept.get("cursor") and kept["cursor"]["value"],
        "last_sync": good and good.started_at.isoformat(),
        "lag_seconds": good and int((now - good.started_at).total_seconds()),
        "last_try": last and _run(last),
    }


def _run(run: SyncRun) -> dict:
    counted = {name: getattr(run, f"n_{name}") for name in COUNTS}
    return {"at": run.started_at.isoformat(), "mode": run.mode, "status": run.status, "error": run.error, **counted}
