"""Which tables are read, how each is to be read this time, and what the next sync has to know about it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable

from connectors.base import SourceError, Window
from connectors.sources import Source, Sources, Table
from warehouse import contract, cursors
from warehouse.packages import Package


class Plan:
    """Whole, or a window after the cursor. `kept`: what the last snapshot knows about the table; empty for a new one."""

    def __init__(self, sources: Sources, source: Source, table: Table, kept: dict, *, full: bool, now: dt.datetime):
        self.source, self.table, self.kept, self.now = source, table, kept, now
        self.origin, self.entity = f"{source.name}.{table.name}", table.entity or table.name
        self.digest = digest(sources, source, table)
        self.zone = source.timezone or sources.calendar.timezone
        self.cursor = cursors.from_json(kept.get("cursor"))
        self.window = self._window() if table.incremental and not full else None

    def _window(self) -> Window | None:
        is_known = self.kept.get("digest") == self.digest and self.kept.get("entity") == self.entity
        return cursors.window(self.table, self.cursor, self.now, self.zone) if is_known and self.cursor is not None else None

    @property
    def mode(self) -> str:
        return "full" if self.window is None else "window"

    @property
    def expected(self) -> int | None:
        """Rows a whole read will probably give."""
        return self.kept.get("rows") if self.window is None else None

    def state_after(self, package: Package) -> dict:
        """What the next sync has to know, if this one is published; rows and filled values come with the merge."""
        before = self.cursor if self.window is not None else None
        cursor = cursors.advanced(before, package.cursor, self.now, self.zone) if self.table.incremental else None
        extras = list(package.extras) if package.n_read else self.kept.get("extras", [])
        return {"entity": self.entity, "digest": self.digest, "cursor": cursors.to_json(cursor), "extras": extras}


def chosen(sources: Sources, only: Iterable[str] | None) -> list[tuple[Source, Table]]:
    """The declared tables that `only` names, by source or as "source.table"; None is all. SourceError if it names nothing."""
    declared = [(source, table) for source in sources.sources.values() for table in source.tables.values()]
    if only is None:
        return declared
    wanted = set(only)
    known = set(sources.sources) | {f"{s.name}.{t.name}" for s, t in declared}
    if unknown := wanted - known:
        raise SourceError(f"--only {', '.join(sorted(unknown))}: the sources file has no such source or table; it has {', '.join(sorted(known))}")
    return [(s, t) for s, t in declared if {s.name, f"{s.name}.{t.name}"} & wanted]


def named(sources: Sources, accept_loss: Iterable[str], state: dict[str, dict]) -> frozenset[str]:
    """The tables whose loss is accepted, declared or known from before. SourceError if there is no such table."""
    known = _declared(sources) | set(state)
    if unknown := set(accept_loss) - known:
        raise SourceError(f"--accept-loss {', '.join(sorted(unknown))}: no such table; write one of {', '.join(sorted(known))}")
    return frozenset(accept_loss)


def undeclared(sources: Sources, state: dict[str, dict]) -> list[str]:
    """Tables known from before that the sources file no longer names."""
    return sorted(set(state) - _declared(sources))


def _declared(sources: Sources) -> set[str]:
    return {f"{source.name}.{table}" for source in sources.sources.values() for table in source.tables}


def digest(sources: Sources, source: Source, table: Table) -> str:
    """Changes when the same row of the source would be mapped differently, or another place is read: then all is read again."""
    said = table.model_dump(mode="json", include={"entity", "from_", "query", "rows", "where", "columns", "incremental", "unpivot", "read"})
    url = re.sub(r"(://[^:/@]*):[^@]*@", r"\1@", source.url.get_secret_value()) if source.url else None  # a new password is no new place
    place = [source.kind, source.path, url, source.timezone, sources.calendar.timezone, sorted(sources.sources)]
    known = [str(column) for column in contract.columns(table.entity or table.name).values()]
    return hashlib.sha256(json.dumps([said, place, known], sort_keys=True, default=str).encode()).hexdigest()
