"""Which rows and columns a reader may see. Applied in `warehouse.open`, below every metric; part of every cache key."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

# What of a visible row is kept from a reader: personal data (masked), the people at the customer (no rows), money (empty).
VEILS = ("personal", "contacts", "amounts")


@dataclass(frozen=True)
class Scope:
    """A reader's rows: customers for whom *every* rule holds.

    rules: pairs (column of accounts, accepted values). No rules and `is_full` False means: nothing.
    Rows that belong to no customer are visible to the full scope only.
    veils: of VEILS, in their order; they hold for the full scope as well.
    """

    rules: tuple[tuple[str, tuple[str, ...]], ...] = ()
    is_full: bool = False
    veils: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Twelve hex digits that stand for the scope in cache keys."""
        return hashlib.sha256(json.dumps([self.is_full, sorted(self.rules), self.veils]).encode()).hexdigest()[:12]


FULL = Scope(is_full=True)
NOTHING = Scope()
