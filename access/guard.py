"""The first line of every page. A page that was not reached through app.py shows nothing.

Streamlit runs a file of `pages/` directly when a fresh server is asked for it before anything else: without app.py, so
without sign-in. `admit` is called by app.py around the page's run; `guard` in the page looks whether it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import streamlit as st

from access import identity
from access.scope import Scope

_admitted: ContextVar[Reader | None] = ContextVar("admitted", default=None)
SESSION = "_admitted"  # set by app.py; fragments and data functions run without the page's first line
REFUSED = "This page was opened without the application around it. [Open the start page · 打开首页](/)"


class NotAdmitted(PermissionError):
    """Data was asked for outside a page that app.py has opened."""


@dataclass(frozen=True)
class Reader:
    """Who is looking. name: None is whoever sits at this machine (no sign-in configured)."""

    name: str | None
    scope: Scope


@contextmanager
def admit() -> Iterator[Reader]:
    """Open the gate for the page that runs inside; called by app.py and nothing else."""
    reader = reader_now()
    token = _admitted.set(reader)
    st.session_state[SESSION] = True
    try:
        yield reader
    finally:
        _admitted.reset(token)


def guard(page: str) -> Reader:
    """The reader of this page, or a refusal that ends the run. `page` is its name in the navigation."""
    reader = _admitted.get()
    if reader is None:
        st.error(REFUSED)
        st.stop()
    return reader


def reader_now() -> Reader:
    """Who is asking at this very moment, looked up anew: a fragment runs long after its page was admitted."""
    return Reader(None, identity.scope_of(None))


def admitted_now() -> Reader:
    """The reader, for data functions. Raises NotAdmitted in a session that never came through app.py."""
    if not st.session_state.get(SESSION):
        raise NotAdmitted("no page of this session was opened through app.py: start the server with `streamlit run asgi.py`")
    return reader_now()
