"""The snapshot row that a sync publishes, and whether it says anything new."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping

from connectors.sources import Sources
from records import settings as in_app
from records.models import SnapshotRow
from warehouse.base import Base
from warehouse.snapshots import SNAPSHOT_FORMAT, Snapshot
from warehouse.store import QUARANTINE


def settings(sources: Sources, risk: Mapping) -> Mapping:
    """What readers and marts need of the sources file. risk: what is set in the app about customers at risk."""
    return in_app.at_sync({"calendar": sources.calendar.model_dump(mode="json"), "metrics": sources.metrics}, risk)


def sources_state(state: dict[str, dict]) -> dict[str, dict]:
    """source → its living rows and its tables, from what is known of each "source.table"; tables that are gone are left out."""
    found: dict[str, dict] = {}
    for origin, kept in sorted(state.items()):
        if kept:
            source, _, table = origin.partition(".")
            known = found.setdefault(source, {"rows": 0, "tables": {}})
            known["tables"][table] = kept
            known["rows"] += kept["rows"]
    return found


def extras(state: dict[str, dict]) -> dict[str, list[str]]:
    """entity → names of the source's columns that are kept in `extra`."""
    found: dict[str, set[str]] = {}
    for kept in state.values():
        if kept:
            found.setdefault(kept["entity"], set()).update(kept["extras"])
    return {entity: sorted(names) for entity, names in found.items()}


def row(base: Base, id: str, now: dt.datetime, settings: Mapping, state: dict[str, dict], marts: dict[str, int]) -> SnapshotRow:
    """The snapshot of `base.versions` and these marts, built with these settings."""
    tables = {name: version for name, version in base.versions.items() if name != QUARANTINE}
    return SnapshotRow(
        id=id, created_at=now, format=SNAPSHOT_FORMAT, tables=tables, marts=marts, quarantine=base.versions[QUARANTINE],
        sources=sources_state(state), settings=settings, extras=extras(state), is_pinned=False,
        digests={name: base.digest(name, version) for name, version in {**base.versions, **marts}.items()},
    )  # fmt: skip


def is_new(row: SnapshotRow, before: Snapshot | None) -> bool:
    """Whether a reader or the next sync would see any difference."""
    return before is None or _said(row) != _said(before)


def _said(snapshot: SnapshotRow | Snapshot) -> list:
    sources = {name: {"rows": known["rows"], "tables": known["tables"]} for name, known in snapshot.sources.items()}
    said = (snapshot.tables, snapshot.marts, snapshot.quarantine, snapshot.settings, snapshot.extras, sources)
    return json.loads(json.dumps(said, default=str))
