"""Cases on screen: one with what it was opened on and what happened since, all of a customer, the list of all, and what plays led to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pandas as pd
import streamlit as st

import charts
from charts.checked import Checked
from metrics.outcomes import LEAST, outcomes
from metrics.policies import Policy, policy
from records import cases as kept
from records.models import Case
from ui import cases, customers, data, numbers, page, reasons
from ui.figure import figure, ready
from ui.table import Column, Listing, listing, table
from ui.view import View
from ui.words import plain, t

SHOWN = ("running", "overdue", kept.OPEN, kept.SNOOZED, kept.CLOSED, "all")
LIST = {
    "customer": Column("at_risk.columns.customer"), "standing": Column("cases.standing"), "assignee": Column("cases.assignee"), "due": Column("cases.due_on"),
    "play": Column("cases.play"), "why": Column("cases.opened_on_flags"), "still": Column("cases.still"), "opened": Column("cases.opened_on"),
    "revenue": Column("cases.revenue", "money"), "outcome": Column("cases.outcome"),
}  # fmt: skip
EFFECT = {
    "play": Column("cases.play"), "value": Column("cases.share_saved", "share"), "low": Column("nps.low", "share"), "high": Column("nps.high", "share"),
    "n": Column("cases.closed_n", "count"), "saved": Column("cases.saved_n", "count"), "false_alarms": Column("cases.false_alarms_n", "count"),
}  # fmt: skip


def facts(now: View, case: Case, policy: Policy) -> None:
    """How a case stands, what it was opened on, and what is done."""
    stands = kept.standing([case], case.flags, cases.today(now)).state
    st.markdown(f"**{plain(cases.said(case, stands, now))}**")
    opened = t("cases.opened_says", day=numbers.day(cases.opened_on(case, now)), by=case.created_by or t("register.here"), why=cases.why(case))
    st.caption(plain(opened))
    beside = [t("cases.play_says", play=cases.followed(case, policy))]
    beside += [t("cases.revenue_says", revenue=numbers.shown(case.revenue, "money", case.currency))] if numbers.is_number(case.revenue) else []
    beside += [t("cases.score_says", score=numbers.shown(case.score, "points"))] if numbers.is_number(case.score) else []
    st.caption(plain(" · ".join(beside)))
    if reason := {kept.SNOOZED: case.snooze_reason, kept.CLOSED: case.outcome_reason}.get(case.status):
        st.caption(t("cases.because", reason=plain(reason)))


def called(now: View, account: str) -> str:
    """What a customer is called."""
    return customers.names(now, [account]).get(account, account)


def happened(now: View, found: list[Case]) -> None:
    """What was done and said about cases, the newest first."""
    for event in reversed(cases.events(found)):
        st.caption(t("cases.happened", what=_event(event), who=plain(event.who or t("register.here")), at=plain(numbers.instant(event.at, now.zone))))
        for line in event.text.splitlines():
            st.markdown(plain(line))


def _event(event) -> str:
    said = t(f"cases.events.{event.what}")
    outcome = event.detail.get("outcome")
    columns = [t(f"cases.columns.{name}") for name in kept.EDITABLE if name in event.detail] if event.what == "changed" else []
    more = t(f"cases.outcomes.{outcome}") if outcome else t("at_risk.and").join(columns)
    return t("cases.event_more", what=said, more=more) if more else said


def of_customer(now: View, found: list[Case], policy: Policy) -> None:
    """All cases of one customer, the newest first, each with what happened."""
    for case in found:
        with st.container(border=True, gap="xsmall"):
            facts(now, case, policy)
            with st.expander(t("cases.course"), key=f"case_course_{case.number}", on_change="rerun") as box:
                if box.open:
                    happened(now, [case])


def listed(now: View, found: dict[str, list[Case]], standings: dict, policy: Policy) -> tuple[str, Case] | None:
    """The list of cases; the account and the case that a reader has selected."""
    names = customers.names(now, found)
    every = sorted(((case, account) for account, theirs in found.items() for case in theirs), key=lambda pair: _first(now, pair[0]))
    words = {name: t(f"cases.states.{name}") for name in SHOWN}
    wanted = st.segmented_control(t("cases.status"), list(words), default="running", format_func=words.get, key="cases_status", required=True)
    rows = tuple(_row(now, case, account, names, standings, policy) for case, account in every if _is_shown(now, wanted, case, standings.get(account)))
    if not rows:
        st.caption(t("cases.none_so"))
        return None
    chosen = table(now, _list(now, rows), key="cases_list", select=True)
    return None if chosen is None else next((account, case) for case, account in every if case.number == chosen["number"])


@data.told
def _list(now: View, rows: tuple[dict, ...]) -> Listing:
    return listing(now, pd.DataFrame(rows), LIST)


def _first(now: View, case: Case) -> tuple:
    """Those that are not closed first, the overdue and the next due of them first; of the closed ones the newest."""
    is_closed = case.status == kept.CLOSED
    return (is_closed, not kept.is_overdue(case, cases.today(now)), -case.number if is_closed else case.due_on.toordinal())


def _state(case: Case, stands) -> str:
    """As it stands today: a snooze may be over."""
    return stands.state if stands is not None and stands.case is not None and stands.case.number == case.number else case.status


def _is_shown(now: View, wanted: str, case: Case, stands) -> bool:
    if wanted == "overdue":
        return kept.is_overdue(case, cases.today(now))
    return wanted == "all" or (case.status != kept.CLOSED if wanted == "running" else _state(case, stands) == wanted)


def _row(now: View, case: Case, account: str, names: dict, standings: dict, policy: Policy) -> dict:
    is_running = case.status != kept.CLOSED
    return {
        "number": case.number, "customer": names.get(account, account), "standing": cases.said(case, _state(case, standings.get(account)), now),
        "assignee": case.assignee, "due": case.due_on, "play": reasons.play_named(case.play, policy), "why": cases.why(case),
        "still": t("cases.yes" if account in standings else "cases.no") if is_running else "", "opened": cases.opened_on(case, now),
        "revenue": case.revenue, "outcome": t(f"cases.outcomes.{case.outcome}") if case.outcome else "",
    }  # fmt: skip


def effect(now: View, found: dict[str, list[Case]]) -> None:
    """The share saved by play, told with caution."""
    closed = Counter((case.play, case.outcome) for theirs in found.values() for case in theirs if case.status == kept.CLOSED)
    if not closed:
        st.caption(t("cases.none_closed"))
        return
    told = _effect(now, tuple(sorted(closed.items(), key=repr)))
    for sentence in told.says:
        page.sentence(sentence)
    if told.spec is not None:
        figure(now, told.spec, t("cases.effect_alt"), key="cases_effect", rows=told.rows, columns=EFFECT)
    if told.few:
        st.caption(told.few)
    st.caption(t("cases.caution"))


@dataclass(frozen=True)
class Effect:
    """What plays led to. says: a sentence of each play with enough cases, and spec: the figure of those; few: which have too few, empty where none has."""

    rows: pd.DataFrame
    says: tuple[str, ...]
    spec: Checked | None
    few: str


@data.told
def _effect(now: View, closed: tuple) -> Effect:
    """closed: how many cases with a play ended so, ((play, outcome), n)."""
    rows = outcomes(pd.DataFrame([pair for pair, n in closed for _ in range(n)], columns=["play", "outcome"]))
    known = policy(now.query())
    names = [reasons.play_named(play if isinstance(play, str) else None, known) for play in rows["play"]]
    rows = rows.assign(play=names)
    enough, says, spec = rows[rows["state"] == "value"], [], None
    for row in enough.to_dict("records"):
        values = {name: numbers.shown(row[name], "share") for name in ("value", "low", "high")}
        says.append(t("cases.effect_says", play=plain(row["play"]), n=numbers.count(row["n"]), **values))
    if len(enough):
        spec = ready(charts.forest(enough, "play", lambda value: numbers.shown(value, "share"), names=dict(zip(names, names, strict=True)), tick=".0%"))
    few = [plain(play) for play in rows[rows["state"] != "value"]["play"]]
    return Effect(rows, tuple(says), spec, t("cases.too_few", names=t("at_risk.and").join(few), k=numbers.count(LEAST)) if few else "")
