"""Somebody else was faster: how they left it, what of that differs from what is typed here, and the choice between the two."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from records.models import Plan, Target
from ui import numbers
from ui.view import View
from ui.words import plain, t

MINE, THEIRS = "mine", "theirs"


def choice(view: View, said: str, key: str, theirs: Plan | Target, columns: Mapping[str, tuple[str, str]], note: str | None = None) -> str | None:
    """MINE, THEIRS, or None as long as nothing is chosen; nothing is lost before it is.

    said: glossary key of who was faster, and when. key: the buttons are `<key>_mine` and `<key>_theirs`. columns: what each column is called →
    what is saved and what is typed, in words. note: what else has to be known.
    """
    at = numbers.instant(theirs.changed_at, view.zone)
    st.warning(t(said, by=plain(theirs.changed_by or t("register.here")), at=plain(at)), icon=":material/group:")
    for column, (saved, typed) in columns.items():
        if saved != typed:
            st.caption(t("conflict.differs", column=column, theirs=plain(saved), mine=plain(typed)))
    if note:
        st.caption(note)
    with st.container(horizontal=True):
        is_mine = st.button(t("conflict.mine"), type="primary", key=f"{key}_mine")
        is_theirs = st.button(t("conflict.theirs"), key=f"{key}_theirs")
    return MINE if is_mine else THEIRS if is_theirs else None
