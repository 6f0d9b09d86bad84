"""The panel of a customer's case: what is known of it, and what may be done. What is typed stays there until it is saved, also when somebody
else was faster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from access import journal
from access.guard import NotAdmitted, admitted_now
from access.reader import Reader
from metrics import people
from metrics.policies import Policy
from records import cases as kept
from records import database
from records.database import RecordsError
from records.editing import Conflict
from records.models import Case
from ui import case_sheet, cases, customers, data, numbers, page, plans, reasons
from ui.view import View
from ui.words import plain, t

STATE, TURNS = "_case_forms", "_case_turns"
SNOOZE_DAYS, DUE_DAYS = 14, 5  # proposed where nothing else says so


@dataclass
class Acting:
    """A panel as it stands in a session. place: where on the page it is. row: of the list, None for a customer who is not on it. case: as it was
    read, None before there is one. turn: counts the panels, so that a fresh one has fresh fields. conflict: who was faster, in words."""

    place: str
    account: str
    row: Mapping | None
    case: Case | None
    policy: Policy
    turn: int = 0
    conflict: str = ""

    def key(self, name: str) -> str:
        return f"case_{name}_{self.place}_{self.turn}"


def folded(now: View, account: str, row: Mapping | None, case: Case | None, policy: Policy, place: str) -> None:
    """The panel behind its button, for whom there is something to do or to read; without a row of the list nothing can be opened."""
    if case is None and (row is None or not cases.may_edit()):
        return
    with st.expander(t("cases.work" if case else "cases.open"), icon=":material/medical_services:", key=f"case_box_{place}", on_change="rerun") as box:
        if box.open:
            panel(now, account, row, case, policy, place)
        else:
            _forms().pop(place, None)


@page.part("cases.title")
def panel(now: View, account: str, row: Mapping | None, case: Case | None, policy: Policy, place: str) -> None:
    """What is known of a case, and what may be done."""
    acting = _acting(Acting(place, account, row, case, policy))
    if acting.conflict:
        st.warning(acting.conflict, icon=":material/group:")
    if acting.case is not None:
        case_sheet.facts(now, acting.case, acting.policy)
    if cases.may_edit() and (choices := _choices(acting)):
        _act(now, acting, choices)
    if acting.case is not None:
        case_sheet.happened(now, [acting.case])


def _forms() -> dict[str, Acting]:
    return st.session_state.setdefault(STATE, {})


def _acting(fresh: Acting) -> Acting:
    """The panel of a place as it was left, as long as it is about the same customer; one that is left alone is a fresh one later."""
    kept_ = _forms().get(fresh.place)
    if kept_ is None or kept_.account != fresh.account:
        st.session_state[TURNS] = fresh.turn = st.session_state.get(TURNS, 0) + 1
        _forms()[fresh.place] = kept_ = fresh
    return kept_


def _choices(acting: Acting) -> tuple[str, ...]:
    """What may be done: a closed case can only be spoken about."""
    if acting.case is None:
        return ("open", "snooze", "close") if acting.row is not None else ()
    further = {kept.OPEN: ("change", "snooze", "close", "comment"), kept.SNOOZED: ("wake", "change", "close", "comment"), kept.CLOSED: ("comment",)}
    return further[acting.case.status]


def _act(now: View, acting: Acting, choices: tuple[str, ...]) -> None:
    how = {"format_func": lambda name: t(f"cases.acts.{name}"), "required": True, "key": acting.key(f"act_{'_'.join(choices)}")}
    chosen = st.segmented_control(t("cases.act"), choices, default=choices[0], **how)
    given, faults = FIELDS[chosen](now, acting)
    for name in faults:
        st.caption(t(f"cases.faults.{name}"))
    if st.button(t(f"cases.do.{chosen}"), type="primary", key=acting.key("save"), disabled=bool(faults)):
        _save(now, acting, chosen, given)


# fields: what is typed, and what is wrong with it


def _work(now: View, acting: Acting) -> tuple[dict, list[str]]:
    """Who sees to it, by when, by which play."""
    first, day = _first(now, acting), cases.today(now)
    people_ = list(dict.fromkeys([*([first["assignee"]] if first["assignee"] else []), *plans.colleagues(now)]))
    left, middle, right = st.columns(3)
    who = left.selectbox(
        t("cases.assignee"), people_, 0 if first["assignee"] else None, key=acting.key("assignee"), accept_new_options=not people_,
        placeholder=t("cases.assignee_hint"),
    )  # fmt: skip
    due = middle.date_input(t("cases.due_on"), first["due_on"], key=acting.key("due"), format="YYYY-MM-DD")
    names = list(dict.fromkeys([None, first["play"], *(play.name for play in acting.policy.plays)]))
    called = {name: reasons.play_named(name, acting.policy) for name in names}
    play = right.selectbox(t("cases.play"), names, names.index(first["play"]), format_func=called.get, key=acting.key("play"))
    given = {"assignee": who or "", "due_on": due, "play": play}
    keeps_its_day = acting.case is not None and due == acting.case.due_on
    return given, kept.faults(given, None if keeps_its_day else day)


def _first(now: View, acting: Acting) -> dict:
    """The fields before anything is typed: as the case has them; for a new one the owner, the days of the grade's policy, the next best action."""
    if acting.case is not None:
        return {name: getattr(acting.case, name) for name in kept.EDITABLE}
    action, serving = reasons.action(acting.row, acting.policy), customers.about(now.snapshot, people.called)
    owner = acting.row["owner_id"] if isinstance(acting.row.get("owner_id"), str) else None
    due = cases.today(now) + dt.timedelta(days=action.within_days if action else DUE_DAYS)
    return {"assignee": serving.get(owner) or admitted_now().name, "due_on": due, "play": action.play.name if action else None}


def _snooze(now: View, acting: Acting) -> tuple[dict, list[str]]:
    day = cases.today(now)
    until = st.date_input(t("cases.until"), day + dt.timedelta(days=SNOOZE_DAYS), key=acting.key("until"), format="YYYY-MM-DD", help=t("cases.until_help"))
    reason = st.text_input(t("cases.reason"), key=acting.key("snooze_reason"), placeholder=t("cases.snooze_hint"))
    return {"until": until, "reason": reason}, kept.snooze_faults(until, reason, day)


def _close(now: View, acting: Acting) -> tuple[dict, list[str]]:
    how = {"format_func": lambda name: t(f"cases.outcomes.{name}"), "key": acting.key("outcome"), "help": t("cases.outcome_help")}
    outcome = st.segmented_control(t("cases.outcome"), kept.OUTCOMES, **how)
    reason = st.text_input(t("cases.reason"), key=acting.key("close_reason"), placeholder=t("cases.close_hint"))
    return {"outcome": outcome, "reason": reason}, kept.close_faults(outcome, reason)


def _comment(now: View, acting: Acting) -> tuple[dict, list[str]]:
    text = st.text_area(t("cases.comment"), key=acting.key("comment"), height=80)
    return {"text": text}, [] if text.strip() else ["no_text"]


def _wake(now: View, acting: Acting) -> tuple[dict, list[str]]:
    return {}, []


FIELDS = {"open": _work, "change": _work, "snooze": _snooze, "close": _close, "comment": _comment, "wake": _wake}
DONE = {"open": "case_opened", "change": "case_changed", "snooze": "case_snoozed", "close": "case_closed", "comment": "case_commented", "wake": "case_woken"}


# saving


def _save(now: View, acting: Acting, what: str, given: Mapping) -> None:
    """Save what is typed. If somebody else was faster, say so, keep it, and go on from the case as it is now."""
    reader = _editor(now, acting.account)
    try:
        case = acting.case or _add(now, acting, reader, given if what == "open" else _first(now, acting))
        acting.case = case  # what comes after its opening may still be refused
        if what != "open":
            _do(now, acting, case, reader, what, given)
    except Conflict as conflict:
        cases.forget()
        at = numbers.instant(conflict.at, now.zone) if conflict.at else numbers.NONE
        acting.case, acting.conflict = conflict.present, t("cases.conflict", by=plain(conflict.by or t("register.here")), at=plain(at))
        st.rerun()
    except RecordsError as error:
        st.error(plain(error), icon=":material/report:")
        return
    _forms().pop(acting.place, None)
    cases.forget()
    st.rerun()


def _editor(now: View, account: str) -> Reader:
    """The reader, who must at this very moment be allowed to work on cases, and to see this customer."""
    if not cases.may_edit() or not cases.is_theirs(now, account):
        raise NotAdmitted("this case is not the reader's to work on")
    return admitted_now()


def _add(now: View, acting: Acting, reader: Reader, given: Mapping) -> Case:
    row, action = acting.row, reasons.action(acting.row, acting.policy)
    frozen = {
        "customer_id": acting.account, "flags": cases.flags(row), "since": row.get("since"), "score": row.get("score"), "revenue": row.get("revenue"),
        "currency": now.currency, "proposed": action.play.name if action else None, "snapshot": now.snapshot,
    }  # fmt: skip
    given = {**given, "assignee": given["assignee"] or reader.name or t("register.here")}
    made = kept.add(database.opened(data.directory()), Case(**frozen, **given), by=reader.name, at=_now(), today=cases.today(now))
    _noted(reader, "open", made, acting.account)
    return made


def _do(now: View, acting: Acting, case: Case, reader: Reader, what: str, given: Mapping) -> None:
    engine, standing, day = database.opened(data.directory()), cases.flags(acting.row), cases.today(now)
    who = {"by": reader.name, "at": _now()}
    if what == "comment":
        kept.comment(engine, case.number, given["text"], **who)
    elif what == "change":
        kept.change(engine, case.number, case.version, **given, **who, today=day)
    elif what == "snooze":
        kept.snooze(engine, case.number, case.version, given["until"], given["reason"], standing, **who, today=day)
    elif what == "close":
        kept.close(engine, case.number, case.version, given["outcome"], given["reason"], standing, **who)
    else:
        kept.wake(engine, case.number, case.version, **who)
    _noted(reader, what, case, acting.account, **({"outcome": given["outcome"]} if what == "close" else {}))


def _noted(reader: Reader, what: str, case: Case, account: str, **detail) -> None:
    """Write what was done into the access log; what was typed stays out of it."""
    journal.note(reader.name, reader.grant.role, DONE[what], f"case {case.number}", customer=account, **detail)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
