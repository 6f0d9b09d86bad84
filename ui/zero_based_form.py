"""Deciding about one feature that few use: keep, rebuild or remove it, why, who sees to it, by when; and who was faster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st

from access import journal
from access.guard import NotAdmitted, admitted_now
from records import database
from records import features as kept
from records.database import RecordsError
from records.decided import FeatureDecision
from records.rounds import Overtaken
from ui import data, numbers, plans, under_used
from ui.under_used import Used
from ui.view import View
from ui.words import plain, t

ASKED, TURN, TOLD = "_features_asked", "_features_turn", "_features_told"
UNDO = "undo"
FIELDS = ("choice", "reason", "owner", "due")


@dataclass(frozen=True)
class Asked:
    """What a reader wants decided, on what they were shown. held: the decision that held; seen: the newest there was, also one taken back."""

    about: str
    ends_on: dt.date
    use: Mapping
    held: FeatureDecision | None
    seen: int | None
    given: Mapping


def settled(view: View) -> None:
    """Save what was asked for since the page was drawn, before the list is read anew; tell what came of it."""
    asked = st.session_state.pop(ASKED, None)
    if asked is not None:
        _save(view, asked)
    if told := st.session_state.pop(TOLD, None):
        st.success(told, icon=":material/check:")


def panel(view: View, now: Used, row: Mapping, found: list[FeatureDecision]) -> None:
    """What may be decided about a feature."""
    ends_on, turn = now.quarter.end, st.session_state.get(TURN, 0)
    newest = next((one for one in found if one.feature == row["about"] and one.ends_on == ends_on), None)
    held = kept.holding(found, ends_on).get(row["about"])
    place = f"zero_based_{turn}_{row['about']}"
    with st.container(border=True):
        st.markdown(t("zero_based.about", feature=plain(row["called"]), share=numbers.shown(row["value"], "share"), n=numbers.count(row["n"])))
        if held:
            st.caption(plain(under_used.said(view, held)))
        choices = [*kept.DECISIONS, *([UNDO] if held else [])]
        words = {name: t(f"zero_based.choices.{name}") for name in choices}
        choice = st.segmented_control(t("regrades.decision"), choices, default=choices[0], format_func=words.get, required=True, key=f"{place}_choice")
        faults = _fields(view, place, choice)
        for name in faults:
            st.caption(t(f"zero_based.faults.{name}"))
        use = {"share": row["value"], "n": row["n"], "threshold": now.threshold}
        asked = Asked(row["about"], ends_on, use, held, newest.number if newest else None, {})
        st.button(t(f"zero_based.do.{choice}"), type="primary", key=f"{place}_save", disabled=bool(faults), on_click=_ask, args=(asked, place))


def _fields(view: View, place: str, choice: str) -> list[str]:
    """Why; and for work who sees to it, by when. What is wrong with it."""
    if choice == UNDO:
        return []
    reason = st.text_input(t("zero_based.reason"), key=f"{place}_reason", placeholder=t("zero_based.reason_hint"))
    owner, due = "", None
    if choice != kept.KEEP:
        left, right = st.columns(2)
        people = plans.colleagues(view)
        owner = left.selectbox(t("zero_based.owner"), people, None, key=f"{place}_owner", accept_new_options=not people, placeholder=t("cases.assignee_hint"))
        due = right.date_input(t("zero_based.due_on"), None, key=f"{place}_due", format="YYYY-MM-DD")
    return kept.faults(choice, reason, owner or "", due, under_used.today(view))


def _ask(asked: Asked, place: str) -> None:
    """Runs at the click, before the list is read anew: what is saved rests on what the reader saw."""
    st.session_state[ASKED] = replace(asked, given={name: st.session_state.get(f"{place}_{name}") for name in FIELDS})


def _save(view: View, asked: Asked) -> None:
    """Save it; if somebody else was faster, nothing is saved, and who it was is told."""
    reader, given = admitted_now(), asked.given
    if not under_used.may_decide():
        raise NotAdmitted("these features are not the reader's to decide about")
    engine, who = database.opened(data.directory()), {"by": reader.name, "at": dt.datetime.now(dt.UTC)}
    try:
        if given["choice"] == UNDO:
            kept.undo(engine, asked.held, **who)
        else:
            what = (asked.about, asked.ends_on, given["choice"], given["reason"] or "", given["owner"] or "", given["due"])
            kept.decide(engine, *what, use=asked.use, seen=asked.seen, snapshot=view.snapshot, today=under_used.today(view), **who)
    except Overtaken as overtaken:
        under_used.forget()
        st.warning(t("zero_based.overtaken", said=plain(under_used.said(view, overtaken.newer[0]))), icon=":material/group:")
        return
    except RecordsError as error:
        st.error(plain(error), icon=":material/report:")
        return
    detail = {"decision": given["choice"], "quarter": asked.ends_on.isoformat()}
    journal.note(reader.name, reader.grant.role, "feature_decided", asked.about, snapshot=view.snapshot, **detail)
    under_used.forget()
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1
    st.session_state[TOLD] = t("zero_based.done", feature=plain(under_used.feature_of(asked.about)), what=t(f"zero_based.states.{given['choice']}"))
