"""Targets in lists: the open ones on the overview, all of them in Settings with their history and a form."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from access.guard import admitted_now
from access.roles import may
from metrics import CATALOGUE
from metrics.metric import Metric
from metrics.pace import goal
from metrics.query import QuestionError
from records import database, targets
from records.models import Target, TargetChange
from ui import data, numbers, page, standing
from ui.goal_form import form
from ui.recognised import why
from ui.standing import Standing
from ui.table import Column, table
from ui.view import NO_SNAPSHOT, View
from ui.words import t

COLUMNS = {
    "metric": Column("targets.metric"), "segment": Column("targets.segment"), "baseline": Column("targets.baseline"), "now": Column("targets.now"),
    "expected": Column("targets.expected", help="targets.expected_help"), "goal": Column("targets.goal"),
    "pace": Column("targets.pace", help="targets.pace_help"), "due": Column("targets.due"), "owner": Column("targets.owner"),
    "days": Column("targets.measured"), "note": Column("targets.note"),
}  # fmt: skip
HISTORY = {
    "at": Column("register.at"), "who": Column("register.who"), "column": Column("targets.changed"), "old": Column("targets.old"),
    "new": Column("targets.new"),
}  # fmt: skip
NEW = 0  # stands for no target in the choice of one


def section(view: View) -> None:
    """The open targets with their pace; where there are none, what to do."""
    found = [target for target in standing.known() if not target.is_closed]
    if not found:
        page.empty("targets.none")
        return
    with page.awaited(120):
        rows = [_told(view, target) for target in found]
    behind = [row for row in rows if row["verdict"] in ("behind", "missed")]
    page.sentence(t("targets.says", n=numbers.count(len(rows)), behind=numbers.count(len(behind))))
    table(view, pd.DataFrame(rows), COLUMNS, key="targets", metrics=_metrics(found))


def targets_tab(view: View) -> None:
    """Settings, targets: all of them, and for who may the form to add, change or close one."""
    if view.snapshot == NO_SNAPSHOT:
        page.nothing_published()
        return
    page.sentence(t("targets.about"))
    shows_closed = st.toggle(t("targets.closed_too"), key="targets_closed")
    found = [target for target in standing.known() if shows_closed or not target.is_closed]
    if found:
        table(view, pd.DataFrame([_told(view, target) for target in found]), COLUMNS, key="targets", metrics=_metrics(found))
    else:
        page.empty("targets.none")
    may_edit = may(admitted_now(), "edit_targets")
    numbered = {target.number: target for target in found}
    offered = [NEW, *numbered] if may_edit else list(numbered)
    if not offered:
        return
    names = {NEW: t("targets.add"), **{number: _named(view, target) for number, target in numbered.items()}}
    chosen = st.selectbox(t("targets.choose"), offered, format_func=names.get, key="target_chosen")
    if may_edit:
        form(view, numbered.get(chosen))
    if chosen in numbered:
        _history(view, numbered[chosen])


def _named(view: View, target: Target) -> str:
    return f"{standing.called(target.metric, target.options)} · {standing.described(view, target.segment)} · {numbers.day(target.due_on)}"


def _metrics(found: list[Target]) -> tuple[Metric, ...]:
    known = dict.fromkeys(target.metric for target in found if target.metric in CATALOGUE)
    return tuple(CATALOGUE[name] for name in known)


def _told(view: View, target: Target) -> dict:
    """A target as a row of the lists. One whose figure cannot be asked for says so in its own place."""
    try:
        found, told = standing.standing(view, target), t("targets.verdicts.no_value")
    except QuestionError as error:
        found, told = None, why(error)
    verdict, metric = found.pace.verdict if found else "no_value", target.metric
    return {
        "metric": standing.called(metric, target.options), "segment": standing.described(view, target.segment),
        "baseline": standing.shown(view, metric, target.baseline), "now": _now(view, found),
        "expected": standing.shown(view, metric, found.pace.expected) if found else numbers.NONE,
        "goal": standing.shown(view, metric, goal(standing.course(target))), "pace": _pace(target, verdict) if found else told,
        "due": target.due_on, "owner": target.owner, "days": _days(target), "note": target.note, "verdict": verdict,
    }  # fmt: skip


def _now(view: View, found: Standing | None) -> str:
    if found is None or found.now["state"] != "value":
        return t(f"states.{found.now['state']}") if found else numbers.NONE
    return standing.shown(view, found.target.metric, found.now["value"])


def _pace(target: Target, verdict: str) -> str:
    said = t(f"targets.verdicts.{verdict}")
    return t("targets.closed_at", verdict=said) if target.is_closed else said


def _days(target: Target) -> str:
    return t(f"filters.periods.{target.period}") if target.period in standing.PERIODS else target.period


def _history(view: View, target: Target) -> None:
    """Every change, column by column, the newest first."""
    with st.expander(t("targets.history"), icon=":material/history:", key="target_history", on_change="rerun") as box:
        if not box.open:
            return
        changes = targets.history(database.connect(data.directory()), target.number)
        rows = [row for change in reversed(changes) for row in _changed(view, target, change)]
        table(view, pd.DataFrame(rows, columns=[*HISTORY]), HISTORY, key="target_history")


def _changed(view: View, target: Target, change: TargetChange) -> list[dict]:
    """One row per column; columns that were left empty at the beginning are not told."""
    told = [name for name, value in change.new.items() if name in change.old or value not in ({}, "")]
    return [
        {
            "at": change.at, "who": change.who or t("register.here"), "column": t(f"targets.columns.{name}"),
            **{side: _then(view, target, name, values) for side, values in (("old", change.old), ("new", change.new))},
        }
        for name in told
    ]  # fmt: skip


def _then(view: View, target: Target, name: str, values: dict) -> str:
    return standing.worded(view, target.metric, name, values.get(name), values.get("is_relative", target.is_relative))
