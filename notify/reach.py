"""Whose customers a target is told about. The rows of all others do not exist below this line."""

from __future__ import annotations

from pathlib import Path

from access.reach import owned
from access.reader import scope_as
from access.scope import FULL, NOTHING, Scope
from connectors.sources import Target


def scope(data: Path, target: Target) -> Scope:
    """The customers of an owner, of a reader's reach, or all. An owner or reader who is not known has none."""
    if target.reader:
        return scope_as(data, target.reader)
    if target.owner:
        mine = owned(data, target.owner)
        return Scope((("owner_id", tuple(sorted(mine))),)) if mine else NOTHING
    return FULL if target.everybody else NOTHING
