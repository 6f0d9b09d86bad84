"""The guard before publishing: a table that suddenly loses a large part of its rows or of a column's values is refused.

A lost permission, a renamed column or half a file look just like a mass deletion. An administrator who knows better says
so with `--accept-loss SOURCE.TABLE`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LOSS = 0.20  # share of rows, or of a column's values, whose loss stops a table from being published
FEWEST = 10  # values a column must have had before its share says anything


@dataclass
class Filled:
    """Living rows of one source table, and in how many of them each column holds a value."""

    rows: int = 0
    values: dict[str, int] = field(default_factory=dict)

    def plus(self, other: Filled, sign: int = 1) -> Filled:
        """These counts with others added (or, with sign -1, taken away)."""
        names = {**self.values, **other.values}
        return Filled(self.rows + sign * other.rows, {name: self.values.get(name, 0) + sign * other.values.get(name, 0) for name in names})


def losses(origin: str, before: Filled, after: Filled, lost: int) -> list[str]:
    """Sentences that say what is lost beyond the limit; empty when all is well.

    before, after: the table's living rows as published last, and as they would be now. lost: rows that lived before and
    would not any more (rows that are new do not make up for them).
    """
    found = [_rows_lost(origin, before.rows, lost)] if lost > LOSS * before.rows else []
    return found + [text for name in before.values if (text := _values_lost(origin, name, before, after))]


def _rows_lost(origin: str, rows: int, lost: int) -> str:
    return f"{origin} has lost {lost:,} of its {rows:,} rows ({lost / rows:.0%}); more than {LOSS:.0%} is not published. {_if_right(origin)}"


def _values_lost(origin: str, name: str, before: Filled, after: Filled) -> str | None:
    """A column's share of filled rows has fallen by more than a fifth of what it was."""
    if before.values[name] < FEWEST or not after.rows:
        return None
    was, now = before.values[name] / before.rows, after.values.get(name, 0) / after.rows
    if now >= (1 - LOSS) * was:
        return None
    what = f"{origin}.{name} was filled in {was:.0%} of the rows and is filled in {now:.0%} now"
    return f"{what}; a loss of more than {LOSS:.0%} is not published. {_if_right(origin)}"


def _if_right(origin: str) -> str:
    return f"Look at the source (a lost permission, a renamed column, half a file?); if it is right, sync again with --accept-loss {origin}."
