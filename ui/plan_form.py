"""The form of a plan. What is typed stays there until it is saved or given up, also when somebody else was faster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from access import journal
from access.guard import NotAdmitted, admitted_now
from access.reader import Reader
from metrics.period import add_months
from records import database
from records import plans as kept
from records.database import RecordsError
from records.editing import Conflict
from records.models import Plan
from ui import conflict, data, numbers, plans
from ui.plans import Opening
from ui.recognised import why
from ui.view import View
from ui.words import plain, t

STATE = "_plan_form"
MONTHS = 3  # until a new plan is due
LIKELY = 20  # unhappy customers put on the list of a new plan by themselves
IN_FORM = {"share": 100}  # shares are typed as per cent


@dataclass
class Editing:
    """The form as it stands in a session. plan: as it was when the form was opened, or a new one (number None); mark: what it is
    about. turn: counts the forms, so that a fresh one has fresh fields. version: which one is to be changed. conflict: how somebody
    else has left it since."""

    plan: Plan
    mark: str
    turn: int = 0
    version: int = 0
    conflict: Plan | None = None


def new(view: View, opening: Opening) -> None:
    """The form for a plan that is opened now."""
    mark = f"new {opening.frozen['segment']} {opening.frozen['dimension']} {opening.frozen['question']} {opening.frozen['wave']}"
    editing = _opened(Plan(**opening.frozen, status="open"), mark)
    given = _fields(view, editing)
    told = st.multiselect(
        t("plans.inform"), list(opening.customers), list(opening.unhappy[:LIKELY]), opening.customers.get, key=_key("inform", editing),
        placeholder=t("plans.nobody_yet"), help=t("plans.inform_help"),
    )  # fmt: skip
    if not opening.customers:
        st.caption(t("plans.nobody_named"))
    is_possible = _is_possible(view, editing.plan, given)
    if st.button(t("plans.open"), type="primary", key="plan_open", icon=":material/add_task:", disabled=not is_possible):
        _add(view, editing, given, told)


def change(view: View, plan: Plan) -> None:
    """The form for the editable part of a plan. One that changes meanwhile leaves the form alone."""
    editing = _opened(plan, str(plan.number))
    given = _fields(view, editing)
    is_possible = _is_possible(view, editing.plan, given)
    if editing.conflict is not None:
        _conflict(view, editing, given)
    elif st.button(t("plans.save"), type="primary", key="plan_save", disabled=not is_possible):
        _change(view, editing, given)


def _opened(plan: Plan, mark: str) -> Editing:
    editing = st.session_state.get(STATE)
    if editing is None or editing.mark != mark:
        _again(plan, mark)
    return st.session_state[STATE]


def _again(plan: Plan, mark: str) -> None:
    """A fresh form: on a plan as it is now, or for a new one."""
    before = st.session_state.get(STATE)
    st.session_state[STATE] = Editing(plan, mark, before.turn + 1 if before else 0, plan.version or 0)


# fields


def _key(name: str, editing: Editing) -> str:
    return f"plan_{name}_{editing.plan.number or 'new'}_{editing.turn}"


def _fields(view: View, editing: Editing) -> dict:
    """The editable columns as the fields have them."""
    plan = editing.plan
    problem = st.text_area(t("plans.problem"), plan.problem or "", key=_key("problem", editing), height=80, placeholder=t("plans.problem_hint"))
    left, right = st.columns(2)
    with left:
        whys = _whys(plan, editing)
    with right:
        lines = st.text_area(
            t("plans.measures"), "\n".join(plan.measures or ()), key=_key("measures", editing), height=130, placeholder=t("plans.measures_hint"),
        )  # fmt: skip
        return {"problem": problem, "whys": whys, "measures": lines.splitlines(), **_promise(view, editing)}


def _whys(plan: Plan, editing: Editing) -> list[str]:
    """Five questions, each about the answer before."""
    given = [*(plan.whys or ()), *[""] * kept.WHYS][: kept.WHYS]
    return [st.text_input(t("plans.why", n=place + 1), text, key=_key(f"why{place}", editing)) for place, text in enumerate(given)]


def _promise(view: View, editing: Editing) -> dict:
    """Who sees to it by when, what it is to lead to, and how far it is."""
    plan, day = editing.plan, plans.today(view)
    offered = list(dict.fromkeys([*([plan.owner] if plan.owner else []), *plans.colleagues(view)]))
    is_known = bool(plan.owner or admitted_now().name)  # nobody is chosen by chance
    owner = st.selectbox(
        t("plans.owner"), offered, 0 if is_known else None, key=_key("owner", editing), accept_new_options=True, placeholder=t("plans.owner_hint"),
    )  # fmt: skip
    left, right = st.columns(2)
    due = left.date_input(t("plans.due"), plan.due_on or add_months(day, MONTHS), key=_key("due", editing), format="YYYY-MM-DD")
    factor = IN_FORM.get(plans.unit(plan), 1)
    first = None if plan.expected is None else round(plan.expected * factor, 2)
    typed = right.number_input(_called(plan), value=first, step=0.1, format="%.2f", key=_key("expected", editing), help=t("plans.expected_help"))
    expected = plan.expected if typed == first else None if typed is None else typed / factor
    status = st.segmented_control(
        t("plans.status"), kept.STATUSES, default=plan.status, format_func=lambda name: t(f"plans.statuses.{name}"), key=_key("status", editing), required=True,
    )  # fmt: skip
    return {"owner": owner or "", "due_on": due, "expected": expected, "status": status}


def _called(plan: Plan) -> str:
    low, high = kept.ends(plan)
    if plans.unit(plan) == "share":
        return t("plans.expected_share")
    return t("plans.expected_on", low=numbers.bare(low).replace("-", "−"), high=numbers.bare(high))


def _is_possible(view: View, plan: Plan, given: Mapping) -> bool:
    """Whether it can be saved; what is missing or wrong is said."""
    keeps_its_day = plan.due_on is not None and given["due_on"] == plan.due_on
    found = kept.faults(given, kept.ends(plan), plan.score, None if keeps_its_day else plans.today(view))
    people = plans.colleagues(view)
    if given["owner"].strip() and people and given["owner"] not in people and given["owner"] != plan.owner:
        found.append("unknown_owner")
    if not plans.may_edit(plan.segment):
        found.append("not_yours")
    for name in found:
        st.caption(t(f"plans.faults.{name}"))
    return not found


# saving


def editor(plan: Plan) -> Reader:
    """The reader, who must at this very moment be allowed to edit plans, and of these customers."""
    if not plans.may_edit(plan.segment):
        raise NotAdmitted("this plan is not the reader's to edit")
    return admitted_now()


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def noted(reader: Reader, what: str, number: int, **detail) -> None:
    """Write what was done with a plan into the access log; its texts stay out of it."""
    journal.note(reader.name, reader.grant.role, what, f"plan {number}", **detail)


def _add(view: View, editing: Editing, given: Mapping, told: list[str]) -> None:
    reader, frozen = editor(editing.plan), {name: getattr(editing.plan, name) for name in kept.FROZEN}
    try:
        saved = kept.add(database.opened(data.directory()), Plan(**frozen, **given), told, by=reader.name, at=_now(), today=plans.today(view))
    except RecordsError as error:
        st.error(plain(why(error)), icon=":material/report:")
        return
    noted(reader, "plan_opened", saved.number, segment=saved.segment, customers=len(told), snapshot_of=saved.snapshot)
    plans.forget()
    del st.session_state[STATE]
    go(view, saved.number)


def _change(view: View, editing: Editing, given: Mapping) -> None:
    """Save what is typed. If somebody else was faster, say so and keep it."""
    reader, plan = editor(editing.plan), editing.plan
    engine, today = database.opened(data.directory()), plans.today(view)
    try:
        saved, differing = kept.change(engine, plan.number, editing.version, by=reader.name, at=_now(), today=today, **given)
    except Conflict as faster:
        editing.conflict = faster.present
        st.rerun()
    except RecordsError as error:
        st.error(plain(why(error)), icon=":material/report:")
        return
    noted(reader, "plan_changed", saved.number, changed=differing, status=saved.status, version=saved.version)
    plans.forget()
    _again(saved, editing.mark)
    st.rerun()


def go(view: View, number: int | None) -> None:
    """Open a plan, or the list: the URL names it, and the page is drawn anew."""
    st.query_params.from_dict({**view.params(), **({"plan": str(number)} if number else {})})
    st.rerun()


def _conflict(view: View, editing: Editing, given: Mapping) -> None:
    """Who was faster, what of it differs from what is typed here, and the choice between the two. Nothing is lost before it is made."""
    theirs = editing.conflict
    sides = {t(f"plans.columns.{name}"): (_worded(theirs, name, getattr(theirs, name)), _worded(theirs, name, given[name])) for name in kept.EDITABLE}
    chosen = conflict.choice(view, "plans.conflict", "plan", theirs, sides)
    if chosen == conflict.MINE:
        editing.version, editing.conflict = theirs.version, None
        _change(view, editing, given)
    elif chosen == conflict.THEIRS:
        plans.forget()
        _again(theirs, editing.mark)
        st.rerun()


def _worded(plan: Plan, name: str, value) -> str:
    """The value of a column in words."""
    if name == "status":
        return t(f"plans.statuses.{value}")
    if name == "expected":
        return plans.shown(plan, value)
    if isinstance(value, dt.date):
        return numbers.day(value)
    texts = [text.strip() for text in value if text.strip()] if isinstance(value, list) else [str(value or "").strip()]
    return " / ".join(texts) or numbers.NONE
