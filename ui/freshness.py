"""How old the data are: a line under every title, amber when a source is older than it promises to be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import streamlit as st

from ui import numbers
from ui.view import View
from ui.words import plain, t

PROMISE_HOURS = 26  # a daily sync and two hours' grace; `[metrics.freshness] hours` of the sources file says otherwise
SESSION = "_sources"


@dataclass(frozen=True)
class Age:
    """A source and when it was last read completely. synced_at: None for never."""

    source: str
    synced_at: dt.datetime | None
    seconds: float
    is_late: bool


def ages(sources: Mapping[str, Mapping], settings: Mapping, now: dt.datetime) -> list[Age]:
    """Every source of a snapshot with its age, the oldest first."""
    promised = settings.get("metrics", {}).get("freshness", {}).get("hours", PROMISE_HOURS) * 3600
    found = []
    for name, known in sources.items():
        at = dt.datetime.fromisoformat(known["last_sync"]) if known.get("last_sync") else None
        seconds = (now - at).total_seconds() if at else float("inf")
        found.append(Age(name, at, seconds, seconds > promised))
    return sorted(found, key=lambda age: -age.seconds)


def remember(sources: Mapping[str, Mapping]) -> None:
    """Keep the sources of the run's snapshot for the bar."""
    st.session_state[SESSION] = dict(sources)


def said(view: View, names: Iterable[str]) -> str:
    """Where a part of a page comes from and when that was last read, in Markdown: the oldest of these sources decides."""
    known = [age for age in ages(st.session_state.get(SESSION, {}), view.settings, dt.datetime.now(dt.UTC)) if age.source in set(names)]
    if not known:
        return t("freshness.no_source")
    called = ", ".join(plain(age.source) for age in sorted(known, key=lambda age: age.source))
    return t("freshness.part", sources=called, at=plain(numbers.instant(known[0].synced_at, view.zone)))


def line(view: View) -> str | None:
    """In Markdown: the oldest source, when it was synced, how many others there are. None without sources."""
    known = ages(st.session_state.get(SESSION, {}), view.settings, dt.datetime.now(dt.UTC))
    if not known:
        return None
    oldest, late = known[0], [age for age in known if age.is_late]
    if oldest.synced_at is None:
        text = t("freshness.never", source=plain(oldest.source))
    else:
        text = t("freshness.oldest", source=plain(oldest.source), at=numbers.instant(oldest.synced_at, view.zone), ago=numbers.ago(oldest.seconds))
    if late:
        return f":orange-badge[:material/schedule: {text} · {t('freshness.late', n=len(late))}]"
    return text + " · " + t("freshness.sources", n=len(known))
