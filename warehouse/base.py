"""What the last sync published: where the next one starts from."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from warehouse import contract, quarantine, store
from warehouse.errors import StoreError
from warehouse.guard import Filled
from warehouse.snapshots import NoSnapshot, Snapshot, latest
from warehouse.store import QUARANTINE


class Base:
    """The snapshot in force (None before the first), and the tables brought back to it.

    state: "source.table" → what is known of it: entity, digest, cursor, extras, rows, filled.
    versions: entity or quarantine → the version in force; a sync puts its own in as it goes.
    """

    def __init__(self, data: Path):
        self.data, self.snapshot = data, None
        with suppress(NoSnapshot):
            self.snapshot: Snapshot | None = latest(data)
        sources = self.snapshot.sources if self.snapshot else {}
        self.state = {f"{source}.{table}": kept for source, known in sources.items() for table, kept in known["tables"].items()}
        self.versions: dict[str, int] = {}

    def published(self, name: str) -> int | None:
        """The version of a table, a mart or the quarantine that the snapshot names."""
        known = self.snapshot and {**self.snapshot.tables, **self.snapshot.marts, QUARANTINE: self.snapshot.quarantine}
        return known.get(name) if known else None

    def restore(self) -> None:
        """Make every table exist and hold what the snapshot says, whatever an interrupted sync left in it.

        Raises StoreError for a table that is damaged or has been changed from outside.
        """
        for name in (*contract.ENTITIES, QUARANTINE):
            wanted, is_lost = self.published(name), not store.exists(self.data, name)
            newest = store.ensure(self.data, name, quarantine.SCHEMA if name == QUARANTINE else store.stored_schema(name))
            if wanted is None:
                self.versions[name] = store.empty(self.data, name)
            elif is_lost:
                self.versions[name] = newest
                self._read_anew(name)
            else:
                self.versions[name] = wanted
                self._put_right(name, wanted, newest)

    def _put_right(self, name: str, version: int, newest: int) -> None:
        if store.digest(self.data, name, version) != self.snapshot.digests.get(name):
            raise StoreError(
                f"table {name!r} in {store.folder(self.data, name)} is not what snapshot {self.snapshot.id} was published with: it has been changed "
                f"from outside. Restore that folder from a backup; or move it away and sync again with --full."
            )
        if newest != version:
            store.rewind(self.data, name, version)

    def _read_anew(self, name: str) -> None:
        """A table whose folder was moved away is built from its sources: nothing is known of it any more."""
        forgotten = {"digest": None, "cursor": None} | ({} if name == QUARANTINE else {"rows": 0, "filled": {}})
        self.state |= {origin: kept | forgotten for origin, kept in self.state.items() if name in (QUARANTINE, kept["entity"])}

    def moved(self, name: str, version: int) -> None:
        """A table has a new version; where it holds the same files as the one published, that one stays in force."""
        was = self.published(name)
        is_same = was is not None and self.versions[name] == was and store.digest(self.data, name, version) == store.digest(self.data, name, was)
        self.versions[name] = was if is_same else version

    def digest(self, name: str, version: int) -> str:
        """What identifies the content of a version; known already where it was published before."""
        known = self.snapshot.digests if self.snapshot and self.published(name) == version else {}
        return known.get(name) or store.digest(self.data, name, version)

    def filled(self, origin: str) -> Filled:
        """Living rows and values of a table as published last."""
        kept = self.state.get(origin, {})
        return Filled(kept.get("rows", 0), dict(kept.get("filled", {})))
