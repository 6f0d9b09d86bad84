"""A sync: read what is new, check it, merge it, rebuild the marts, and publish everything at once.

    read → immutable load package → mapping and validation → one merge per entity → marts → snapshot row (with the cursors)

Until the snapshot row is committed, readers see the snapshot before, whatever happens. A table that cannot be read or would
lose too much keeps its last good version; the others are published. The first sync publishes only if every table is good.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from connectors import open_connector
from connectors.base import Cancelled, Connector, SourceError
from connectors.mapping import Mapper
from connectors.sources import Source, Sources, Table
from records import identities, settings
from warehouse import links, loads, marts, merge, packages, plans, publishing, quarantine, retention, scratch, store
from warehouse.base import Base
from warehouse.errors import INTERRUPTED, StoreError, translated
from warehouse.loads import Load
from warehouse.locks import held
from warehouse.notes import Notes
from warehouse.outcome import Outcome, Progress, Step, TableOutcome, silent
from warehouse.plans import Plan

PACKAGES = "packages"
SET_IN_APP = "This was set in the app: mend it there, under Settings."
SET_IN_FILE = "Mend it in the sources file and sync again."


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
        return run.go(plans.chosen(sources, only), full, plans.named(sources, accept_loss, run.base.state))


class _Sync:
    """One run."""

    def __init__(self, sources: Sources, data: Path, now: dt.datetime, progress: Progress, cancel, stack: ExitStack, connect):
        self.sources, self.data, self.now, self.progress, self.cancel, self.stack, self.connect = sources, data, now, progress, cancel, stack, connect
        self.id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
        self.folder = data / PACKAGES / self.id
        self.notes = Notes(data, self.id, now)
        self.base = Base(data)
        self.outcomes: dict[str, TableOutcome] = {}  # by origin: "source.table"
        self.loads: list[Load] = []
        self.mappers: dict[str, Mapper] = {}
        self.connectors: dict[str, Connector] = {}
        self.told: Mapping = {}
        self.in_force: Mapping = {}
        self.unlinked: str | None = None  # why customers are those of the snapshot before
        self.fresh: dict[str, dict] = {}  # origin → what the next sync has to know; {} for a table that is gone

    def go(self, chosen: list[tuple[Source, Table]], full: bool, accepted: frozenset[str]) -> Outcome:
        """The whole way, and a note in the records of how it ended, whichever way that was."""
        try:
            with translated(self.data, "sync"):
                self._prepare()
                self._read(chosen, full)
                self._drop_undeclared(accepted)
                self._merge(accepted)
                return self._publish()
        except BaseException as error:
            self._end(error)
            raise
        finally:
            self.stack.close()
            shutil.rmtree(self.data / PACKAGES, ignore_errors=True)

    def _end(self, error: BaseException) -> None:
        """Note how the sync failed, and remove what it has written. A stop of whatever kind becomes Cancelled."""
        is_stop = self.cancel.is_set() or isinstance(error, (Cancelled, KeyboardInterrupt)) or str(error) == INTERRUPTED
        self.notes.fail("stopped" if is_stop else "failed", "stopped before it was published" if is_stop else str(error))
        with suppress(Exception):  # the error itself is told; leftovers go after the next sync
            retention.tidy(self.data)
        if is_stop:
            raise Cancelled("the sync was stopped; nothing was published") from error

    def _passed(self, point: str) -> None:
        """A moment between two steps: the place to stop when asked, and for the crash tests to die at."""
        _die(point)
        if self.cancel.is_set():
            raise Cancelled("the sync was stopped; nothing was published")

    def _prepare(self) -> None:
        shutil.rmtree(self.data / PACKAGES, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.con = self.stack.enter_context(closing(scratch.connect(self.folder / "spill")))
        self.base.restore()
        if self.notes.was_interrupted:
            retention.tidy(self.data)
        self._settle()
        self._passed("prepared")

    def _settle(self) -> None:
        """Which settings the snapshot will have, and those that marts are built by. What cannot be in them is said before anything is read."""
        risk = settings.get(self.notes.records, settings.RISK)
        self.told = publishing.settings(self.sources, risk)
        self.in_force = settings.with_risk(self.told, risk)
        try:
            marts.checked(self.in_force)
        except ValueError as error:
            raise StoreError(f"{error}. {SET_IN_APP if risk else SET_IN_FILE} Nothing was read; the last snapshot stays in force.") from error

    # --- reading --------------------------------------------------------------------------------------------------------

    def _read(self, chosen: list[tuple[Source, Table]], full: bool) -> None:
        self.progress(Step("plan", "", len(chosen), len(chosen)))
        for source, table in chosen:
            kept = self.base.state.get(f"{source.name}.{table.name}", {})
            self._read_one(Plan(self.sources, source, table, kept, full=full, now=self.now))
        self._passed("read")

    def _read_one(self, plan: Plan) -> None:
        """Read one table into a package; what keeps it from being read is noted, and the next one is read."""
        source, table = plan.source, plan.table
        outcome = self.outcomes[plan.origin] = TableOutcome(source.name, table.name, plan.entity, plan.mode)
        self.notes.begin(outcome, plan.window)
        try:
            reading = packages.Reading(self._connector(source), source, table, set(self.sources.sources), self.sources.calendar.timezone, self.cancel)
            package = self._collect(reading, plan)
        except SourceError as error:
            outcome.status, outcome.error = "failed", str(error)
            return
        outcome.counts["read"] = package.n_read
        self.mappers[plan.origin] = reading.mapper()
        self.loads.append(Load(package, len(self.loads), last_wins=bool(table.incremental), sweeps=table.deletes != "never"))
        self.fresh[plan.origin] = plan.state_after(package)
        self._passed(f"read:{plan.origin}")

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

    def _drop_undeclared(self, accepted: frozenset[str]) -> None:
        """A table that the sources file no longer names keeps its rows until somebody says that they may go."""
        for origin in plans.undeclared(self.sources, self.base.state):
            if origin in accepted:
                source, _, table = origin.partition(".")
                package = packages.nothing(source, table, self.base.state[origin]["entity"], self.folder / origin)
                self.loads.append(Load(package, len(self.loads), last_wins=False, sweeps=True))
                self.outcomes[origin] = TableOutcome(source, table, package.entity, "full")
                self.fresh[origin] = {}

    # --- merging --------------------------------------------------------------------------------------------------------

    def _merge(self, accepted: frozenset[str]) -> None:
        for load in self.loads:
            self.progress(Step("check", load.origin, load.package.n_read, load.package.n_read))
            loads.validated(self.con, load)
        for entity in dict.fromkeys(load.entity for load in self.loads):
            self.progress(Step("store", entity))
            self._merge_one(entity, [load for load in self.loads if load.entity == entity], accepted)
            self._passed(f"merged:{entity}")
        admitted = [load for load in self.loads if self.outcomes[load.origin].status == "ok"]
        self.base.moved(store.QUARANTINE, quarantine.update(self.con, self.data, admitted, self.mappers, self.stamp))
        self.con.close()  # its memory is free for the marts
        self._passed("quarantined")

    @property
    def stamp(self) -> merge.Stamp:
        return merge.Stamp(self.id, self.now)

    def _merge_one(self, entity: str, incoming: list[Load], accepted: frozenset[str]) -> None:
        before = {load.origin: self.base.filled(load.origin) for load in incoming}
        origins = {origin for origin, kept in self.base.state.items() if kept["entity"] == entity} | set(before)
        done = merge.merge(self.con, self.data, entity, incoming, before, self.stamp, accepted, many=len(origins) > 1)
        self.base.moved(entity, done.version)
        for load in incoming:
            outcome = self.outcomes[load.origin]
            outcome.counts |= load.counts
            if load.origin in done.refused:
                outcome.status, outcome.error = "refused", "\n".join(done.refused[load.origin])
                del self.fresh[load.origin]
            elif self.fresh[load.origin]:
                filled = done.filled[load.origin]
                self.fresh[load.origin] |= {"rows": filled.rows, "filled": filled.values}

    # --- publishing -----------------------------------------------------------------------------------------------------

    def _publish(self) -> Outcome:
        before = self.base.snapshot
        if before is None and not all(outcome.status == "ok" for outcome in self.outcomes.values()):
            self.notes.fail("held back", "the first sync publishes nothing unless every table is good")
            return self._outcome(None, False)
        state = self.base.state | self.fresh
        told_apart = self._identity(state)
        built = self._marts(self.in_force, publishing.extras(state), told_apart)
        row = publishing.row(self.base, self.id, self.now, self.told, state, told_apart | built)
        is_new = publishing.is_new(row, before)
        self._passed("before publishing")
        self.notes.publish(row if is_new else None)
        _die("published")
        return self._outcome(self.id if is_new else before.id, is_new, self._expire() if is_new else ())

    def _identity(self, state: dict[str, dict]) -> dict[str, int]:
        """The tables that say which records are one customer; none where nobody wants to know."""
        if not links.is_wanted(self.sources.identity, state):
            return {}
        told = lambda: self.progress(Step("marts", "identity"))  # noqa: E731
        found = links.linked(self.base, self.sources.identity, identities.in_force(self.notes.records), self.folder / "spill", told)
        self.unlinked = found.warning
        self._passed("identity")
        return found.versions

    def _marts(self, settings: Mapping, extras: dict[str, list[str]], told_apart: dict[str, int]) -> dict[str, int]:
        def write(name, rows):
            version = store.write(self.data, name, rows, is_looked_up=marts.MARTS[name].is_looked_up)
            self._passed(f"mart:{name}")
            return version

        tables = {name: version for name, version in self.base.versions.items() if name != store.QUARANTINE} | told_apart
        previous = {name: version for name in marts.MARTS if (version := self.base.published(name)) is not None and store.exists(self.data, name)}
        told = lambda name: self.progress(Step("marts", name))  # noqa: E731
        return marts.rebuild(self.data, tables, settings, extras, previous, write, told)

    def _expire(self) -> tuple[str, ...]:
        """Old snapshots go; if that fails, what has been published stays published."""
        try:
            retention.expire(self.data, self.now)
        except Exception as error:
            return (f"snapshots past their time could not be removed: {error}",)
        return ()

    def _outcome(self, snapshot: str | None, is_published: bool, further: tuple[str, ...] = ()) -> Outcome:
        return Outcome(snapshot, is_published, tuple(self.outcomes.values()), (*self._warnings(), *further))

    def _warnings(self) -> Iterator[str]:
        if self.unlinked:
            yield self.unlinked
        for origin in plans.undeclared(self.sources, self.base.state):
            if origin not in self.fresh:
                rows = self.base.state[origin]["rows"]
                yield f"the sources file no longer names {origin}; its {rows:,} rows are kept. To remove them, sync with --accept-loss {origin}."
        for load in self.loads:
            if load.package.is_full and not load.package.n_read and self.outcomes[load.origin].status == "ok" and self.fresh[load.origin]:
                yield f"{load.origin} has no rows; look at its `from`, `query` and `where` if that is not what you expect."


def _die(point: str) -> None:
    """For the crash tests: end as if killed from outside."""
    if os.environ.get("RAPPORT_FAIL_AT") == point:
        os.kill(os.getpid(), signal.SIGKILL)
