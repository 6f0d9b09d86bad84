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
from streamlit.runtime.scriptrunner import get_script_run_ctx

import warehouse
from access import identity
from access.identity import Refusal
from access.reader import SITTING_HERE, Reader, acting, reader, session_hours
from access.roles import may_open

_admitted: ContextVar[Reader | None] = ContextVar("admitted", default=None)
SEEN = "_rapport_reader"  # of Streamlit's context of one run: who was asking a moment ago
MOMENT = 0.05  # seconds for which that holds: a page asks a hundred times within one run, and each look into the session costs more than the answer
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
    _note(None)
    found = reader_now()
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
    run, now = get_script_run_ctx(suppress_warning=True), time.monotonic()
    seen = getattr(run, SEEN, None)
    if seen and now - seen[0] < MOMENT:
        return seen[1]
    if not st.session_state.get(SESSION):
        raise NotAdmitted("no page of this session was opened through app.py: start the server with `streamlit run asgi.py`")
    found = reader_now()
    _note((now, found))
    return found


def _note(seen: tuple[float, Reader] | None) -> None:
    """Keep it with the run, which belongs to one session."""
    run = get_script_run_ctx(suppress_warning=True)
    if run is not None:
        setattr(run, SEEN, seen)


def is_stale() -> bool:
    """Whether the reader is no longer the one the page was drawn for: revoked, signed out, or in another role."""
    _note(None)
    try:
        return admitted_now().digest != st.session_state[SESSION]
    except NotAdmitted:
        return True
