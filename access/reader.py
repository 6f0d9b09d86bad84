"""A reader: a person acting under one grant, with the rows and columns that go with it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from access.grants import Grant, grants
from access.kept import Kept
from access.reach import owners, scope_of
from access.roles import ROLES, Role
from access.scope import NOTHING, Scope
from records import database, settings

SITTING_HERE = Grant("administrator", "all")  # without sign-in: whoever sits at this machine, who could read the files anyway


@dataclass(frozen=True)
class Reader:
    """Who is looking. name: e-mail, None for whoever sits at this machine. grants: what this person may act as."""

    name: str | None
    grant: Grant
    scope: Scope
    grants: tuple[Grant, ...] = ()

    @property
    def role(self) -> Role:
        return ROLES[self.grant.role]

    @cached_property
    def digest(self) -> str:
        """Changes whenever the reader may see or do something else."""
        return hashlib.sha256(repr((self.name, self.grant, self.scope)).encode()).hexdigest()[:12]


def reader(data: Path, user: str, groups: tuple[str, ...] = (), choice: Grant | None = None) -> Reader | None:
    """The reader behind a name, or None for a person without a rule. choice: of the person's grants, where there are several."""
    held = grants(data, user, groups)
    if not held:
        return None
    return acting(data, user, choice if choice in held else held[0], held)


def acting(data: Path, user: str | None, grant: Grant, held: tuple[Grant, ...] = ()) -> Reader:
    """A person under one grant."""
    return Reader(user, grant, _scopes.get(data, (user, grant), lambda: scope_of(grant, user, () if grant.reach in ("all", "segment") else owners(data))), held)


def scope_as(data: Path, user: str) -> Scope:
    """The rows and columns of a named user, for the command line. Who has no rule sees nothing."""
    found = reader(data, user)
    return found.scope if found else NOTHING


def session_hours(data: Path) -> float:
    """How long a sign-in is good for, in hours."""
    return _hours.get(data, None, lambda: settings.get(database.connect(data), "session_hours") if database.exists(data) else _DEFAULT_HOURS)


_DEFAULT_HOURS = 12.0
_scopes, _hours = Kept(), Kept()
