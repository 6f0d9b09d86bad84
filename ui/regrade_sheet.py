"""Proposed grades on screen: with how each stands and what may be decided, what was decided when by whom, and the approved ones to take along."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from metrics import people
from records import regrades as kept
from records.decided import Regrade
from ui import behind, customers, data, navigation, numbers, page, regrade_form, regrades, spoken
from ui.table import Column, Listing, choosing, listing, table
from ui.view import View
from ui.words import plain, t

LIST = {
    "customer": Column("segments.customer"), "state": Column("regrades.state"), "present_grade": Column("segments.present"),
    "earned": Column("segments.earned"), "reason": Column("segments.reason"),
    "is_held_back": Column("segments.held_back", help="segments.held_back_help"),
    "score": Column("segments.score", "score"), "score_before": Column("segments.score_before", "score"),
    "amount_score": Column("segments.parts.amount", "progress"), "interactions_score": Column("segments.parts.interactions", "progress"),
    "satisfaction_score": Column("segments.parts.satisfaction", "progress"), "growth_score": Column("segments.parts.growth", "progress"),
    "coverage": Column("segments.coverage", "share", "segments.coverage_help"), "amount": Column("segments.amount", "money"),
    "interactions": Column("segments.interactions", "count"), "pipeline": Column("segments.pipeline", "money"), "decided": Column("regrades.decided"),
}  # fmt: skip
HISTORY = {
    "at": Column("register.at"), "who": Column("register.who"), "customer": Column("segments.customer"), "quarter": Column("regrades.quarter"),
    "decision": Column("regrades.decision"), "present": Column("segments.from"), "proposed": Column("segments.to"), "reason": Column("segments.reason"),
    "score": Column("segments.score", "score"), "amount_score": Column("segments.parts.amount", "progress"),
    "interactions_score": Column("segments.parts.interactions", "progress"), "satisfaction_score": Column("segments.parts.satisfaction", "progress"),
    "growth_score": Column("segments.parts.growth", "progress"), "note": Column("regrades.note"),
}  # fmt: skip
APPROVED = {
    "record": Column("regrades.record", help="regrades.record_help"), "customer": Column("segments.customer"), "present": Column("segments.from"),
    "proposed": Column("regrades.approved"), "code": Column("regrades.code"), "in_source": Column("regrades.in_source", help="regrades.in_source_help"),
    "quarter": Column("regrades.quarter"), "who": Column("regrades.approved_by"), "on": Column("regrades.approved_on"),
}  # fmt: skip
ALL = "all"


@page.part("segments.proposals")
def proposals(view: View) -> None:
    """Customers whose last quarter earns another grade, with every component and the reason; who may, decides about them."""
    with page.section("segments.proposals", help="segments.proposals_help"):
        regrade_form.settled(view)
        answer = data.answer(view, "grade_proposals")
        page.failed_checks(answer)
        found, known = _proposed(view), regrades.known(view)
        if found is None:
            page.empty("segments.none")
        else:
            _standing(view, found, known)
        if known:
            _decided(view, known)


@dataclass(frozen=True)
class Proposed:
    """The proposals of a quarter: the first day after it, a sentence, and the list in words with how many there are."""

    ends_on: dt.date
    says: str
    rows: pd.DataFrame
    total: int


@data.told
def _proposed(view: View) -> Proposed | None:
    """None where no customer has a grade."""
    answer = data.answer(view, "grade_proposals")
    found = answer.rows.iloc[0]
    if found["state"] != "value":
        return None
    ends_on = dt.date.fromisoformat(answer.notes["quarter_end"]) + regrades.DAY
    values = {name: numbers.count(found[name]) for name in ("n", "denominator", "up", "down", "first", "held_back")}
    says = t("segments.proposals_says", **values, amount=numbers.shown(found["amount"], "money", view.currency), day=regrades.quarter(ends_on))
    listed = data.rows_behind(view, "grade_proposals")
    return Proposed(ends_on, says, _worded(listed.rows), listed.total)


def _standing(view: View, found: Proposed, known: regrades.Known) -> None:
    """The proposals of a quarter with how each stands and, for who may, the panel about those selected."""
    page.sentence(found.says)
    held = regrades.holding(known, found.ends_on)
    if held:
        stands = {name: numbers.count(n) for name, n in regrades.counted(found.rows, held).items()}
        page.sentence(t("regrades.says", **stands))
    stands = tuple(sorted((account, one.decision, regrades.said(view, one)) for account, one in held.items()))
    shown = _listed(view, stands, _chosen_state(found.rows, held))
    everything = lambda: regrades.beside(_worded(data.rows_behind(view, "grade_proposals", limit=None).rows), stands)  # noqa: E731
    further = {"metrics": (data.metric("grade_proposals"),), "total": found.total if len(shown.rows) == len(found.rows) else None, "whole": everything}
    if not regrades.may_decide():
        behind.leading(view, shown, key="segments_proposals", **further)
        return
    chosen = choosing(view, shown, key="segments_proposals", by="customer_id", turn=regrade_form.turn(), **further)
    st.caption(t("regrades.select")) if not chosen else _chosen(view, found.ends_on, chosen, known)


def _chosen(view: View, ends_on: dt.date, chosen: list[dict], known: regrades.Known) -> None:
    if len(chosen) == 1:
        navigation.customer_link(view, chosen[0]["customer_id"], t("behind.open_customer", name=plain(chosen[0]["customer"])))
    regrade_form.panel(view, ends_on, [_code(one) for one in chosen], known)


def _code(row: dict) -> dict:
    """A row of the list as it is kept: grades and reason as codes, not in the reader's words."""
    return {**row, **{name: row[f"{name}_code"] for name in ("present", "proposed", "reason")}}


def _worded(rows: pd.DataFrame) -> pd.DataFrame:
    """The proposals in words, the largest customers first; the codes stay beside."""
    rows = rows.assign(present_code=rows["present_grade"], proposed_code=rows["earned"], reason_code=rows["reason"])
    told = spoken.in_words(rows, spoken.grade, "present_grade", "earned", missing=True).sort_values(["amount", "customer_id"], ascending=[False, True])
    return told.assign(reason=[because(row) for row in told.to_dict("records")])


def _chosen_state(rows: pd.DataFrame, held: Mapping[str, Regrade]) -> str:
    """Which proposals the reader wants to see: all, where none of them is decided."""
    if not rows["customer_id"].isin(held).any():
        return ALL
    words = {name: t(f"regrades.states.{name}") for name in (*regrades.STATES, ALL)}
    return st.segmented_control(t("regrades.state"), list(words), default=regrades.STATES[0], format_func=words.get, key="regrades_state", required=True)


@data.told
def _listed(view: View, stands: tuple[tuple[str, str, str], ...], wanted: str) -> Listing:
    """The proposals with how they stand, those in one state or all. stands: of those decided the account, the decision, and what is said of it."""
    rows = regrades.beside(_proposed(view).rows, stands)
    return listing(view, rows if wanted == ALL else rows[rows["decision"] == wanted], LIST)


def because(row: dict) -> str:
    """Why a customer earns another grade, in words."""
    if row["reason"] is None or pd.isna(row["reason"]):
        return ""
    how = ("rose" if row["is_up"] else "fell") if row["is_moved"] else ("high" if row["is_up"] else "low")
    return t(f"segments.because.{how}", part=t(f"segments.parts.{row['reason']}"))


# what was decided


def _decided(view: View, known: regrades.Known) -> None:
    """The approved grades of a quarter to take along, and everything that was decided."""
    with st.expander(t("regrades.approved_list"), key="regrades_approved_box", on_change="rerun") as box:
        if box.open:
            _approved(view, known)
    with st.expander(t("regrades.history"), key="regrades_history_box", on_change="rerun") as box:
        if box.open:
            names = customers.names(view, known)
            rows = [_event(one, names.get(account, account)) for account, theirs in known.items() for one in theirs]
            table(view, pd.DataFrame(rows).sort_values("number", ascending=False), HISTORY, key="regrades_history")


def _event(one: Regrade, called: str) -> dict:
    frozen = {name: getattr(one, name) for name in (*kept.SCORES, *kept.FLAGS, "reason", "note", "number", "at")}
    return {
        **frozen, "who": one.who or t("register.here"), "customer": called, "quarter": one.ends_on - regrades.DAY,
        "decision": t(f"regrades.states.{one.decision}"), "present": spoken.grade(one.present), "proposed": spoken.grade(one.proposed),
        "reason": because(frozen),
    }  # fmt: skip


def _approved(view: View, known: regrades.Known) -> None:
    """The approved grades of one quarter, for import into the source; and whether the source has them by now."""
    st.caption(t("regrades.approved_help"))
    ends = regrades.quarters(known)
    ends_on = st.selectbox(t("regrades.quarter"), ends, format_func=regrades.quarter, key="regrades_quarter", width=240)
    held = {account: one for account, one in regrades.holding(known, ends_on).items() if one.decision == kept.APPROVED}
    if not held:
        st.caption(t("regrades.none_approved"))
        return
    names, present = customers.names(view, held), customers.about(view.snapshot, people.grades, *sorted(held))
    rows = pd.DataFrame([_grade(view, one, account, names.get(account, account), present.get(account)) for account, one in held.items()])
    table(view, rows.sort_values("customer"), APPROVED, key="approved_grades")


def _grade(view: View, one: Regrade, account: str, called: str, present: str | None) -> dict:
    return {
        "record": account, "customer": called, "present": spoken.grade(one.present), "proposed": spoken.grade(one.proposed), "code": one.proposed,
        "in_source": present or "", "quarter": one.ends_on - regrades.DAY, "who": one.who or t("register.here"), "on": regrades.on(view, one),
    }  # fmt: skip
