"""Reading and writing snapshot rows and sync runs. Knows nothing of Delta; versions are numbers to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.orm import Session

from records.editing import read
from records.models import SnapshotRow, SyncRun


def newest(engine: Engine) -> SnapshotRow | None:
    """The snapshot published last, or None."""
    return _one(engine, select(SnapshotRow).order_by(SnapshotRow.number.desc()).limit(1))


def snapshot(engine: Engine, id: str) -> SnapshotRow | None:
    """The snapshot of this id, or None."""
    return _one(engine, select(SnapshotRow).where(SnapshotRow.id == id))


def _one(engine: Engine, query) -> SnapshotRow | None:
    return next(iter(read(engine, SnapshotRow, query)), None)


def snapshots(engine: Engine) -> list[SnapshotRow]:
    """All snapshots, oldest first."""
    with Session(engine, expire_on_commit=False) as session:
        return list(session.scalars(select(SnapshotRow).order_by(SnapshotRow.number)))


def publish(engine: Engine, row: SnapshotRow | None, runs: dict[int, dict], at: dt.datetime) -> None:
    """The one moment at which a sync becomes visible: its snapshot (None: nothing new) and the end of its runs, together.

    runs: number of a run → its status, error and counts.
    """
    with Session(engine) as session, session.begin():
        for number, values in runs.items():
            session.execute(update(SyncRun).where(SyncRun.number == number).values(**values, finished_at=at))
        if row is not None:
            session.add(row)


def pin(engine: Engine, id: str, is_pinned: bool = True) -> None:
    """Keep a snapshot for ever (a signed audit rests on it), or no longer."""
    with Session(engine) as session, session.begin():
        session.execute(update(SnapshotRow).where(SnapshotRow.id == id).values(is_pinned=is_pinned))


def forget(engine: Engine, ids: Iterable[str]) -> None:
    """Remove snapshot rows; their files go at the next vacuum."""
    with Session(engine) as session, session.begin():
        session.execute(delete(SnapshotRow).where(SnapshotRow.id.in_(list(ids))))


def start(engine: Engine, run: SyncRun) -> int:
    """Note that a table is being read; returns the number of the run."""
    with Session(engine) as session, session.begin():
        session.add(run)
        session.flush()
        return run.number


def abandon(engine: Engine, at: dt.datetime) -> int:
    """Mark runs that never finished as killed. Only the holder of the sync lock may ask; returns how many."""
    with Session(engine) as session, session.begin():
        done = session.execute(
            update(SyncRun).where(SyncRun.status == "running").values(status="killed", error="the program ended before the sync did", finished_at=at)
        )
        return done.rowcount


def last_runs(engine: Engine, status: str | None = None) -> dict[tuple[str, str], SyncRun]:
    """The newest run of every (source, table), of one status or any."""
    newest = select(func.max(SyncRun.number)).group_by(SyncRun.source, SyncRun.table)
    if status:
        newest = newest.where(SyncRun.status == status)
    return {(run.source, run.table): run for run in read(engine, SyncRun, select(SyncRun).where(SyncRun.number.in_(newest)))}


def history(engine: Engine, most: int = 200) -> list[SyncRun]:
    """What syncs did with each table, newest first."""
    return read(engine, SyncRun, select(SyncRun).order_by(SyncRun.number.desc()).limit(most))
