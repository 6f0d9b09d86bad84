"""Settings, access log: what readers did, to look through and to take along."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import streamlit as st

from access.guard import NotAdmitted, admitted_now
from access.kept import Kept
from access.roles import may
from records import database, journal, settings
from records.models import Entry
from ui import data, page
from ui.table import Column, Listing, listing, table
from ui.view import View
from ui.words import has, language, t

MOST = 5000
DAYS = 90  # looked back by default
COLUMNS = {
    "at": Column("register.at"), "who": Column("register.who"), "role": Column("access.role"), "action": Column("register.action"),
    "object": Column("register.object"), "detail": Column("register.detail"), "snapshot": Column("table.snapshot"),
}  # fmt: skip


def register_tab(view: View) -> None:
    """The access log of the days chosen, newest first; its files hold all of them."""
    if not may(admitted_now(), "read_log"):
        raise NotAdmitted("the access log is for auditors and administrators")
    today = dt.datetime.now(dt.UTC).date()
    chosen = st.date_input(t("register.days"), (today - dt.timedelta(days=DAYS), today), key="register_days", format="YYYY-MM-DD")
    if len(chosen) != 2:
        return
    days = [dt.datetime.combine(day, dt.time(), dt.UTC) for day in (chosen[0], chosen[1] + dt.timedelta(days=1))]
    shown, total = _kept.get(data.directory(), (language(), view.zone, *days), lambda: _listed(view, days))
    page.sentence(t("register.says", days=settings.get(database.connect(data.directory()), "access_log_days")))
    table(view, shown, key="access_log", total=total, whole=lambda: _rows(*days, None))


_kept = Kept(most=8)  # logs of thousands of lines


def _listed(view: View, days: list[dt.datetime]) -> tuple[Listing, int]:
    """The newest lines as they are shown, and how many there are of these days."""
    rows = _rows(*days, MOST)
    return listing(view, rows, COLUMNS), len(rows) if len(rows) < MOST else len(_rows(*days, None))


def _rows(since: dt.datetime, until: dt.datetime, most: int | None) -> pd.DataFrame:
    found = journal.entries(database.connect(data.directory()), since, until, most=most) if database.exists(data.directory()) else []
    return pd.DataFrame([_told(entry) for entry in found], columns=[*COLUMNS])


def _told(entry: Entry) -> dict:
    return {
        "at": entry.at, "who": entry.who or t("register.here"), "role": _word("access.roles", entry.role), "action": _word("register.actions", entry.action),
        "object": entry.object or "", "detail": "; ".join(f"{name}: {_short(value)}" for name, value in entry.detail.items()),
        "snapshot": entry.snapshot or "",
    }  # fmt: skip


def _word(group: str, code: str | None) -> str:
    return t(f"{group}.{code}") if code and has(f"{group}.{code}") else code or ""


def _short(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} = {_short(part)}" for name, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
