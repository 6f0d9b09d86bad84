"""Whether a reader may be told something that was said about a whole segment, such as the baseline of a target."""

from __future__ import annotations

from collections.abc import Iterable

from access.scope import Scope


def covers(scope: Scope, segment: Iterable[tuple[str, str]]) -> bool:
    """Whether every customer of a segment is one of the reader's: then a total over it is no foreign total.

    segment: pairs (column, value); values of one column are alternatives; no pairs is the whole company.
    A scope that sees nothing covers nothing.
    """
    if scope.is_full:
        return True
    asked: dict[str, set[str]] = {}
    for column, value in segment:
        asked.setdefault(column, set()).add(value)
    return bool(scope.rules) and all(column in asked and asked[column] <= set(values) for column, values in scope.rules)
