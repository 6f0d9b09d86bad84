"""The rows behind a number: the list that a card opens, and the lists under the marks of a chart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd
import streamlit as st

from access import journal
from access.guard import admitted_now, is_stale
from access.roles import may_open
from metrics.query import Query
from ui import data, navigation, numbers, page, spoken
from ui.table import Column, Columns, Listing, table
from ui.view import View
from ui.words import has, plain, t, value_of

# Every column that is told of a row, whatever metric it is from, in this order; a list shows those that it has.
COLUMNS: Columns = {
    "customer": Column("retention.customer"), "name": Column("nps.customer"), "answered_on": Column("nps.answered_on"), "score": Column("nps.score", "count"),
    "band": Column("nps.band"), "in_time": Column("service.in_time"), "contact_hours": Column("behind.contact_hours", "hours"),
    "text": Column("nps.comment"), "sent_on": Column("behind.sent_on"), "delivered": Column("nps.delivered"),
    "responded": Column("behind.responded"), "wave": Column("nps.wave"),
    "deal_id": Column("funnel.deal"), "reached_stage": Column("funnel.furthest"), "got": Column("behind.got"), "outcome": Column("funnel.outcome"),
    "idle_days": Column("funnel.idle", "count"), "is_honest": Column("funnel.honest"),
    "amount_reporting": Column("funnel.amount", "money"), "created_on": Column("funnel.created_on"), "closed_on": Column("funnel.closed_on"),
    "lost_reason": Column("funnel.reason"), "waited_days": Column("behind.waited", "days"), "lead_id": Column("funnel.lead"),
    "became_deal": Column("funnel.became_deal"), "became_won": Column("funnel.became_won"), "source_channel": Column("funnel.source"),
    "kind": Column("retention.kind"), "opening": Column("retention.opening", "money"), "closing": Column("retention.closing", "money"),
    "change": Column("retention.change", "money"), "is_kept": Column("behind.is_kept"),
    "begun_on": Column("retention.begun_on"), "again": Column("behind.again"), "last_active_on": Column("retention.last_active_on"),
    "amount_per_month": Column("retention.a_month", "money"), "agreements": Column("retention.agreements", "count"),
    "revenue": Column("arpu.revenue", "money"), "orders": Column("arpu.orders", "count"), "customer_months": Column("arpu.customer_months", "ratio"),
    "last_on": Column("arpu.last_on"),
    "grade_then": Column("segments.from"), "grade_now": Column("segments.to"), "is_changed": Column("behind.is_changed"),
    "present_grade": Column("segments.present"), "earned": Column("segments.earned"), "held": Column("segments.grade"),
    "starts_on": Column("behind.starts_on"), "is_now": Column("segments.now"),
    "amount_then": Column("segments.amount_then", "money"), "amount_now": Column("segments.amount_now", "money"),
    **{f"x_{name}": Column(f"segments.features.{name}", unit) for name, unit in (
        ("orders", "count"), ("order_value", "money"), ("revenue", "money"), ("interactions", "count"), ("visit_share", "share"), ("usage", "count"),
        ("satisfaction", "share"), ("pipeline", "money"),
    )},
    "region": Column("filters.region"), "industry": Column("filters.industry"), "grade": Column("filters.grade"), "owner": Column("filters.owner"),
}  # fmt: skip
TICKETS: Columns = {  # a list of tickets is told in columns of its own
    "ticket_id": Column("service.ticket"), "customer": Column("service.customer"), "kind": Column("service.kind"), "opened_on": Column("service.opened_on"),
    "age_days": Column("service.age", "count"), "in_time": Column("service.in_time"), "state": Column("service.state"),
    "reopened_count": Column("service.reopened", "count"), "answered_hours": Column("service.answered", "hours"),
    "solved_days": Column("service.solved", "days"), "priority": Column("service.priority"), "channel": Column("service.channel"),
}  # fmt: skip
ONLY_BESIDE = {"kind": "opening", "lead_id": "became_deal", "starts_on": "held", "held": "starts_on"}  # elsewhere these names mean something else
FLAGS = ("again", "got")  # 0 and 1 in the data


def _known(*groups: str) -> Callable[[object], str]:
    """The glossary's word of a code, `<group>.<code>`, of the first group that has it; codes that none knows stay as they are."""
    return lambda code: next((t(f"{group}.{code}") for group in groups if has(f"{group}.{code}")), str(code))


WORDS: Mapping[str, Callable[[object], str]] = {
    "band": _known("nps.bands"), "outcome": _known("behind.outcomes"), "kind": _known("behind.kinds", "values.kind"), "state": _known("service.states"),
    **{column: partial(value_of, column) for column in ("priority", "channel")}, "grade": partial(value_of, "grade"),
    "stage": spoken.stage, "reached_stage": spoken.stage, **dict.fromkeys(("grade_then", "grade_now", "present_grade", "earned", "held"), spoken.grade),
}  # fmt: skip


def worded(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with their codes in words, in the order in which they come (`metrics.lists`)."""
    said = {column: rows[column].map(word, na_action="ignore") for column, word in WORDS.items() if column in rows}
    flags = {column: rows[column].astype("boolean") for column in FLAGS if column in rows}
    return rows.assign(**said, **flags)


def columns_of(rows: pd.DataFrame) -> Columns:
    """What is told of these rows, and under which headings."""
    if "ticket_id" in rows:
        return TICKETS
    return {column: shown for column, shown in COLUMNS.items() if ONLY_BESIDE.get(column, column) in rows}


def opened(view: View, heading: str, name: str, query: Query, now: Mapping, *, key: str) -> None:
    """The rows behind a card in a dialog over the page. query: the card's own. now: its row, whose n is the list's length."""
    reader = admitted_now()
    rows = int(now["n"]) if numbers.is_number(now["n"]) else None
    journal.note(reader.name, reader.grant.role, "opened_rows", name, snapshot=view.snapshot, rows=rows, filters=view.params())
    st.dialog(plain(heading), width="large", icon=":material/table_rows:")(_dialog)(view, heading, name, query, now, key)


def _dialog(view: View, heading: str, name: str, query: Query, now: Mapping, key: str) -> None:
    if is_stale():  # a dialog is a fragment of its own
        st.rerun()
    metric = data.metric(name)
    with page.safely(heading):
        behind = data.listed(view, name, query)
        page.sentence(t("behind.says", value=plain(numbers.shown(now["value"], metric.unit, view.currency)), n=numbers.count(behind.total)))
        if numbers.is_number(now["n"]) and behind.total != now["n"]:
            st.error(t("behind.differs", n=numbers.count(now["n"]), total=numbers.count(behind.total)), icon=":material/balance:")
        columns = columns_of(behind.rows)
        everything = lambda: worded(data.listed(view, name, query, None).rows)  # noqa: E731
        leading(view, worded(behind.rows), columns, key=key, metrics=(metric,), total=behind.total, whole=everything)


def leading(view: View, rows: pd.DataFrame | Listing, columns: Columns | None = None, *, key: str, **more) -> None:
    """A table of rows about customers: whoever selects one gets a link to the customer's page. more: of `table`."""
    given = rows.given if isinstance(rows, Listing) else rows
    is_theirs = "customer_id" in given and bool(given["customer_id"].notna().any()) and may_open(admitted_now(), navigation.CUSTOMER)
    chosen = table(view, rows, columns, key=key, select=is_theirs, **more)
    if chosen and not pd.isna(chosen["customer_id"]):
        called = next((chosen[column] for column in ("customer", "name") if isinstance(chosen.get(column), str)), chosen["customer_id"])
        navigation.customer_link(view, chosen["customer_id"], t("behind.open_customer", name=plain(called)))
    elif is_theirs:
        st.caption(t("behind.select"))


def rows(
    view: View, name: str, columns: Columns, *, key: str, where: Mapping | None = None, told: Callable[[pd.DataFrame], pd.DataFrame] = worded, **options,
) -> None:  # fmt: skip
    """The rows behind a number of the page (a bar, a stage), as a table whose files hold all of them.

    where: the bar's column → value, beside the page's filters. told: puts codes into words and rows into order.
    """
    behind = data.rows_behind(view, name, where=where, **options)
    everything = lambda: told(data.rows_behind(view, name, where=where, limit=None, **options).rows)  # noqa: E731
    leading(view, told(behind.rows), columns, key=key, total=behind.total, metrics=(data.metric(name),), whole=everything)
