"""Which rows and columns a reader may see. Applied in `warehouse.open`, below every metric; part of every cache key."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

# What of a visible row is kept from a reader: personal data (masked), the people at the customer (no rows), money (empty).
VEILS = ("personal", "contacts", "amounts")


@dataclass(frozen=True)
class Scope:
    """A reader's rows: customers for whom *every* rule holds.

    rules: pairs (column of accounts, accepted values). No rules and `is_full` False means: nothing.
    Rows that belong to no customer are visible to the full scope only.
    veils: of VEILS, in whichever order; they hold for the full scope as well. Raises ValueError for another one:
    a slip in its name would show what it was to hide.
    """

    rules: tuple[tuple[str, tuple[str, ...]], ...] = ()
    is_full: bool = False
    veils: tuple[str, ...] = ()

    def __post_init__(self):
        unknown = set(self.veils) - set(VEILS)
        if unknown:
            raise ValueError(f"no veil {', '.join(map(repr, sorted(unknown)))}; there are {', '.join(VEILS)}")
        object.__setattr__(self, "veils", tuple(veil for veil in VEILS if veil in self.veils))

    @cached_property
    def digest(self) -> str:
        """Twelve hex digits that stand for the scope in cache keys."""
        return hashlib.sha256(json.dumps([self.is_full, sorted(self.rules), self.veils]).encode()).hexdigest()[:12]


FULL = Scope(is_full=True)
NOTHING = Scope()
