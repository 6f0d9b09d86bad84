"""Tables of the records database: published snapshots, and what every sync did."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, Boolean, DateTime, Integer, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Instant(TypeDecorator):
    """An instant in UTC; databases without zones (SQLite) store it naive and get it back aware."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no zone; records keep instants in UTC")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value, dialect):
        return value if value is None else value.replace(tzinfo=value.tzinfo or dt.UTC)


class Base(DeclarativeBase):
    """Every table of the records database derives from this, so that Alembic sees them all."""


class SnapshotRow(Base):
    """One published state of the whole warehouse. Rows are added by a sync and never changed, except `is_pinned`."""

    __tablename__ = "snapshots"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)  # order of publication
    id: Mapped[str] = mapped_column(String(40), unique=True)  # also the load_id of the rows this sync changed
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    format: Mapped[int] = mapped_column(Integer)
    tables: Mapped[dict] = mapped_column(JSON)  # entity → Delta version
    marts: Mapped[dict] = mapped_column(JSON)  # mart → Delta version
    quarantine: Mapped[int] = mapped_column(Integer)  # Delta version
    sources: Mapped[dict] = mapped_column(JSON)  # source → {"tables": {table: rows, cursor, digest, …}}
    settings: Mapped[dict] = mapped_column(JSON)  # {"calendar": …, "metrics": …}
    extras: Mapped[dict] = mapped_column(JSON)  # entity → names of columns kept in `extra`
    digests: Mapped[dict] = mapped_column(JSON)  # table or mart → digest of its files
    is_pinned: Mapped[bool] = mapped_column(Boolean, default=False)  # a signed audit rests on it: kept for ever


class SyncRun(Base):
    """What one sync did with one table of one source."""

    __tablename__ = "sync_runs"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(String(40), index=True)  # the sync; the snapshot's id if it published one
    source: Mapped[str] = mapped_column(String(200))
    table: Mapped[str] = mapped_column("table_name", String(200))
    entity: Mapped[str] = mapped_column(String(60))
    mode: Mapped[str] = mapped_column(String(20))  # "full" or "window"
    window_start: Mapped[str | None] = mapped_column(Text)
    window_end: Mapped[str | None] = mapped_column(Text)
    n_read: Mapped[int] = mapped_column(Integer, default=0)
    n_new: Mapped[int] = mapped_column(Integer, default=0)
    n_changed: Mapped[int] = mapped_column(Integer, default=0)
    n_deleted: Mapped[int] = mapped_column(Integer, default=0)
    n_rejected: Mapped[int] = mapped_column(Integer, default=0)
    n_folded: Mapped[int] = mapped_column(Integer, default=0)  # duplicates of a row of the same read
    status: Mapped[str] = mapped_column(String(20))  # running | ok | refused | failed | stopped | killed
    error: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[dt.datetime] = mapped_column(Instant)
    finished_at: Mapped[dt.datetime | None] = mapped_column(Instant)
