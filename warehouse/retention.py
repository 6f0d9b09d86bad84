"""Which snapshots are kept, and the removal of files that no kept snapshot names, and of log entries past their time.

Kept are all of the last 30 days, the last one of each month for a year, the last one of each quarter for ever, and those a
signed audit rests on (`records.ledger.pin`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from records import database, journal, ledger
from records.models import SnapshotRow
from warehouse import store

DAYS = dt.timedelta(days=30)  # every snapshot
YEAR = dt.timedelta(days=366)  # the last one of a month
DAY = dt.timedelta(days=1)  # log entries go a day late: the clock of the database, which guards them, may be behind


def kept(snapshots: list[SnapshotRow], now: dt.datetime) -> set[str]:
    """Ids of the snapshots to keep; the newest one always is. snapshots: oldest first."""
    monthly = {(s.created_at.year, s.created_at.month): s for s in snapshots}
    quarterly = {(s.created_at.year, (s.created_at.month - 1) // 3): s for s in snapshots}
    return {
        *(s.id for s in snapshots if now - s.created_at <= DAYS or s.is_pinned),
        *(s.id for s in monthly.values() if now - s.created_at <= YEAR),
        *(s.id for s in quarterly.values()),
        *(s.id for s in snapshots[-1:]),
    }


def expire(data: Path, now: dt.datetime) -> list[str]:
    """Forget the snapshots that are past their time and vacuum, if there are any; returns their ids. Needs the sync lock.

    Entries of the access log that are past theirs (setting access_log_days) are removed as well.
    """
    records = database.connect(data)
    journal.purge(records, min(now, dt.datetime.now(dt.UTC)) - DAY)
    snapshots = ledger.snapshots(records)
    keep = kept(snapshots, now)
    gone = [s.id for s in snapshots if s.id not in keep]
    if gone:
        ledger.forget(records, gone)
        vacuum(data, [s for s in snapshots if s.id in keep])
    return gone


def vacuum(data: Path, keep: Iterable[SnapshotRow]) -> list[Path]:
    """Delete the files of every table and mart that no snapshot of `keep` names, and those of syncs that did not end.

    Returns what was deleted. Needs the sync lock.
    """
    keep = list(keep)
    unnamed = [path for name in _stored(data) for path in _unnamed(data, name, keep)]
    for path in unnamed:
        path.unlink(missing_ok=True)
    return unnamed


def _unnamed(data: Path, name: str, keep: list[SnapshotRow]) -> list[Path]:
    versions = sorted({v for s in keep if (v := {**s.tables, **s.marts, store.QUARANTINE: s.quarantine}.get(name)) is not None})
    table = store.delta(data, name)
    what = {"keep_versions": versions or [table.version()], "full": True, "dry_run": True}
    return [store.folder(data, name) / path for path in table.vacuum(retention_hours=0, enforce_retention_duration=False, **what)]


def tidy(data: Path) -> list[Path]:
    """Delete what an interrupted sync has written and nobody will read. Needs the sync lock."""
    return vacuum(data, ledger.snapshots(database.connect(data)))


def _stored(data: Path) -> list[str]:
    folders = [*(data / "tables").glob("*"), *(data / "marts").glob("*"), data / store.QUARANTINE]
    return [folder.name for folder in folders if store.exists(data, folder.name)]
