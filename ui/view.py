"""One look at the data: snapshot, reader, filters and language, fixed for a whole run and for the fragments after it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import streamlit as st

from access.noted import Noted
from metrics.period import Period
from metrics.query import Query
from ui.selection import DEFAULT, Selection, as_params
from ui.words import KEY as LANGUAGE

SESSION, READABLE = "_view", "_view_readable"
NO_SNAPSHOT = "–"
_noted: Noted[View] = Noted("view")


@dataclass(frozen=True)
class View:
    """What a page is asked about. Pass it to everything in `ui`; it never changes during a run.

    snapshot: id of the published state that all numbers of this run come from.
    period, where, settings: of the selection, ready for a metric. grain: of series; against: "previous" or "year".
    """

    snapshot: str
    selection: Selection
    period: Period
    settings: Mapping[str, Any]
    language: str

    @cached_property
    def digest(self) -> str:
        """The same for two views that show the same, whoever looks at them."""
        parts = [self.snapshot, repr(self.selection), repr(self.period), self.settings, self.language]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()

    @property
    def grain(self) -> str:
        return self.selection.grain

    @property
    def against(self) -> str:
        return self.selection.against

    @property
    def currency(self) -> str:
        return self.settings.get("calendar", {}).get("currency", "CNY")

    @property
    def zone(self) -> str:
        return self.settings.get("calendar", {}).get("timezone", "UTC")

    def query(self, *, grain: str | None = None, by: tuple[str, ...] = (), where: Mapping[str, str | None] | None = None, **options) -> Query:
        """The question to a metric under the page's filters.

        grain: `view.grain` for a series. by: segment columns. where: further column → value, e.g. the bar that was
        clicked (None: customers without a value). options: the metric's own.
        """
        further = tuple((column, ("" if value is None else str(value),)) for column, value in (where or {}).items())
        return Query(self.period, grain, tuple(by), (*self.selection.columns, *further), options, self.settings)

    def params(self, **segments: str | None) -> dict[str, str | list[str]]:
        """URL parameters of this view, narrowed to further segments: what a link to another page carries."""
        narrowed = self.selection.narrowed(**segments) if segments else self.selection
        return {**as_params(narrowed), LANGUAGE: self.language}

    def over(self, period: Period) -> View:
        """The same view of another period."""
        return replace(self, period=period)


def unpublished() -> View:
    """A view of a warehouse in which nothing has been published: no snapshot, no filters."""
    today = dt.date.today()
    return View(NO_SNAPSHOT, DEFAULT, Period(today, today + dt.timedelta(days=1), today), {}, st.session_state[LANGUAGE])


def keep(view: View | None, is_readable: bool = True) -> None:
    """Remember the run's view for its page and its fragments. is_readable: whether what has been published, if anything, can be read."""
    st.session_state[SESSION], st.session_state[READABLE] = view, is_readable
    _noted.put(view)


def current() -> View | None:
    """The view of this run; None when nothing has been published yet."""
    found = _noted.get()
    if found is None:
        found = st.session_state.get(SESSION)
        _noted.put(found)
    return found


def is_readable() -> bool:
    """Whether a run without a view has none because nothing was published: else its files are gone, and whoever looks has been told."""
    return st.session_state.get(READABLE, True)
