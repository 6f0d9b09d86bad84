"""Recurring value: what each agreement is worth a month and from when to when, and the unbroken stays of each customer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import narwhals as nw

from warehouse.marts.base import Mart, Tables

DUNNING_DAYS = 15  # past due is not churn until this window ends
MONTH_DAYS = 365.25 / 12
NOTHING = 0.005  # half a cent a month is no recurring value
NEVER = dt.date(9999, 12, 31)
SOURCES = ("auto", "subscriptions", "invoices")
COLUMNS = ("subscription_id", "invoice_line_id", "customer_id", "product_id", "currency", "from_on", "to_on", "amount_per_month")


def recurring(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """Spans of recurring value: one row per agreement, or per invoice line of service paid for.

    subscription_id or invoice_line_id, customer_id, product_id  text
    currency, amount_per_month   original currency, float, net of tax and discount; a credited service period is negative
    from_on, to_on               days, [from, to); to is null while it runs

    From a customer's first agreement on, their agreements count; before it (or without one), their invoice lines with a service
    period (`[metrics.recurring] from = "auto"`; "subscriptions" or "invoices" takes one side only): the CRM's contract and the
    ERP's bill are one agreement.
    Trials are left out. What is past due runs on until the dunning window ends (`dunning_days`, default 15).
    Raises ValueError for another value of `from`.
    """
    chosen = settings.get("metrics", {}).get("recurring", {})
    side, window = chosen.get("from", "auto"), int(chosen.get("dunning_days", DUNNING_DAYS))
    if side not in SOURCES:
        raise ValueError(f'[metrics.recurring] from = "{side}" is not known; write one of {", ".join(SOURCES)}')
    agreed = _agreed(tables["subscriptions"], window)
    billed = _billed(tables["invoices"], tables["coverage"], window)
    if side == "auto":
        billed = _before_agreements(billed, agreed)
    spans = {"auto": nw.concat([agreed, billed]), "subscriptions": agreed, "invoices": billed}[side]
    return spans.filter(nw.col("to_on").is_null() | (nw.col("to_on") > nw.col("from_on")))


def _before_agreements(billed: nw.LazyFrame, agreed: nw.LazyFrame) -> nw.LazyFrame:
    """Service paid for before the customer's first agreement; what reaches into it ends there."""
    firsts = agreed.group_by("customer_id").agg(first_on=nw.col("from_on").min())
    spans = billed.join(firsts, on="customer_id", how="left").filter(nw.col("first_on").is_null() | (nw.col("from_on") < nw.col("first_on")))
    clipped = nw.when(nw.col("to_on") > nw.col("first_on")).then(nw.col("first_on")).otherwise(nw.col("to_on"))
    return spans.with_columns(to_on=clipped).select(*COLUMNS)


def _agreed(subscriptions: nw.LazyFrame, window: int) -> nw.LazyFrame:
    """Spans of agreements. One that ended without saying when ends at its renewal day, or never ran."""
    stop = nw.coalesce("ends_on", "renewal_on")
    over = nw.col("status").is_in(["cancelled", "ended"])
    to_on = nw.when(nw.col("status") == "past_due").then(later(stop, window)).when(over).then(nw.coalesce(stop, nw.col("starts_on")))
    spans = subscriptions.filter(nw.col("status") != "trial").with_columns(
        nw.lit(None, dtype=nw.String).alias("invoice_line_id"), nw.col("amount_per_month").cast(nw.Float64),
        from_on=nw.col("starts_on"), to_on=to_on.otherwise(nw.col("ends_on")),
    )  # fmt: skip
    return spans.select(*COLUMNS)


def _billed(invoices: nw.LazyFrame, coverage: nw.LazyFrame, window: int) -> nw.LazyFrame:
    """Spans of service paid for. A next bill at most `window` days late leaves no gap; the last one waits as long for its successor."""
    loaded = coverage.filter(nw.col("table") == "invoices").select(loaded_on="last_on")
    lines = invoices.filter(nw.col("kind").is_in(["recurring", "credit_note"]), nw.col("period_end") > nw.col("period_start")).join(loaded, how="cross")
    chain = ("customer_id", "product_id", "currency", "kind")
    lines = lines.with_columns(next_on=nw.col("period_start").shift(-1).over(*chain, order_by=["period_start", "invoice_line_id"]))
    end, following, limit = nw.col("period_end"), nw.col("next_on"), later(nw.col("period_end"), window)
    late = (following > end) & (following <= limit)
    waits = following.is_null() & (limit > nw.col("loaded_on"))
    bridged = nw.when(late).then(following).when(waits).then(limit).otherwise(end)
    spans = lines.with_columns(
        nw.lit(None, dtype=nw.String).alias("subscription_id"), from_on=nw.col("period_start"),
        to_on=nw.when(nw.col("kind") == "recurring").then(bridged).otherwise(end), amount_per_month=_monthly(),
    )  # fmt: skip
    return spans.select(*COLUMNS)


def _monthly() -> nw.Expr:
    """A line's amount by month of its service period: whole months where the days of the month agree, else parts of 30.4375 days."""
    months = nw.col("period_end_m") - nw.col("period_start_m")
    rest = (nw.col("period_end").dt.day() - nw.col("period_start").dt.day()) / nw.lit(MONTH_DAYS)
    return nw.col("amount").cast(nw.Float64) / (months + rest)


def later(day: nw.Expr, days: int) -> nw.Expr:
    """A day `days` later (earlier if negative), still a day and not an instant."""
    return day.dt.offset_by(f"{days}d").cast(nw.Date)


def episodes(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """Unbroken stays: one row per customer and stretch of days on which their recurring value was above zero.

    customer_id  text; episode  int, from 1; from_on, to_on  days, [from, to), to is null while it runs.
    """
    levels = _levels(tables["recurring"]).with_columns(end_on=nw.col("to_on").fill_null(nw.lit(NEVER)))
    order = ["from_on", "currency"]
    levels = levels.with_columns(reach_on=nw.col("end_on").cum_max().over("customer_id", order_by=order))
    levels = levels.with_columns(before_on=nw.col("reach_on").shift(1).over("customer_id", order_by=order))
    starts = nw.when(nw.col("before_on").is_null() | (nw.col("from_on") > nw.col("before_on"))).then(nw.lit(1)).otherwise(nw.lit(0))
    levels = levels.with_columns(starts=starts).with_columns(episode=nw.col("starts").cum_sum().over("customer_id", order_by=order).cast(nw.Int64))
    stays = levels.group_by("customer_id", "episode").agg(nw.col("from_on").min(), end_on=nw.col("end_on").max())
    return stays.select("customer_id", "episode", "from_on", to_on=nw.when(nw.col("end_on") < nw.lit(NEVER)).then(nw.col("end_on")))


def _levels(spans: nw.LazyFrame) -> nw.LazyFrame:
    """Stretches of days with value, per customer and currency: changes added up day by day."""
    begun = spans.select("customer_id", "currency", on="from_on", change="amount_per_month")
    ended = spans.filter(~nw.col("to_on").is_null()).select("customer_id", "currency", on="to_on", change=-nw.col("amount_per_month"))
    whose = ("customer_id", "currency")
    steps = nw.concat([begun, ended]).group_by(*whose, "on").agg(nw.col("change").sum())
    steps = steps.with_columns(level=nw.col("change").cum_sum().over(*whose, order_by="on"), to_on=nw.col("on").shift(-1).over(*whose, order_by="on"))
    return steps.filter(nw.col("level") > NOTHING).select(*whose, "to_on", from_on="on")


MARTS = (
    Mart("recurring", ("subscriptions", "invoices", "coverage"), ("subscription_id", "invoice_line_id"), recurring),
    Mart("episodes", ("recurring",), ("customer_id", "episode"), episodes),
)
