"""What goes wrong when a source is read, in words an administrator can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import NamedTuple


class SourceError(Exception):
    """Something an administrator can act on: what is wrong, what was expected, what to do."""


class Cancelled(Exception):
    """The run was asked to stop."""


class Fault(NamedTuple):
    """One fault of a sources file. `line` counts from 1; None where the file as a whole is meant."""

    where: str  # "sources.shop.tables.invoices.columns.amount"
    text: str
    line: int | None = None

    def __str__(self) -> str:
        return ": ".join(part for part in (f"line {self.line}" if self.line else "", self.where, self.text) if part)


class SourcesError(SourceError):
    """A sources file with faults: all of them, in the order of the file."""

    def __init__(self, path, faults: Iterable[Fault]):
        self.faults = sorted(faults, key=lambda fault: (fault.line or 0, fault.where))
        super().__init__("\n".join([f"{path}: {count(len(self.faults), 'fault')}", *(f"  {fault}" for fault in self.faults)]))


def count(n: int, noun: str) -> str:
    """ "1 fault", "2 faults"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def nearest(name: str, known: Iterable[str]) -> str:
    """'; did you mean x?' if one of the known names is close, otherwise nothing."""
    by_lower = {str(k).lower(): str(k) for k in known}
    close = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def listed(names: Iterable[str], most: int = 40) -> str:
    """Names in a row, a long list cut with the number left out."""
    names = [str(name) for name in names]
    cut = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + cut
