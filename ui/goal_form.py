"""The form of a target. What is typed stays there until it is saved or given up, also when somebody else was faster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from access import journal
from access.guard import NotAdmitted, admitted_now
from access.reader import Reader
from access.roles import may
from metrics import CATALOGUE
from metrics.pace import Course, faults, goal
from metrics.period import add_months
from metrics.query import QuestionError
from records import database, targets
from records.database import RecordsError
from records.editing import Conflict
from records.models import Target
from ui import conflict, data, numbers, offered, standing
from ui.filters import label
from ui.recognised import why
from ui.selection import BLANK, SEGMENTS
from ui.view import View
from ui.words import plain, t

# Figures that are one number for a segment and a period, and can be aimed at.
OFFERED = (
    "nps", "satisfaction", "response_rate", "retention", "nrr", "grr", "logo_churn", "first_month_retention", "quick_ratio", "revenue", "mrr", "arpa", "arpu",
    "arppu", "ltv", "concentration", "win_rate", "win_probability", "funnel_to_cash", "lead_conversion", "sales_cycle", "open_pipeline", "stalled",
    "tickets_answered", "tickets_solved", "open_tickets",
)  # fmt: skip
STATE = "_target_form"
IN_FORM = {"share": 100}  # shares are typed as per cent; other units as they are
KINDS, WAYS = ("relative", "points"), ("higher", "lower")
MONTHS = 3  # until a new target is due


@dataclass
class Editing:
    """The form as it stands in a session. target: as it was when the form was opened (None: a new one); version: which one is
    to be changed. turn: counts the forms, so that a fresh one has fresh fields. conflict: how somebody else has left it since."""

    target: Target | None
    turn: int = 0
    version: int = 0
    conflict: Target | None = None

    def __post_init__(self):
        self.version = self.target.version if self.target else 0

    @property
    def number(self) -> int:
        return self.target.number if self.target else 0


def form(view: View, target: Target | None) -> None:
    """The fields for a new target, or for changing this one; the goal they amount to; and what can be done."""
    editing = _opened(target)
    with st.container(border=True):
        st.subheader(t("targets.change") if target else t("targets.add"), anchor=False)
        given = _given(view, editing.target, f"{editing.number}_{editing.turn}")
        is_possible = _preview(view, given)
        if editing.conflict is not None:
            _conflict(view, editing, given)
        else:
            _buttons(editing, given, is_possible)


def _opened(target: Target | None) -> Editing:
    """The form's state; a fresh one when another target has been chosen. One that changes meanwhile leaves the form alone."""
    editing = st.session_state.get(STATE)
    if editing is None or editing.number != (target.number if target else 0):
        _again(target)
    return st.session_state[STATE]


def _again(target: Target | None) -> None:
    """A fresh form: on a target as it is now, or for a new one."""
    before = st.session_state.get(STATE)
    st.session_state[STATE] = Editing(target, before.turn + 1 if before else 0)


# fields


def _given(view: View, target: Target | None, mark: str) -> dict:
    """All columns of the target as the fields have them."""
    left, right = st.columns(2)
    metric = _metric(left, target, mark)
    period = right.selectbox(
        t("targets.measured"), standing.PERIODS, _at(standing.PERIODS, target and target.period), lambda name: t(f"filters.periods.{name}"),
        key=f"target_period_{mark}", help=t("targets.measured_help"),
    )  # fmt: skip
    segment = _segment(view, target, mark)
    options = target.options if target and target.metric == metric else standing.OPTIONS.get(metric, {})
    asked = {"metric": metric, "options": options, "period": period, "segment": segment}
    begun = _baseline(view, target, asked, mark)
    return {**asked, **begun, **_aim(view, target, metric, mark), **_rest(target, begun["baseline_on"], mark)}


def _at(options: tuple, value) -> int:
    return options.index(value) if value in options else 0


def _metric(place, target: Target | None, mark: str) -> str:
    names = OFFERED if target is None or target.metric in OFFERED else (target.metric, *OFFERED)
    called = {name: standing.called(name, standing.OPTIONS.get(name, {})) for name in names}
    return place.selectbox(t("targets.metric"), names, _at(names, target and target.metric), called.get, key=f"target_metric_{mark}")


def _segment(view: View, target: Target | None, mark: str) -> list[list[str]]:
    """Which customers: values of one column are alternatives. A new target begins with the page's filters."""
    choices = offered.choices(view.snapshot)
    there = {(SEGMENTS[name], "" if value == BLANK else value): (name, value) for name, values in choices.items() for value in values}
    begun = [tuple(pair) for pair in target.segment] if target else [(column, value) for column, values in view.selection.columns for value in values]
    there |= {pair: (pair[0], pair[1]) for pair in begun if pair not in there}  # a value that no customer has any more

    def named(pair: tuple[str, str]) -> str:
        name, value = there[pair]
        return f"{t(f'filters.{name}')}: {label(name, choices[name], value)}" if name in choices else f"{name}: {value}"

    chosen = st.multiselect(t("targets.segment"), list(there), begun, named, key=f"target_segment_{mark}", placeholder=t("targets.company"))
    return [list(pair) for pair in chosen]


def _baseline(view: View, target: Target | None, asked: dict, mark: str) -> dict:
    """Where it begins: the present figure, unless the target has one. Asking for another figure begins with that one."""
    stored = target if target and {name: getattr(target, name) for name in asked} == {**asked, "segment": sorted(asked["segment"])} else None
    period, present = _present(view, asked)
    unit, currency = CATALOGUE[asked["metric"]].unit if asked["metric"] in CATALOGUE else "score", view.currency
    last_day = period.last_day if period else dt.date.today()
    key = mark if stored else f"{mark}_{asked['metric']}_{asked['period']}_{asked['segment']}"
    left, right = st.columns(2)
    begins = stored.baseline if stored else present
    value = _number(left, f"{t('targets.baseline')} ({_unit(unit, currency)})", begins, IN_FORM.get(unit, 1), f"target_baseline_{key}")
    on = right.date_input(t("targets.baseline_on"), stored.baseline_on if stored else last_day, key=f"target_baseline_on_{key}", format="YYYY-MM-DD")
    now = t("targets.no_present") if present is None else t("targets.present", value=plain(numbers.shown(present, unit, currency)))
    st.caption(now if period is None else t("targets.present_days", now=now, first=numbers.day(period.start), last=numbers.day(period.last_day)))
    return {"baseline": value, "baseline_on": on}


def _present(view: View, asked: dict):
    """The days that are measured now, and the figure of them; None where there is none to show."""
    period = standing.days_of(view, asked["period"])
    if period is None or not standing.may_know(admitted_now().scope, asked["metric"], asked["segment"]):
        return period, None
    try:
        row = standing.figure(view, asked["metric"], asked["options"], period, asked["segment"])
    except QuestionError:
        return period, None
    return period, float(row["value"]) if row["state"] == "value" and numbers.is_number(row["value"]) else None


def _number(place, name: str, value: float | None, factor: float, key: str, is_off: bool = False) -> float | None:
    """A number, typed and shown with two decimals. What is not touched keeps the decimals it has."""
    first = None if value is None else round(value * factor, 2)
    typed = place.number_input(name, value=first, step=0.01, format="%.2f", key=key, disabled=is_off)
    return value if typed == first else typed / factor if typed is not None else None


def _unit(unit: str, currency: str) -> str:
    return currency if unit == "money" else t(f"targets.units.{unit}")


def _points(unit: str, currency: str) -> str:
    """What a change is counted in where it is no share of the baseline."""
    return currency if unit == "money" else t(f"targets.points.{unit}")


def _aim(view: View, target: Target | None, metric: str, mark: str) -> dict:
    """What it is to become, and which way is the good one."""
    known = CATALOGUE.get(metric)
    unit, better = (known.unit, known.better) if known else ("score", None)
    left, middle, right = st.columns(3)
    kind = left.segmented_control(
        t("targets.kind"), KINDS, default=KINDS[not target.is_relative] if target else None,
        format_func=lambda name: t("targets.relative") if name == KINDS[0] else _points(unit, view.currency), key=f"target_kind_{mark}_{unit}",
        help=t("targets.kind_help"),
    )  # fmt: skip
    is_relative = None if kind is None else kind == "relative"
    factor = 100 if is_relative else IN_FORM.get(unit, 1)
    given = target.target if target and target.is_relative == is_relative else None
    value = _number(middle, t("targets.target"), given, factor, f"target_target_{mark}_{kind}", is_relative is None)
    way = right.segmented_control(
        t("targets.better"), WAYS, default=WAYS[target.lower_is_better] if target else better or WAYS[0],
        format_func=lambda name: t(f"targets.flags.lower_is_better_{'yes' if name == 'lower' else 'no'}"), key=f"target_better_{mark}_{metric}", required=True,
    )  # fmt: skip
    return {"target": value, "is_relative": is_relative, "lower_is_better": way == "lower"}


def _rest(target: Target | None, baseline_on: dt.date | None, mark: str) -> dict:
    """The line begins where the baseline was measured, unless somebody says otherwise."""
    first = target.starts_on if target else baseline_on or dt.date.today()
    last = target.due_on if target else add_months(first, MONTHS)
    left, middle, right = st.columns(3)
    starts = left.date_input(t("targets.starts"), first, key=f"target_starts_{mark}", format="YYYY-MM-DD")
    due = middle.date_input(t("targets.due"), last, key=f"target_due_{mark}", format="YYYY-MM-DD")
    owner = right.text_input(t("targets.owner"), target.owner if target else admitted_now().name or "", key=f"target_owner_{mark}")
    note = st.text_area(t("targets.note"), target.note if target else "", key=f"target_note_{mark}", height=80)
    return {"starts_on": starts, "due_on": due, "owner": owner, "note": note}


def _preview(view: View, given: dict) -> bool:
    """The goal in words, before it is saved, or what is still missing or wrong; whether it can be saved."""
    wrong = [name for name in ("baseline", "target", "is_relative", "starts_on", "due_on") if given[name] is None]
    declared = None if wrong else Course(*(given[name] for name in ("baseline", "target", "is_relative", "lower_is_better", "starts_on", "due_on")))
    found = ["incomplete"] if wrong else faults(declared)
    found += [] if given["owner"].strip() else ["no_owner"]
    found += [] if standing.may_know(admitted_now().scope, given["metric"], given["segment"]) else ["not_yours"]
    for name in found:
        st.caption(t(f"targets.faults.{name}"))
    if not found:
        goes = {"baseline": standing.shown(view, given["metric"], declared.baseline), "goal": standing.shown(view, given["metric"], goal(declared))}
        st.markdown(t("targets.preview", due=numbers.day(declared.due_on), **{name: plain(text) for name, text in goes.items()}))
    return not found


# saving


def _buttons(editing: Editing, given: dict, is_possible: bool) -> None:
    target = editing.target
    with st.container(horizontal=True):
        if st.button(t("targets.save"), type="primary", key="target_save", disabled=not is_possible):
            _do("change" if target else "add", editing, given)
        if target and not target.is_closed and st.button(t("targets.close"), key="target_close", icon=":material/check_circle:"):
            _do("close", editing, given)
        if target and target.is_closed and st.button(t("targets.reopen"), key="target_reopen", icon=":material/undo:"):
            _do("reopen", editing, given)


NOTED = {"add": "target_added", "change": "target_changed", "close": "target_closed", "reopen": "target_reopened"}  # in the access log


def _do(what: str, editing: Editing, given: dict) -> None:
    """Save, close or open again, and note it. If somebody else was faster, say so and keep what was typed."""
    reader = _editor(given)
    try:
        saved = _written(what, editing, given, reader.name)
    except Conflict as faster:
        editing.conflict = faster.present
        st.rerun()
    except RecordsError as error:
        st.error(plain(why(error)), icon=":material/report:")
        return
    detail = {"number": saved.number, "segment": saved.segment, "version": saved.version}
    journal.note(reader.name, reader.grant.role, NOTED[what], saved.metric, **detail)
    standing.forget()
    _again(None if what == "add" else saved)
    st.rerun()


def _editor(given: Mapping) -> Reader:
    """The reader, who must at this very moment be allowed to set targets, and for these customers."""
    reader = admitted_now()
    if not may(reader, "edit_targets") or not standing.may_know(reader.scope, given["metric"], given["segment"]):
        raise NotAdmitted("this target is not the reader's to set")
    return reader


def _written(what: str, editing: Editing, given: dict, by: str | None) -> Target:
    engine, at = database.opened(data.directory()), dt.datetime.now(dt.UTC)
    if what == "add":
        return targets.add(engine, Target(**given), by, at)
    if what == "change":
        return targets.change(engine, editing.number, editing.version, by=by, at=at, **given)
    return targets.close(engine, editing.number, editing.version, by=by, at=at, is_closed=what == "close")


def _conflict(view: View, editing: Editing, given: dict) -> None:
    """Who was faster, what of it differs from what is typed here, and the choice between the two. Nothing is lost before it is made."""
    theirs = editing.conflict

    def worded(name: str, value, is_relative) -> str:
        return standing.worded(view, theirs.metric, name, value, bool(is_relative))

    sides = {
        t(f"targets.columns.{name}"): (worded(name, getattr(theirs, name), theirs.is_relative), worded(name, mine, given["is_relative"]))
        for name, mine in given.items()
    }
    chosen = conflict.choice(view, "targets.conflict", "target", theirs, sides, t("targets.conflict_closed") if theirs.is_closed else None)
    if chosen == conflict.MINE:
        editing.version, editing.conflict = theirs.version, None
        _do("change", editing, given)
    elif chosen == conflict.THEIRS:
        standing.forget()
        _again(theirs)
        st.rerun()
