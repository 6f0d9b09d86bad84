"""Renewals ahead: which agreements come up, when, and what they are worth."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import narwhals as nw

from metrics.metric import Metric
from metrics.period import Period, add_months
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, bucketed, named, segmented, within
from metrics.result import Answer, answer
from metrics.windows import number

MONTHS_AHEAD = 12


def renewals(tables: Tables, query: Query) -> Answer:
    """Recurring value that comes up for renewal after the period, month by month.

    An agreement comes up on its renewal day, or, if it has none, on the day it ends; only agreements that run or are past due.
    Option months: how far to look ahead from the period's end (or from the last loaded day); step: a day, to have its step alone.
    Reads subscriptions (renewal_on, ends_on, amount_per_month, currency, status), daily_rates.

    Returns one row per step (month unless another grain is asked): value in reporting currency a month, at the newest rate; n agreements;
    customers. Steps without a renewal are 0: the calendar is known. notes: unconverted agreements.
    """
    asked = _ahead(query)
    frame = bucketed(due(tables, asked), "due_on", asked)
    found = aggregate(
        frame, ["bucket", *query.by], value=nw.col("amount").sum(), n=nw.len(), customers=nw.col("customer_id").n_unique(),
        unconverted=number(nw.col("amount").is_null()).sum(),
    )  # fmt: skip
    result = answer(found.drop(columns="unconverted"), asked, extra=("customers",), notes={"unconverted": int(found["unconverted"].sum())})
    if not query.by:
        rows = result.rows.assign(**{c: result.rows[c].fillna(0) for c in ("value", "n", "customers")}, state="value")
        return Answer(rows, result.checks, result.notes)
    return result


def _ahead(query: Query) -> Query:
    months = int(query.options["months"])
    if not 0 < months <= 120:
        raise QuestionError(f"months {months} is not between 1 and 120")
    asked = Query(ahead(query, months), query.grain or "month", query.by, query.where, query.options, query.settings)
    return asked.over(_one_step(asked)) if query.options["step"] else asked


def ahead(query: Query, months: int) -> Period:
    """From the end of what has happened of the period on, up to the end of the month that lies so many months ahead."""
    start = query.period.to_date().end
    end = add_months(start.replace(day=1), months + (start.day > 1))
    return Period(start, end, end, query.period.calendar)  # what is agreed is known: nothing here is still loading


def _one_step(query: Query) -> Period:
    """The part of the look ahead that lies in the step holding the day of option `step`."""
    try:
        day = dt.date.fromisoformat(query.options["step"])
    except ValueError:
        raise QuestionError(f"step {query.options['step']!r} is not a day; write it as 2026-01-31") from None
    bucket = query.period.bucket(query.period.bucket_number(day, query.grain), query.grain)
    return replace(query.period, start=max(bucket.start, query.period.start), end=min(bucket.end, query.period.end))


def due(tables: Tables, query: Query) -> Frame:
    """Agreements that come up within the question's period, with their amount in reporting currency (null without a rate)."""
    running = segmented(tables["subscriptions"].filter(nw.col("status").is_in(["active", "past_due"])), tables, query)
    due = {f"due_on{part}": nw.coalesce(f"renewal_on{part}", f"ends_on{part}") for part in ("", "_d", "_m")}
    due = within(running.with_columns(**due), "due_on", query.period)
    rates = tables["daily_rates"]
    newest = rates.join(rates.group_by("currency").agg(on_d=nw.col("on_d").max()), on=["currency", "on_d"], how="semi").select(
        currency_="currency", rate_="rate"
    )
    priced = due.join(newest, left_on="currency", right_on="currency_", how="left")
    rate = nw.when(nw.col("currency") == query.currency).then(nw.lit(1.0)).otherwise(nw.col("rate_"))
    return priced.with_columns(amount=nw.col("amount_per_month").cast(nw.Float64) * rate)


def behind_renewals(tables: Tables, query: Query) -> Frame:
    """The agreements ahead, one row each."""
    products = tables["products"].select("product_id", product="name")
    found = due(tables, _ahead(query)).select("subscription_id", "customer_id", "product_id", "due_on", "amount", "status")
    return named(found.join(products, on="product_id", how="left"), tables).sort("due_on", "subscription_id")


METRICS = (
    Metric(
        "renewals", renewals, "Recurring value that comes up for renewal in the months ahead.", "Σ amount per month of agreements by renewal month", "money",
        ("subscriptions", "daily_rates", "products", "accounts"), behind_renewals, None, {"months": MONTHS_AHEAD, "step": ""},
    ),
)  # fmt: skip
