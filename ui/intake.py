"""What came in and what was refused, as frames for the Sources page. Only for readers who may see everything."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from access.guard import admitted_now
from access.kept import Kept
from metrics.shelf import shelved
from records import database, ledger
from ui import data
from ui.freshness import Age, ages
from ui.view import View
from warehouse import quarantine
from warehouse.contract import columns as contract_columns
from warehouse.errors import NoSnapshot
from warehouse.snapshots import Snapshot

MOST_REFUSED = 5000
HISTORY = 300
Value = TypeVar("Value")


class NotAllowed(PermissionError):
    """The reader may not see rows of all customers, and refused rows belong to none yet."""


@dataclass(frozen=True)
class Intake:
    """The state of all sources.

    sources: one row per source: source, synced_at, age_hours, is_late, rows, refused, tables, failed.
    tables: one row per table: source, table, entity, status, read_at, rows, read, new, changed, deleted, refused, cursor, error.
    failures: of these, those whose last run did not end well. at: the minute as of which sources are late.
    """

    at: dt.datetime
    snapshot: Snapshot | None
    sources: pd.DataFrame
    tables: pd.DataFrame
    failures: pd.DataFrame

    @property
    def n_late(self) -> int:
        return int(self.sources["is_late"].sum())

    @property
    def n_refused(self) -> int:
        return int(self.sources["refused"].sum())


def intake(now: dt.datetime) -> Intake:
    """The newest snapshot and every table's last run, as of this minute. Raises NotAllowed, StoreError."""
    _for_full_scope()
    snapshot, minute = _newest(), now.replace(second=0, microsecond=0)
    return _kept.get(data.directory(), (snapshot and snapshot.id, minute), lambda: _intake(snapshot, minute))


def _intake(snapshot: Snapshot | None, minute: dt.datetime) -> Intake:
    tables, failures = _tables(snapshot)
    return Intake(minute, snapshot, _sources(snapshot, tables, minute), tables, failures)


def _tables(snapshot: Snapshot | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every table's last run, and those that did not end well."""
    runs = _of_ledger(ledger.last_runs, {})
    refused = _refused(data.digest(snapshot.id, admitted_now().scope, None, part="refused"), snapshot) if snapshot else {}
    kept = {(source, table): state for source, known in (snapshot.sources if snapshot else {}).items() for table, state in known["tables"].items()}
    rows = [_table(key, runs.get(key), kept.get(key, {}), refused.get(key, 0)) for key in sorted({*kept, *runs})]
    tables = pd.DataFrame(rows, columns=TABLE_COLUMNS)
    return tables, tables[~tables["status"].isin(("ok", "running"))]


def told(view: View, part: Hashable, make: Callable[[], Value]) -> Value:
    """What `make()` makes of syncs and their tables for this view's language, until the records change; nobody may write to it.

    part: what it is, and on what else it depends.
    """
    _for_full_scope()
    return _kept.get(data.directory(), (part, view.digest), make)


@shelved(20)
def _refused(key: str, snapshot: Snapshot) -> dict[tuple[str, str], int]:
    return quarantine.totals(data.directory(), snapshot)


TABLE_COLUMNS = ("source", "table", "entity", "status", "read_at", "rows", "read", "new", "changed", "deleted", "refused", "cursor", "error")
SOURCE_COLUMNS = ("source", "synced_at", "age_hours", "is_late", "rows", "refused", "tables", "failed")


def _for_full_scope() -> None:
    if not admitted_now().scope.is_full:
        raise NotAllowed("the sources page shows rows of all customers; your role may see a part of them only")


def _newest() -> Snapshot | None:
    try:
        return data.newest()
    except NoSnapshot:
        return None


_kept = Kept(most=200)  # of some minutes and views


def _of_ledger(ask: Callable[..., Value], nothing: Value, *of) -> Value:
    """What the list of syncs answers; `nothing` where there is no such list yet."""
    return ask(database.connect(data.directory()), *of) if database.exists(data.directory()) else nothing


def _table(key: tuple[str, str], run, kept: dict, refused: int) -> dict:
    counted = {name: getattr(run, f"n_{name}") if run else None for name in ("read", "new", "changed", "deleted")}
    entity, status = (run.entity, run.status) if run else (kept.get("entity"), None)
    cursor = kept["cursor"].get("value") if kept.get("cursor") else None
    return {
        "source": key[0], "table": key[1], "entity": entity, "status": status, "read_at": run.finished_at if run else None, "rows": kept.get("rows"), **counted,
        "refused": refused, "cursor": cursor, "error": run.error if run else None,
    }  # fmt: skip


def _sources(snapshot: Snapshot | None, tables: pd.DataFrame, now: dt.datetime) -> pd.DataFrame:
    known = {age.source: age for age in ages(snapshot.sources, snapshot.settings, now)} if snapshot else {}
    rows = [_source(name, part, known.get(name)) for name, part in tables.groupby("source")]
    return pd.DataFrame(rows, columns=SOURCE_COLUMNS).sort_values("age_hours", ascending=False, na_position="first", ignore_index=True)


def _source(name: str, part: pd.DataFrame, age: Age | None) -> dict:
    seen = age is not None and age.synced_at is not None
    return {
        "source": name, "synced_at": age.synced_at if seen else None, "age_hours": age.seconds / 3600 if seen else None, "is_late": age is None or age.is_late,
        "rows": part["rows"].sum(), "refused": part["refused"].sum(), "tables": len(part), "failed": (~part["status"].isin(("ok", "running"))).sum(),
    }  # fmt: skip


def reasons(snapshot: Snapshot) -> pd.DataFrame:
    """How many rows break which rule: source, table, reason, n, most frequent first."""
    _for_full_scope()
    return quarantine.counts(data.directory(), snapshot).to_pandas()


def refused(
    snapshot: Snapshot, source: str, table: str, reason: str | None, said: Callable[[str], str] = str, limit: int = MOST_REFUSED
) -> pd.DataFrame:  # fmt: skip
    """Refused rows of one table, all reasons or one: key, row, reasons (one text, each put into words by `said`), raw, first_seen, last_seen."""
    _for_full_scope()
    rows = quarantine.rows(data.directory(), snapshot, f"{source}.{table}", reason, limit).to_pandas()
    rows["reasons"] = [" · ".join(map(said, found)) for found in rows["reasons"]]
    return rows[["key", "row", "reasons", "raw", "first_seen", "last_seen"]]


def coverage(snapshot: Snapshot) -> pd.DataFrame:
    """Mapping coverage: source, table, column, filled (share of the table's rows that have a value), is_required."""
    _for_full_scope()
    rows = [
        {"source": source, "table": table, "column": column, "filled": state["filled"].get(column, 0) / state["rows"], "is_required": known.required}
        for source, found in snapshot.sources.items()
        for table, state in found["tables"].items()
        if state.get("rows") and "filled" in state
        for column, known in contract_columns(state["entity"]).items()
        if column not in BOOKKEEPING
    ]
    return pd.DataFrame(rows, columns=["source", "table", "column", "filled", "is_required"])


def unmapped(snapshot: Snapshot) -> pd.DataFrame:
    """Columns of the sources that the mapping puts into no field: source, table, column. They go along as `extra`."""
    _for_full_scope()
    rows = [
        {"source": source, "table": table, "column": column}
        for source, found in snapshot.sources.items() for table, state in found["tables"].items() for column in state.get("extras", ())
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["source", "table", "column"])


BOOKKEEPING = {"source", "source_id", "updated_at", "extracted_at", "is_deleted", "load_id", "extra"}


def history() -> pd.DataFrame:
    """What syncs did, newest first: started_at, seconds, run, source, table, mode, status, counts, error."""
    _for_full_scope()
    return _kept.get(data.directory(), "history", lambda: pd.DataFrame([_run(run) for run in _of_ledger(ledger.history, [], HISTORY)]))


def _run(run) -> dict:
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at else None
    counted = {name: getattr(run, f"n_{name}") for name in ("read", "new", "changed", "deleted", "rejected")}
    return {
        "started_at": run.started_at, "seconds": seconds, "run": run.run_id, "source": run.source, "table": run.table, "mode": run.mode, "status": run.status,
        **counted, "error": run.error,
    }  # fmt: skip


def busy() -> dict | None:
    """Who is syncing at this moment: {"pid", "host", "since"}; None if nobody is."""
    from warehouse import locks

    return locks.holder(data.directory()) if data.directory().exists() else None
