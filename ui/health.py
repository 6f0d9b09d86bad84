"""How one customer stands and stood: its score, what each factor costs, and what moved it in the last twelve months."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import charts
from metrics import health_course
from metrics.policies import policy
from metrics.vitality import level
from ui import data, numbers, page
from ui.figure import figure
from ui.table import Column, table
from ui.view import View
from ui.words import has, t

POINTS = {
    "factor": Column("customer.health.factor"), "points": Column("customer.health.points", "score"), "x": Column("customer.health.stands", "score"),
    "on": Column("customer.columns.since"), "row": Column("customer.columns.row"),
}  # fmt: skip
LOG = {
    "by": Column("customer.health.until"), "factor": Column("customer.health.factor"), "old": Column("customer.health.old", "score"),
    "new": Column("customer.health.new", "score"), "on": Column("customer.columns.on"), "row": Column("customer.columns.row"),
}  # fmt: skip
COURSE = {"period": Column("customer.health.until"), "value": Column("customer.health.score", "score"), "coverage": Column("customer.health.coverage", "share")}


def of_customer(account) -> None:
    """The score today with what it is made of; how it went is computed when the reader opens it."""
    now, course = account.view, account.asked(health_course.course, 0)
    last = course.iloc[-1]
    if pd.isna(last["coverage"]):
        st.caption(t("customer.health.nothing"))
        return
    _standing(now, last, health_course.points(course))
    box = st.expander(t("customer.health.over_time"), icon=":material/monitor_heart:", key="customer_health_box", on_change="rerun")
    if box.open:
        with box:
            _over_time(now, account.asked(health_course.course, health_course.MONTHS))


def _standing(now: View, last: pd.Series, costs: pd.DataFrame) -> None:
    coverage, known = numbers.shown(last["coverage"], "share"), policy(now.query())
    if pd.isna(last["score"]):
        st.caption(t("customer.health.withheld", coverage=coverage, least=numbers.shown(known.coverage, "share")))
        return
    st.metric(t("customer.health.score"), numbers.count(last["score"]), help=data.metric("customer_health").definition, width="content")
    st.caption(t("customer.health.says", level=_level(level(known, last["score"])), coverage=coverage))
    if costs.empty:
        st.caption(t("customer.health.all_well"))
        return
    table(now, _worded(costs), POINTS, key="customer_points")


def _over_time(now: View, course: pd.DataFrame) -> None:
    drawn = course.assign(period=[health_course.last_day(end) for end in course["end"]], value=pd.to_numeric(course["score"]))
    drawn = drawn.assign(low=drawn["value"], high=drawn["value"], n=1, complete=True)
    if drawn["value"].notna().any():
        spec = charts.line(drawn, numbers.count, grain="day", tick=",.0f", step=numbers.day, height=200)
        figure(now, spec, t("customer.health.alt"), key="customer_health", rows=drawn, columns=COURSE, metrics=(data.metric("customer_health"),))
    moved = health_course.log(course)
    if moved.empty:
        st.caption(t("customer.health.unmoved"))
        return
    page.sentence(t("customer.health.moved"))
    table(now, _worded(moved.assign(by=[health_course.last_day(end) for end in moved["end"]])), LOG, key="customer_health_log")
    st.caption(t("customer.health.rules"))


def _worded(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(factor=[t(f"at_risk.factors.{kind}") for kind in rows["factor"]])


def _level(name: str) -> str:
    return t(f"at_risk.levels.{name}") if has(f"at_risk.levels.{name}") else name
