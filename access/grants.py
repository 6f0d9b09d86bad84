"""What a person was given: a role and a reach, by name or through a group. Without a rule a person has nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from access.kept import Kept
from access.roles import ROLES
from records import database, rules

SEGMENTS = ("region", "industry", "channel", "size", "kind", "grade", "department", "source")  # columns of accounts a reach may be drawn by


@dataclass(frozen=True)
class Grant:
    """A role with its reach. column, values: of accounts, for the reach "segment". through: the group that gave it, "" by name."""

    role: str
    reach: str
    column: str | None = None
    values: tuple[str, ...] = ()
    through: str = ""


class NotAGrant(ValueError):
    """A rule that cannot be meant: what is wrong with it and what there is."""


def checked(role: str | None, reach: str, column: str | None = None, values: Iterable[str] = ()) -> Grant | None:
    """The grant of a rule about to be written; None for a denial (no role).

    Raises NotAGrant saying what is wrong and what there is.
    """
    values = tuple(dict.fromkeys(value.strip() for value in values if value.strip()))
    if role is None:
        return None
    if role not in ROLES:
        raise NotAGrant(f"no role {role!r}; there are {', '.join(ROLES)}")
    if reach not in rules.REACHES:
        raise NotAGrant(f"no reach {reach!r}; there are {', '.join(rules.REACHES)}")
    if reach == "segment" and (column not in SEGMENTS or not values):
        raise NotAGrant(f"a segment needs a column ({', '.join(SEGMENTS)}) and at least one of its values, not {column!r} = {', '.join(values) or 'nothing'}")
    if reach != "segment" and (column or values):
        raise NotAGrant(f"the reach {reach!r} takes no column and no values; they belong to the reach 'segment'")
    return Grant(role, reach, column, values)


def grants(data: Path, user: str, groups: Iterable[str] = ()) -> tuple[Grant, ...]:
    """What a person may act as, the first by default: the rule by name, else those of the person's groups in order of their names.

    A rule by name that names no role denies everything, whatever the groups say.
    """
    found = _rules(data, user.strip().lower(), tuple(sorted(groups)))
    named = [rule for rule in found if rule.subject_kind == "user"]
    given = [_grant(rule) for rule in named or found]
    return tuple(grant for grant in given if grant is not None)


def _grant(rule) -> Grant | None:
    """A rule as a grant; one that a newer or older program wrote in words unknown here gives nothing."""
    try:
        grant = checked(rule.role, rule.reach, rule.column, rule.values or ())
    except NotAGrant:
        return None
    through = rule.subject if rule.subject_kind == "group" else ""
    return grant and Grant(grant.role, grant.reach, grant.column, grant.values, through)


_looked = Kept()


def _rules(data: Path, user: str, groups: tuple[str, ...]) -> list:
    return _looked.get(data, (user, groups), lambda: rules.rules_for(database.connect(data), user, groups) if database.exists(data) else [])


def forget() -> None:
    """Look the rules up anew from now on; called where they were changed."""
    _looked.forget()
