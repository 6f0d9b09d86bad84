"""The first line of every page, and the question behind every number: who is asking, and may they?

Streamlit runs a file of `pages/` directly when a fresh server is asked for it before anything else: without app.py, so
without sign-in. `admit` is called by app.py around the page's run; `guard` in the page looks whether it was. Fragments
run long after their page was admitted and skip app.py, so data functions ask anew, by `admitted_now`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import streamlit as st

import warehouse
from access import identity
from access.identity import Refusal
from access.noted import Noted
from access.reader import SITTING_HERE, Reader, acting, reader, session_hours
from access.roles import may_open

_admitted: ContextVar[Reader | None] = ContextVar("admitted", default=None)
_seen: Noted[tuple[float, Reader]] = Noted("reader")  # when and who was asking a moment ago
MOMENT = 0.05  # seconds for which that holds
SESSION = "_admitted"  # digest of the reader for whom app.py opened this session's page
CHOICE = "_acting_as"  # the grant chosen by a reader who has several; without sign-in: (user, grant) being tried
REFUSED = "This page was opened without the application around it. [Open the start page · 打开首页](/)"
NOT_YOURS = "This page is not part of your role. [Open the start page · 打开首页](/)"


class NotAdmitted(PermissionError):
    """Data was asked for by someone who may not have it. refusal: why, as far as it is about signing in."""

    def __init__(self, message: str, refusal: Refusal | None = None):
        super().__init__(message)
        self.refusal = refusal


@contextmanager
def admit() -> Iterator[Reader]:
    """Open the gate for the page that runs inside; called by app.py and nothing else. Raises NotAdmitted, and leaves the gate shut."""
    st.session_state.pop(SESSION, None)
    _seen.put(None)
    found = reader_now()
    _seen.put((time.monotonic(), found))
    token = _admitted.set(found)
    st.session_state[SESSION] = found.digest
    try:
        yield found
    finally:
        _admitted.reset(token)


def guard(page: str) -> Reader:
    """The reader of this page, or a refusal that ends the run. `page` is its name in the navigation."""
    found = _admitted.get()
    if found is None or not may_open(found, page):
        st.error(REFUSED if found is None else NOT_YOURS)
        st.stop()
    return found


def reader_now() -> Reader:
    """Who is asking at this very moment. Raises NotAdmitted for everyone who is not signed in or has no rule."""
    data, choice = warehouse.directory(), st.session_state.get(CHOICE)
    if not identity.is_configured():
        user, grant = choice or (None, SITTING_HERE)
        return acting(data, user, grant)
    found = identity.person(session_hours(data))
    if isinstance(found, Refusal):
        raise NotAdmitted(f"not signed in: {found}", found)
    known = reader(data, found.user, found.groups, choice)
    if known is None:
        raise NotAdmitted(f"{found.user} has no role", Refusal.NO_ROLE)
    return known


def admitted_now() -> Reader:
    """The reader, for data functions. Raises NotAdmitted in a session that never came through app.py, and for who was revoked since.

    Looked up when a run begins (`admit`, `is_stale`), and again within it once a moment has passed.
    """
    seen, now = _seen.get(), time.monotonic()
    if seen and now - seen[0] < MOMENT:
        return seen[1]
    if not st.session_state.get(SESSION):
        raise NotAdmitted("no page of this session was opened through app.py: start the server with `streamlit run asgi.py`")
    found = reader_now()
    _seen.put((now, found))
    return found


def is_stale() -> bool:
    """Whether the reader is no longer the one the page was drawn for: revoked, signed out, or in another role.

    A part that runs alone looks anew; one that runs with its page was asked for a moment ago (`admit`).
    """
    if _admitted.get() is None:
        _seen.put(None)
    try:
        return admitted_now().digest != st.session_state[SESSION]
    except NotAdmitted:
        return True
