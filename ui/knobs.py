"""Settings, limits: the few numbers that an administrator sets in the app."""

from __future__ import annotations

import datetime as dt

import streamlit as st

from access import journal
from access.guard import NotAdmitted, admitted_now
from access.roles import may
from records import database, settings
from records.database import RecordsError
from ui import data
from ui.view import View
from ui.words import plain, t


def knobs_tab(view: View) -> None:
    """Every setting that is a number, with what it may be."""
    engine = database.opened(data.directory())
    stored = settings.stored(engine)
    for name, known in settings.KNOWN.items():
        if not isinstance(known.default, int):
            continue
        row = stored.get(name)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            value = st.number_input(t(f"knobs.{name}"), value=row.value if row else known.default, step=1, key=f"knob_{name}", width=260)
            if st.button(t("rights.save"), key=f"knob_{name}_save"):
                _put(name, int(value), row.version if row else 0)
        st.caption(t(f"knobs.{name}_help"))


def _put(name: str, value: int, version: int) -> None:
    reader = admitted_now()
    if not may(reader, "edit_settings"):
        raise NotAdmitted("settings are for administrators")
    try:
        settings.put(database.opened(data.directory()), name, value, version, reader.name, dt.datetime.now(dt.UTC))
    except RecordsError as error:
        st.error(plain(error), icon=":material/report:")
        return
    journal.note(reader.name, reader.grant.role, "setting_changed", name, value=value)
    st.rerun()
