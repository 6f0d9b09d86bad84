"""What a sync did, table by table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

COUNTS = ("read", "new", "changed", "deleted", "rejected", "folded")


@dataclass
class TableOutcome:
    """One table of one source. A table that is not "ok" keeps what was published of it before."""

    source: str
    table: str
    entity: str
    mode: str  # "full" or "window"
    status: str = "ok"  # ok | refused (it would lose too much) | failed (it could not be read)
    error: str | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))

    @property
    def origin(self) -> str:
        return f"{self.source}.{self.table}"


@dataclass(frozen=True)
class Outcome:
    """The whole sync."""

    snapshot: str | None  # id of the snapshot in force afterwards
    is_published: bool  # a new snapshot was published
    tables: tuple[TableOutcome, ...]
    warnings: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Every table asked for was read and let in."""
        return all(table.status == "ok" for table in self.tables)

    @property
    def exit_code(self) -> int:
        return 0 if self.is_complete else 1


@dataclass(frozen=True)
class Step:
    """Where a sync is: told to `progress` as it goes."""

    stage: str  # "read", "check", "store", "marts", "publish"
    what: str  # origin, entity or mart
    n: int = 0  # rows so far
    of: int | None = None  # rows expected, where known
    at: dt.datetime | None = None


Progress = Callable[[Step], None]


def silent(step: Step) -> None:
    """No progress."""
