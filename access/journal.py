"""The access log: who signed in, opened which customer, took what out, changed which setting. It only ever grows."""

from __future__ import annotations

import datetime as dt

import warehouse
from access import identity
from records import database, journal
from records.models import Entry

_noted: set[tuple] = set()  # what need not be written twice by one process


def note(who: str | None, role: str | None, action: str, object: str | None = None, *, snapshot: str | None = None, once: bool = False, **detail) -> None:
    """Write one line. who: e-mail, None for whoever sits at this machine. once: not again by this process for the same person and object.

    A log that cannot be written stops what was to be logged: the error is raised.
    """
    data, key = warehouse.directory(), (who, role, action, object)
    if once and key in _noted:
        return
    if not database.exists(data) and not identity.is_configured():
        return  # nothing was ever published here, so there is nothing to see
    entry = Entry(at=dt.datetime.now(dt.UTC), who=who, role=role, action=action, object=object, detail=detail, snapshot=snapshot)
    journal.append(database.opened(data), entry)
    _noted.add(key)
