"""The way in: the page of those who are not signed in or have no role, and in the sidebar who one is, as what, and the way out."""

from __future__ import annotations

import streamlit as st

import warehouse
from access import identity, journal, openings
from access.grants import SEGMENTS, Grant
from access.guard import CHOICE, NotAdmitted
from access.identity import Refusal
from access.reach import owners
from access.reader import SITTING_HERE, Reader, session_hours
from access.roles import ROLES
from ui import filters
from ui.words import in_badge, plain, t

NOTED = "_noted"  # digest of the reader whose arrival is in the access log
OPENED = "_opened_page"  # the page that was counted last: what happens on it is no further opening


def closed(refused: NotAdmitted) -> None:
    """Instead of a page: what is missing, and the button that helps. Nothing of the company is on it."""
    why = refused.refusal or Refusal.ABSENT
    with st.container(horizontal_alignment="center"), st.container(border=True, width=440):
        st.title(t("access.welcome"), anchor=False)
        st.markdown(t(f"access.{why}", who=plain(_who()), hours=f"{session_hours(warehouse.directory()):g}"))
        if why == Refusal.NO_ROLE:
            journal.note(_who(), None, "denied", once=True)
            st.button(t("access.sign_out"), on_click=st.logout, icon=":material/logout:", key="sign_out")
        else:
            for name in identity.providers():
                _sign_in(name)
        filters.language_switch()


def _sign_in(provider: str | None) -> None:
    label = t("access.sign_in") if provider is None else t("access.sign_in_with", provider=plain(provider))
    st.button(label, on_click=st.login, args=() if provider is None else (provider,), type="primary", icon=":material/login:", key=f"sign_in_{provider}")


def _who() -> str:
    return str(st.user.to_dict().get("email") or "")


def noted(reader: Reader) -> None:
    """Write the reader's arrival into the access log, once per session and role."""
    if st.session_state.get(NOTED) != reader.digest:
        journal.note(reader.name, reader.grant.role, "signed_in", **_reach(reader.grant))
        st.session_state[NOTED] = reader.digest


def counted(reader: Reader, page: str) -> None:
    """Count that the reader has come to a page; the server itself, which opens pages ahead of readers, does not count."""
    if st.session_state.get(OPENED) != page and st.context.headers.get("User-Agent") != openings.OURSELVES:
        openings.noted(reader.name, page)
    st.session_state[OPENED] = page


def _reach(grant: Grant) -> dict:
    return {"reach": grant.reach} | ({grant.column: list(grant.values)} if grant.column else {})


def badge(reader: Reader) -> None:
    """Who is looking, as what, over whose customers; the way to another role, and out."""
    if not identity.is_configured():
        _local(reader)
        return
    with st.container(gap="xsmall"):
        st.caption(f"{plain(reader.name)}  \n{t(f'access.roles.{reader.grant.role}')} · {plain(reach_in_words(reader.grant))}")
        if len(reader.grants) > 1:
            _choose(reader)
        st.button(t("access.sign_out"), on_click=st.logout, type="tertiary", icon=":material/logout:", key="sign_out")


def reach_in_words(grant: Grant) -> str:
    """ "own customers", "region: South, East"."""
    if grant.reach != "segment":
        return t(f"access.reaches.{grant.reach}")
    return f"{t(f'access.columns.{grant.column}')}: {', '.join(grant.values)}"


def grant_in_words(grant: Grant) -> str:
    """ "Sales · own customers"."""
    return f"{t(f'access.roles.{grant.role}')} · {reach_in_words(grant)}"


def _choose(reader: Reader) -> None:
    """Which of several grants to act under: one at a time, so that no role lends its columns to another one's rows."""
    names = [grant_in_words(grant) for grant in reader.grants]
    chosen = st.selectbox(t("access.act_as"), range(len(names)), index=reader.grants.index(reader.grant), format_func=names.__getitem__, key="act_as")
    if reader.grants[chosen] != reader.grant:
        st.session_state[CHOICE] = reader.grants[chosen]
        st.rerun()


def _local(reader: Reader) -> None:
    """Without sign-in: that it is so, and a way to see the product as somebody else would."""
    with st.container(gap="xsmall"):
        st.caption(t("access.local"))
        is_trying = CHOICE in st.session_state
        if is_trying:
            st.badge(in_badge(plain(grant_in_words(reader.grant))), icon=":material/visibility:", color="orange")
            st.button(t("access.back"), on_click=lambda: st.session_state.pop(CHOICE, None), type="tertiary", icon=":material/undo:", key="view_as_end")
        if st.button(t("access.view_as"), type="tertiary", icon=":material/visibility:", key="view_as", wrap=False):
            st.dialog(t("access.view_as"), icon=":material/visibility:")(_try)()


def _try() -> None:
    """Whom to look as; the choice closes the dialog."""
    role = st.selectbox(t("access.role"), list(ROLES), format_func=lambda name: t(f"access.roles.{name}"), key="view_as_role")
    reach = st.selectbox(t("access.reach"), ("all", "own", "department", "segment"), format_func=lambda name: t(f"access.reaches.{name}"), key="view_as_reach")
    user, column, values = None, None, ()
    if reach in ("own", "department"):
        known = sorted({owner.email for owner in owners(warehouse.directory()) if owner.email})
        user = st.selectbox(t("access.person"), known, key="view_as_person")
    if reach == "segment":
        column = st.selectbox(t("access.column"), SEGMENTS, format_func=lambda name: t(f"access.columns.{name}"), key="view_as_column")
        values = tuple(part.strip() for part in st.text_input(t("access.values"), key="view_as_values").split(",") if part.strip())
    grant = Grant(role, reach, column, values)
    if st.button(t("access.try"), type="primary", key="view_as_go", disabled=reach == "segment" and not values):
        _as(user, grant)
        st.rerun()


def _as(user: str | None, grant: Grant) -> None:
    if (user, grant) == (None, SITTING_HERE):
        st.session_state.pop(CHOICE, None)
    else:
        st.session_state[CHOICE] = user, grant
