"""Which rows a reader may see. Applied in `warehouse.open`, below every metric; part of every cache key."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Scope:
    """A reader's rows: customers for whom *every* rule holds.

    rules: pairs (column of accounts, accepted values). No rules and `is_full` False means: nothing.
    Rows that belong to no customer are visible to the full scope only.
    """

    rules: tuple[tuple[str, tuple[str, ...]], ...] = ()
    is_full: bool = False

    @property
    def digest(self) -> str:
        """Twelve hex digits that stand for the scope in cache keys."""
        return hashlib.sha256(json.dumps([self.is_full, sorted(self.rules)]).encode()).hexdigest()[:12]


FULL = Scope(is_full=True)
NOTHING = Scope()
