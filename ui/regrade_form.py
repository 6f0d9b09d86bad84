"""Deciding about proposed grades, one or several: what is selected, what is typed, and who was faster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from access import journal
from access.guard import NotAdmitted, admitted_now
from access.reader import Reader
from records import database
from records import regrades as kept
from records.database import RecordsError
from records.decided import Regrade
from records.rounds import Overtaken
from ui import customers, data, numbers, regrades
from ui.view import View
from ui.words import plain, t

ASKED, TURN, NOTE, TOLD = "_regrades_asked", "_regrades_turn", "_regrades_note", "_regrades_told"
UNDO = "undo"


@dataclass(frozen=True)
class Asked:
    """What a reader wants decided, on what they were shown. proposals: rows of the list; held: the decisions that held about them; seen: by
    customer the newest decision there was."""

    ends_on: dt.date
    proposals: tuple[Mapping, ...]
    held: tuple[Regrade, ...]
    seen: Mapping[str, int]
    choice: str = ""
    note: str = ""


def turn() -> int:
    """Counts what was saved: after each nothing is selected any more."""
    return st.session_state.get(TURN, 0)


def settled(view: View) -> None:
    """Save what was asked for since the page was drawn, before the list is read anew; tell what came of it."""
    asked = st.session_state.pop(ASKED, None)
    if asked is not None:
        _save(view, asked)
    if told := st.session_state.pop(TOLD, None):
        st.success(told, icon=":material/check:")


def panel(view: View, ends_on: dt.date, chosen: Sequence[Mapping], found: regrades.Known) -> None:
    """What may be decided about the selected proposals."""
    held = regrades.holding(found, ends_on)
    decided = tuple(held[row["customer_id"]] for row in chosen if row["customer_id"] in held)
    choices = [*kept.DECISIONS, *([UNDO] if len(decided) == len(chosen) else [])]
    place = f"regrade_{turn()}"
    with st.container(border=True):
        st.markdown(f"**{t('regrades.selected', n=numbers.count(len(chosen)))}**")
        words = {name: t(f"regrades.choices.{name}") for name in choices}
        choice = st.segmented_control(t("regrades.decision"), choices, default=choices[0], format_func=words.get, required=True, key=f"{place}_choice")
        note = st.text_input(t("regrades.note"), st.session_state.get(NOTE, ""), key=f"{place}_note", placeholder=t("regrades.note_hint"))
        those = _meant(chosen, choice)
        if len(those) < len(chosen):
            st.caption(t("regrades.left_out", n=numbers.count(len(chosen) - len(those))))
        faults = [] if choice == UNDO else kept.faults(choice, note, those)
        for name in faults:
            st.caption(t(f"regrades.faults.{name}"))
        asked = Asked(ends_on, tuple(those), decided, regrades.newest(found, ends_on))
        do = t(f"regrades.do.{choice}", n=numbers.count(len(those)))
        st.button(do, type="primary", key=f"{place}_save", disabled=bool(faults), on_click=_ask, args=(asked, place))


def _meant(chosen: Sequence[Mapping], choice: str) -> list[Mapping]:
    """The proposals a decision is about: approving several leaves out those that crossed by a hair."""
    lasting = [row for row in chosen if not row["is_held_back"]]
    return lasting if choice == kept.APPROVED and len(chosen) > 1 else list(chosen)


def _ask(asked: Asked, place: str) -> None:
    """Runs at the click, before the list is read anew: what is saved rests on what the reader saw."""
    choice, note = (st.session_state[f"{place}_{name}"] for name in ("choice", "note"))
    st.session_state[NOTE] = note
    st.session_state[ASKED] = Asked(asked.ends_on, asked.proposals, asked.held, asked.seen, choice, note)


def _save(view: View, asked: Asked) -> None:
    """Save it. If somebody else was faster, nothing is saved, each of them is named, and what was typed stays."""
    reader = _editor(view, asked)
    engine, who = database.opened(data.directory()), {"by": reader.name, "at": dt.datetime.now(dt.UTC)}
    try:
        if asked.choice == UNDO:
            made = kept.undo(engine, asked.held, asked.note, **who)
        else:
            made = kept.decide(engine, asked.ends_on, asked.choice, asked.note, asked.proposals, seen=asked.seen, snapshot=view.snapshot, **who)
    except Overtaken as overtaken:
        regrades.forget()
        _overtaken(view, overtaken)
        return
    except RecordsError as error:
        st.error(plain(error), icon=":material/report:")
        return
    detail = {"decision": made[0].decision, "customers": len(made), "quarter": asked.ends_on.isoformat()}
    journal.note(reader.name, reader.grant.role, "grades_decided", "grades", snapshot=view.snapshot, **detail)
    regrades.forget()
    st.session_state.pop(NOTE, None)
    st.session_state[TURN] = turn() + 1
    st.session_state[TOLD] = t(f"regrades.done.{asked.choice}", n=numbers.count(len(made)))


def _editor(view: View, asked: Asked) -> Reader:
    """The reader, who must at this very moment be allowed to decide about grades, and to see all of these customers."""
    accounts = [row["customer_id"] for row in asked.proposals]
    if not regrades.may_decide() or not regrades.are_theirs(view, accounts):
        raise NotAdmitted("these grades are not the reader's to decide")
    return admitted_now()


def _overtaken(view: View, overtaken: Overtaken) -> None:
    """Who was faster, customer by customer."""
    names = customers.names(view, [one.customer_id for one in overtaken.newer])
    st.warning(t("regrades.overtaken", n=numbers.count(len(overtaken.newer))), icon=":material/group:")
    for one in overtaken.newer:
        values = {"who": one.who or t("register.here"), "at": numbers.instant(one.at, view.zone), "customer": names.get(one.customer_id, one.customer_id)}
        st.caption(t("regrades.overtaken_says", decision=t(f"regrades.states.{one.decision}"), **{name: plain(said) for name, said in values.items()}))
