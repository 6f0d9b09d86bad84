"""A sync: read what is new, check it, merge it, rebuild the marts, and publish everything at once.

    read → immutable load package → mapping and validation → one merge per entity → marts → snapshot row (with the cursors)

Until the snapshot row is committed, readers see the snapshot before, whatever happens. A table that cannot be read or would
lose too much keeps its last good version; the others are published. The first sync publishes only if every table is good.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from connectors import open_connector
from connectors.base import Cancelled, Connector, SourceError
from connectors.mapping import Mapper
from connectors.sources import Source, Sources, Table
from records import database, ledger
from records.models import SnapshotRow, SyncRun
from warehouse import contract, loads, marts, merge, packages, quarantine, retention, scratch, store
from warehouse.errors import StoreError, translated
from warehouse.guard import Filled
from warehouse.loads import Load
from warehouse.locks import held
from warehouse.outcome import Outcome, Progress, Step, TableOutcome, silent
from warehouse.plans import Plan
from warehouse.snapshots import SNAPSHOT_FORMAT, NoSnapshot, Snapshot, latest

PACKAGES = "packages"


def sync(
    sources: Sources,
    data: Path,
    only: Iterable[str] | None = None,
    full: bool = False,
    now: dt.datetime | None = None,
    progress: Progress | None = None,
    *,
    accept_loss: Iterable[str] = (),
    cancel: threading.Event | None = None,
    connect: Callable[[Source], Connector] | None = None,
) -> Outcome:
    """Bring a data directory up to date with its sources and publish a snapshot.

    only: sources ("erp") or tables ("erp.invoices") to read; None is all. full: read tables whole, also incremental ones.
    now: the time that counts as now. accept_loss: tables ("erp.invoices") that may lose any share of rows or values.
    cancel: set it to stop; nothing is published then. connect: opens a source; by default `connectors.open_connector`.

    Raises StoreError if the data directory cannot be used (another sync holds it, a full disk, a damaged table),
    SourceError if `only` or `accept_loss` names nothing, Cancelled when asked to stop.
    """
    data, now = Path(data), now or dt.datetime.now(dt.UTC)
    data.mkdir(parents=True, exist_ok=True)
    with held(data, now), ExitStack() as stack:
        opened = connect or (lambda source: open_connector(source, sources.calendar.timezone))
        run = _Sync(sources, data, now, progress or silent, cancel or threading.Event(), stack, opened)
        return run.go(_chosen(sources, only), full, _named(sources, accept_loss, run.state))


def _chosen(sources: Sources, only: Iterable[str] | None) -> list[tuple[Source, Table]]:
    declared = [(source, table) for source in sources.sources.values() for table in source.tables.values()]
    if only is None:
        return declared
    wanted = set(only)
    known = set(sources.sources) | {f"{s.name}.{t.name}" for s, t in declared}
    if unknown := wanted - known:
        raise SourceError(f"--only {', '.join(sorted(unknown))}: the sources file has no such source or table; it has {', '.join(sorted(known))}")
    return [(s, t) for s, t in declared if {s.name, f"{s.name}.{t.name}"} & wanted]


def _named(sources: Sources, accept_loss: Iterable[str], state: dict[str, dict]) -> frozenset[str]:
    known = {f"{s.name}.{t}" for s in sources.sources.values() for t in s.tables} | set(state)
    if unknown := set(accept_loss) - known:
        raise SourceError(f"--accept-loss {', '.join(sorted(unknown))}: no such table; write one of {', '.join(sorted(known))}")
    return frozenset(accept_loss)


class _Sync:
    """One run. `state` is what the last snapshot knows about each table: rows, filled values, cursor, digest."""

    def __init__(self, sources: Sources, data: Path, now: dt.datetime, progress: Progress, cancel, stack: ExitStack, connect):
        self.sources, self.data, self.now, self.progress, self.cancel, self.stack, self.connect = sources, data, now, progress, cancel, stack, connect
        self.id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
        self.stamp = merge.Stamp(self.id, now)
        self.records = database.connect(data)
        database.migrate(self.records)
        self.was_interrupted = ledger.abandon(self.records, now) > 0
        shutil.rmtree(data / PACKAGES, ignore_errors=True)
        self.folder = data / PACKAGES / self.id
        self.before = _before(data)
        self.state = {f"{s}.{t}": kept for s, known in (self.before.sources if self.before else {}).items() for t, kept in known["tables"].items()}
        self.outcomes: dict[str, TableOutcome] = {}
        self.runs: dict[str, int] = {}  # origin → number in the ledger
        self.loads: list[Load] = []
        self.mappers: dict[str, Mapper] = {}
        self.connectors: dict[str, Connector] = {}
        self.fresh: dict[str, dict] = {}  # origin → state after this sync
        self.versions: dict[str, int] = {}

    def go(self, chosen: list[tuple[Source, Table]], full: bool, accepted: frozenset[str]) -> Outcome:
        """The whole way, and a note in the ledger of how it ended, whichever way that was."""
        try:
            with translated(self.data, "sync"):
                self._prepare()
                self._read(chosen, full)
                self._forget_undeclared(accepted)
                self._merge(accepted)
                return self._publish()
        except (Cancelled, KeyboardInterrupt):
            self._close_runs("stopped", "stopped before it was published")
            raise
        except BaseException as error:
            self._close_runs("failed", str(error))
            with suppress(Exception):  # whatever it was, it is told; what is left over goes after the next sync
                retention.tidy(self.data)
            raise
        finally:
            self.stack.close()
            shutil.rmtree(self.data / PACKAGES, ignore_errors=True)

    def passed(self, point: str) -> None:
        """A moment between two steps: the place to stop when asked, and for the crash tests to die at."""
        if os.environ.get("RAPPORT_FAIL_AT") == point:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.cancel.is_set():
            raise Cancelled("the sync was stopped; nothing was published")

    # --- before reading -------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Tables exist, and hold what the last snapshot says, whatever an interrupted sync left in them."""
        self.folder.mkdir(parents=True)
        self.con = self.stack.enter_context(closing(scratch.connect(self.folder / "spill")))
        wanted = {**self.before.tables, store.QUARANTINE: self.before.quarantine} if self.before else {}
        for name in (*contract.ENTITIES, store.QUARANTINE):
            is_lost = name in wanted and not store.exists(self.data, name)
            newest = store.ensure(self.data, name, quarantine.SCHEMA if name == store.QUARANTINE else store.stored_schema(name))
            self.versions[name] = newest if is_lost else wanted.get(name, newest)
            if is_lost:
                self._read_anew(name)
            else:
                self._restore(name, wanted.get(name), newest)
        if self.was_interrupted:
            retention.tidy(self.data)
        self.passed("prepared")

    def _restore(self, name: str, version: int | None, newest: int) -> None:
        if version is None:
            store.empty(self.data, name)
            self.versions[name] = store.delta(self.data, name).version()
            return
        if store.digest(self.data, name, version) != self.before.digests.get(name):
            raise StoreError(
                f"table {name!r} in {store.folder(self.data, name)} is not what snapshot {self.before.id} was published with: it has been changed "
                f"from outside. Restore that folder from a backup; or move it away and sync again with --full."
            )
        if newest != version:
            store.rewind(self.data, name, version)

    def _read_anew(self, entity: str) -> None:
        """A table whose folder was moved away is built from its sources: nothing is known of it any more."""
        for origin in [o for o, kept in self.state.items() if kept["entity"] == entity or entity == store.QUARANTINE]:
            kept = self.state[origin]
            self.state[origin] = {**kept, "digest": None, "cursor": None} | ({} if entity == store.QUARANTINE else {"rows": 0, "filled": {}})

    # --- reading --------------------------------------------------------------------------------------------------------

    def _read(self, chosen: list[tuple[Source, Table]], full: bool) -> None:
        self.progress(Step("plan", "", len(chosen), len(chosen)))
        for source, table in chosen:
            self._read_one(source, table, full)
        self.passed("read")

    def _read_one(self, source: Source, table: Table, full: bool) -> None:
        """Read one table into a package; what keeps it from being read is noted, and the next one is read."""
        plan = Plan(self.sources, source, table, self.state.get(f"{source.name}.{table.name}", {}), full=full, now=self.now)
        outcome = self.outcomes[plan.origin] = TableOutcome(source.name, table.name, plan.entity, plan.mode)
        self._open_run(outcome, plan)
        try:
            reading = packages.Reading(self._connector(source), source, table, set(self.sources.sources), self.zone, self.cancel)
            package = self._collect(reading, plan)
        except SourceError as error:
            outcome.status, outcome.error = "failed", str(error)
            return
        outcome.counts["read"] = package.n_read
        load = Load(package, len(self.loads), last_wins=bool(table.incremental), sweeps=table.deletes != "never")
        self.mappers[plan.origin] = reading.mapper()
        self.loads.append(load)
        self.fresh[plan.origin] = plan.state_after(package)
        self.passed(f"read:{plan.origin}")

    def _collect(self, reading: packages.Reading, plan: Plan) -> packages.Package:
        package = reading.rows(self.folder / plan.origin, plan.window, lambda n: self.progress(Step("read", plan.origin, n, plan.expected)))
        if plan.window is not None and plan.table.deletes == "sweep":
            reading.keys(package)
        if plan.table.deletes == "tombstone" and plan.table.tombstones:
            reading.gone(package)
        packages.seal(package)
        self.progress(Step("read", plan.origin, package.n_read, package.n_read))
        return package

    def _connector(self, source: Source) -> Connector:
        if source.name not in self.connectors:
            self.connectors[source.name] = self.connect(source)
            self.stack.callback(self.connectors[source.name].close)
        return self.connectors[source.name]

    @property
    def zone(self) -> str:
        return self.sources.calendar.timezone

    def _forget_undeclared(self, accepted: frozenset[str]) -> None:
        """A table that the sources file no longer names keeps its rows until somebody says that they may go."""
        declared = {f"{s.name}.{t}" for s in self.sources.sources.values() for t in s.tables}
        self.undeclared = [origin for origin in self.state if origin not in declared]
        for origin in [o for o in self.undeclared if o in accepted]:
            source, _, table = origin.partition(".")
            package = packages.nothing(source, table, self.state[origin]["entity"], self.folder / origin)
            self.loads.append(Load(package, len(self.loads), last_wins=False, sweeps=True))
            self.outcomes[origin] = TableOutcome(source, table, package.entity, "full")
            self.fresh[origin] = {}

    # --- merging --------------------------------------------------------------------------------------------------------

    def _merge(self, accepted: frozenset[str]) -> None:
        for load in self.loads:
            self.progress(Step("check", load.origin, load.package.n_read, load.package.n_read))
            loads.validated(self.con, load)
        for entity in dict.fromkeys(load.entity for load in self.loads):
            incoming = [load for load in self.loads if load.entity == entity]
            self.progress(Step("store", entity))
            self._merge_one(entity, incoming, accepted)
            self.passed(f"merged:{entity}")
        admitted = [load for load in self.loads if self.outcomes[load.origin].status == "ok"]
        version = quarantine.update(self.con, self.data, admitted, self.mappers, self.stamp)
        self.versions[store.QUARANTINE] = self._kept(store.QUARANTINE, version)
        self.passed("quarantined")

    def _merge_one(self, entity: str, incoming: list[Load], accepted: frozenset[str]) -> None:
        before = {load.origin: self._filled(load.origin) for load in incoming}
        origins = {o for o, kept in self.state.items() if kept["entity"] == entity} | set(before)
        done = merge.merge(self.con, self.data, entity, incoming, before, self.stamp, accepted, many=len(origins) > 1)
        self.versions[entity] = self._kept(entity, done.version)
        for load in incoming:
            outcome = self.outcomes[load.origin]
            if load.origin in done.refused:
                outcome.status, outcome.error = "refused", "\n".join(done.refused[load.origin])
                self.fresh.pop(load.origin)
            elif self.fresh[load.origin]:
                filled = done.filled[load.origin]
                self.fresh[load.origin] |= {"rows": filled.rows, "filled": filled.values}
            outcome.counts |= load.counts

    def _filled(self, origin: str) -> Filled:
        kept = self.state.get(origin, {})
        return Filled(kept.get("rows", 0), dict(kept.get("filled", {})))

    def _kept(self, name: str, version: int) -> int:
        """The version published before, where this one holds the same files."""
        was = self.before and {**self.before.tables, store.QUARANTINE: self.before.quarantine}.get(name)
        if was is None or self.versions[name] != was or store.digest(self.data, name, version) != store.digest(self.data, name, was):
            return version
        return was

    # --- publishing -----------------------------------------------------------------------------------------------------

    def _publish(self) -> Outcome:
        if self.before is None and not all(o.status == "ok" for o in self.outcomes.values()):
            self._close_runs("held back", "the first sync publishes nothing unless every table is good")
            return self._outcome(None, is_published=False)
        row = self._row()
        self.passed("before publishing")
        is_new = self.before is None or _published(row) != _published(self.before)
        ledger.publish(self.records, row if is_new else None, self._finished(), self.now)
        self.passed("published")
        if is_new:
            retention.expire(self.data, self.now)
        return self._outcome(self.id if is_new else self.before.id, is_published=is_new)

    def _row(self) -> SnapshotRow:
        tables = {name: version for name, version in self.versions.items() if name != store.QUARANTINE}
        settings = {"calendar": self.sources.calendar.model_dump(mode="json"), "metrics": self.sources.metrics}
        sources, extras = self._states(), {}
        for known in sources.values():
            for kept in known["tables"].values():
                extras[kept["entity"]] = sorted({*extras.get(kept["entity"], ()), *kept["extras"]})
        built = self._marts(tables, settings, extras)
        digests = {name: self._digest(name, version) for name, version in {**self.versions, **built}.items()}
        return SnapshotRow(
            id=self.id, created_at=self.now, format=SNAPSHOT_FORMAT, tables=tables, marts=built, quarantine=self.versions[store.QUARANTINE],
            sources=sources, settings=settings, extras=extras, digests=digests, is_pinned=False,
        )  # fmt: skip

    def _digest(self, name: str, version: int) -> str:
        was = self.before and {**self.before.tables, **self.before.marts, store.QUARANTINE: self.before.quarantine}.get(name)
        return self.before.digests[name] if was == version and name in self.before.digests else store.digest(self.data, name, version)

    def _marts(self, tables: dict[str, int], settings: dict, extras: dict[str, list[str]]) -> dict[str, int]:
        def write(name, reader):
            version = store.write(self.data, name, reader)
            self.passed(f"mart:{name}")
            return version

        previous = {n: v for n, v in (self.before.marts if self.before else {}).items() if store.exists(self.data, n)}
        return marts.rebuild(self.data, tables, settings, extras, previous, write, lambda name: self.progress(Step("marts", name)))

    def _states(self) -> dict[str, dict]:
        """source → its tables and living rows, as the snapshot keeps them."""
        merged = {origin: kept for origin, kept in {**self.state, **self.fresh}.items() if kept}
        sources: dict[str, dict] = {}
        for origin, kept in sorted(merged.items()):
            source, _, table = origin.partition(".")
            sources.setdefault(source, {"rows": 0, "tables": {}})["tables"][table] = kept
            sources[source]["rows"] += kept["rows"]
        return sources

    def _outcome(self, snapshot: str | None, is_published: bool) -> Outcome:
        kept = [o for o in self.undeclared if o in self.state and o not in self.fresh]
        warnings = tuple(
            f"the sources file no longer names {o}; its {self.state[o]['rows']:,} rows are kept. To remove them, sync with --accept-loss {o}." for o in kept
        )
        return Outcome(snapshot, is_published, tuple(self.outcomes.values()), warnings)

    # --- the ledger -----------------------------------------------------------------------------------------------------

    def _open_run(self, outcome: TableOutcome, plan: Plan) -> None:
        edges = (plan.window.start, plan.window.end) if plan.window else (None, None)
        start, end = (None if edge is None else str(edge) for edge in edges)
        run = SyncRun(
            run_id=self.id, source=outcome.source, table=outcome.table, entity=outcome.entity, mode=outcome.mode, window_start=start, window_end=end,
            status="running", started_at=self.now,
        )  # fmt: skip
        self.runs[outcome.origin] = ledger.start(self.records, run)

    def _finished(self) -> dict[int, dict]:
        """run number → what the ledger should say of it."""
        return {
            self.runs[o]: {"status": t.status, "error": t.error, **{f"n_{k}": n for k, n in t.counts.items()}}
            for o, t in self.outcomes.items()
            if o in self.runs
        }

    def _close_runs(self, status: str, error: str) -> None:
        ends = {number: {"status": status, "error": error, **({} if end["status"] == "ok" else end)} for number, end in self._finished().items()}
        with suppress(Exception):  # the disk may be full; the next sync marks these runs as killed
            ledger.publish(self.records, None, ends, self.now)


def _before(data: Path) -> Snapshot | None:
    with suppress(NoSnapshot):
        return latest(data)
    return None


def _published(snapshot: SnapshotRow | Snapshot) -> tuple:
    """What makes two snapshots different to a reader or to the next sync."""
    sources = {name: {"rows": known["rows"], "tables": known["tables"]} for name, known in snapshot.sources.items()}
    plain = (snapshot.tables, snapshot.marts, snapshot.quarantine, snapshot.settings, snapshot.extras, sources)
    return json.loads(json.dumps(plain, default=str))
