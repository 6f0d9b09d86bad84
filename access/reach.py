"""From a grant to the rows it reaches: whose accounts are one's own, whose department, who reports to whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import warehouse
from access.grants import Grant
from access.kept import Kept
from access.roles import ROLES
from access.scope import Scope


@dataclass(frozen=True)
class Owner:
    """A person responsible for customers, as the source knows them."""

    owner_id: str
    email: str | None
    department: str | None
    manager_id: str | None


def scope_of(grant: Grant, user: str | None, owners: Sequence[Owner]) -> Scope:
    """The rows and columns of a grant. user: the e-mail by which a person is found among the owners.

    "own": accounts whose owner is this person. "department": those of everyone in the person's department and of
    everyone who reports to the person, over any number of levels. Who is not among the owners has no own accounts.
    """
    veils = ROLES[grant.role].veils
    if grant.reach == "all":
        return Scope(is_full=True, veils=veils)
    if grant.reach == "segment":
        return Scope(((grant.column, grant.values),), veils=veils)
    mine = _own(owners, user)
    reached = mine if grant.reach == "own" else mine | _colleagues(mine, owners) | _reports(mine, owners)
    return Scope((("owner_id", tuple(sorted(reached))),) if reached else (), veils=veils)


def _colleagues(mine: set[str], owners: Sequence[Owner]) -> set[str]:
    departments = {owner.department for owner in owners if owner.owner_id in mine and owner.department}
    return {owner.owner_id for owner in owners if owner.department in departments}


def _reports(mine: set[str], owners: Sequence[Owner]) -> set[str]:
    """Everyone below, however deep; a circle of managers ends where it began."""
    found, new = set(mine), set(mine)
    while new:
        new = {owner.owner_id for owner in owners if owner.manager_id in new} - found
        found |= new
    return found


def owners(data: Path) -> tuple[Owner, ...]:
    """The owners of the newest snapshot: rights are of today, whichever snapshot is looked at."""
    return _owners(str(data.resolve()), _newest.get(data, None, lambda: warehouse.newest(data)))


_newest = Kept()


@lru_cache(maxsize=8)
def _owners(data: str, snapshot: str | None) -> tuple[Owner, ...]:
    if snapshot is None:
        return ()
    frame = warehouse.open(data, snapshot)["owners"].select("owner_id", "email", "department", "manager_id")
    return tuple(Owner(**row) for row in frame.collect("pyarrow").to_native().to_pylist())


def owned(data: Path, user: str | None) -> set[str]:
    """The ids under which a person is the owner of customers; none for who is not among the owners."""
    return _own(owners(data), user)


def _own(known: Sequence[Owner], user: str | None) -> set[str]:
    return {owner.owner_id for owner in known if user and (owner.email or "").strip().lower() == user.strip().lower()}
