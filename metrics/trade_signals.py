"""Signals from trade and use: silence beyond the own rhythm, a fall within a week, payments that failed, renewals that come near."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import narwhals as nw

from metrics import renewals
from metrics.query import Frame, Tables
from metrics.signals import WEEK, Eve, Signal, first_of, gone_after, later, limit, present, rhythms, shaped
from metrics.windows import part

YEAR = 365  # days
TINY = 1e-9


def silence(tables: Tables, at: Eve) -> Frame:
    """Days since the last purchase beside the customer's own rhythm; a flag beyond `silence_factor` times it, until the customer counts as lost.

    Reads purchases. figure: days silent; usual: mean days between two days of purchase, known from `silence_orders` of them on. x: 100
    up to the rhythm, 0 from the flag on, between them in proportion.
    """
    rows = rhythms(tables, at).join(present(tables, at), on="customer_id", how="inner")
    rows = rows.with_columns(least=limit(at, "silence_orders"), most=limit(at, "silence_factor") * nw.col("rhythm"), gone=gone_after(at))
    rows = rows.filter(nw.col("days") >= nw.col("least"))
    is_long = nw.col("silence") > nw.col("most")
    between = 100 * (nw.col("most") - nw.col("silence")) / (nw.col("most") - nw.col("rhythm"))
    x = nw.when(is_long).then(nw.lit(0.0)).when(nw.col("silence") > nw.col("rhythm")).then(between).otherwise(nw.lit(100.0))
    return shaped(
        rows, "silence", "purchases", x=x, is_raised=is_long & (nw.col("silence") <= nw.col("gone")), raised_on=later("last_on", nw.col("most").floor()),
        row_id=nw.concat_str("customer_id", nw.col("last_on").cast(nw.String), separator=" "), figure="silence", usual="rhythm",
    )  # fmt: skip


def fall(tables: Tables, at: Eve) -> Frame:
    """Use in the last seven days beside the seven before, so that every weekday is in both; a flag from `fall_share` less on.

    Reads usage; of customers without any usage on record, the orders in purchases. The seven days end with the last day on record; where that
    lies more than a week back, nothing is known. figure: the change as a share (−0.2: a fifth less); usual: uses in the days before, of
    which there must be `fall_least`; what: "usage" or "orders".
    """
    usage = tables["usage"].select("customer_id", "day", "day_d", size=nw.col("count").cast(nw.Float64))
    orders = tables["purchases"].select("customer_id", day="purchased_on", day_d="purchased_on_d", size=nw.col("orders").cast(nw.Float64))
    orders = orders.join(usage.filter(nw.col("day_d") < at.end_d).select("customer_id").unique(), on="customer_id", how="anti")
    weeks = [_weeks(usage, at).with_columns(what=nw.lit("usage")), _weeks(orders, at).with_columns(what=nw.lit("orders"))]
    rows = nw.concat(weeks).join(present(tables, at), on="customer_id", how="inner").filter(nw.col("before") >= limit(at, "fall_least"))
    change = (nw.col("now") - nw.col("before")) / nw.col("before")
    rows = rows.with_columns(change=change)
    x = nw.when(nw.col("change") < 0).then(100 * (1 + nw.col("change"))).otherwise(nw.lit(100.0))
    is_less = nw.col("change") <= TINY - limit(at, "fall_share")
    table = nw.when(nw.col("what") == "usage").then(nw.lit("usage")).otherwise(nw.lit("purchases"))
    row = nw.concat_str("customer_id", nw.col("seen_on").cast(nw.String), separator=" ")
    return shaped(rows, "fall", table, x=x, is_raised=is_less, raised_on="seen_on", row_id=row, figure="change", usual="before", what="what")


def _weeks(frame: Frame, at: Eve) -> Frame:
    """customer_id; now, before: the sizes of the last week on record and of the week before it; seen_on: the last day of it."""
    lately = frame.filter(nw.col("day_d") >= at.end_d - 3 * WEEK, nw.col("day_d") < at.end_d)
    last = lately.select(seen_on=nw.col("day").max(), seen_d=nw.col("day_d").max()).filter(nw.col("seen_d") >= at.end_d - WEEK)
    rows, age = lately.join(last, how="cross"), nw.col("seen_d") - nw.col("day_d")
    sums = {"now": part(age < WEEK, nw.col("size")).sum(), "before": part((age >= WEEK) & (age < 2 * WEEK), nw.col("size")).sum()}
    return rows.group_by("customer_id", "seen_on").agg(**sums)


def payment(tables: Tables, at: Eve) -> Frame:
    """Attempts to pay that failed in the last `payment_days` and were not made good: by a later payment of the invoice, or of the customer where
    none is named. times: how many; row: the first of them. x: 0."""
    paid = tables["payments"].filter(nw.col("paid_on_d") < at.end_d, nw.col("paid_on_d") >= at.end_d - at.longest("payment_days"))
    failed = paid.filter(nw.col("is_failed")).join(present(tables, at), on="customer_id", how="inner")
    failed = failed.filter(at.end_d - nw.col("paid_on_d") <= limit(at, "payment_days"))
    good = paid.filter(~nw.col("is_failed"))
    of_invoice = good.group_by("invoice_id").agg(paid_d=nw.col("paid_on_d").max())
    of_customer = good.group_by("customer_id").agg(any_d=nw.col("paid_on_d").max())
    rows = failed.join(of_invoice, on="invoice_id", how="left").join(of_customer, on="customer_id", how="left")
    since = nw.when(nw.col("invoice_id").is_null()).then(nw.col("any_d")).otherwise(nw.col("paid_d"))
    rows = rows.with_columns(since=since).filter((nw.col("since") < nw.col("paid_on_d")).fill_null(True))
    first = first_of(rows, "paid_on_d", "payment_id")
    return shaped(first, "payment", "payments", x=0.0, is_raised=nw.lit(True), raised_on="paid_on", row_id="payment_id", times="times")


def paying(tables: Tables, at: Eve) -> Frame:
    """Customers with a payment of any kind in the year before."""
    year = tables["payments"].filter(nw.col("paid_on_d") < at.end_d, nw.col("paid_on_d") >= at.end_d - YEAR)
    return year.select("customer_id").unique()


def renewal(tables: Tables, at: Eve) -> Frame:
    """Agreements that come up within `renewal_days`, as the renewals metric has them; no factor of the score. figure: days until the first."""
    ahead = replace(at.query.period, start=at.end, end=at.end + dt.timedelta(days=at.longest("renewal_days")))
    due = renewals.due(tables, at.query.over(ahead)).filter(nw.col("starts_on_d") < at.end_d).select("customer_id", "subscription_id", "due_on", "due_on_d")
    rows = due.join(present(tables, at), on="customer_id", how="inner").with_columns(near=limit(at, "renewal_days"), left=nw.col("due_on_d") - at.end_d)
    first = first_of(rows.filter(nw.col("left") < nw.col("near")), "due_on_d", "subscription_id")
    since = later("due_on", -nw.col("near"))
    return shaped(first, "renewal", "subscriptions", is_raised=nw.lit(True), raised_on=since, row_id="subscription_id", times="times", figure="left")


SIGNALS = (
    Signal("silence", silence, ("invoices",)), Signal("fall", fall, ("usage", "invoices")), Signal("payment", payment, ("payments",), paying),
    Signal("renewal", renewal, ("subscriptions",)),
)  # fmt: skip
