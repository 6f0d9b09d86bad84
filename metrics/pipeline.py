"""The deals that are open: how many and how much on a date, and which of them do not move."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.funnel import count
from metrics.metric import Metric
from metrics.period import day_number
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, bucketed, named, segmented
from metrics.result import Answer, answer

STALLED_DAYS = 30
POSITIVE = (
    "agreed", "positive", "good", "interested", "very interested", "satisfied", "promising", "on track", "success", "successful",
    "顺利", "良好", "满意", "有意向", "意向明确", "同意", "达成一致", "积极",
)  # fmt: skip


def stock_day(query: Query) -> dt.date:
    """The first day after the stock is taken: the end of the period, or of the data while the period runs."""
    return min(query.period.end, query.period.as_of)


def open_deals(tables: Tables, query: Query) -> Frame:
    """The deals open at the end of the period, whenever they were created. A closed deal without a closing date is not open."""
    day = nw.lit(stock_day(query))
    facts = segmented(tables["deal_facts"], tables, query).filter(nw.col("created_on") < day)
    return facts.filter((nw.col("outcome") == "open") | (nw.col("closed_on") >= day).fill_null(False))


def open_list(tables: Tables, query: Query) -> Frame:
    """The open deals with their customers' names."""
    return named(open_deals(tables, replace(query, by=(), grain=None)), tables)


def open_pipeline(tables: Tables, query: Query) -> Answer:
    """What the deals open at the end of the period are worth, whenever they were created; as a series, at the end of each step.

    deal_facts: reads created_on, closed_on, outcome, amount_reporting.
    Returns value = Σ amount in reporting currency, n = open deals; extra: priced = of them with an amount, unconverted = left
    out for want of a rate. Nothing open: value 0 once there are deals at all. A step that has not begun is no_data.
    se is 0 (is_counted) and there are no limits: all open deals are counted, none is drawn, so that any difference between
    two days is one, however few they are. What it will bring is uncertain, what it is is not: see `forecast`.
    """
    if query.grain is None:
        rows = aggregate(
            open_deals(tables, query), list(query.by), value=nw.col("amount_reporting").sum(), n=nw.len(),
            priced=count(~nw.col("amount_reporting").is_null()), unconverted=count("is_unconverted"),
        )  # fmt: skip
        return answer(counted(_or_no_data(rows, tables)), query, extra=("priced", "unconverted", "is_counted"))
    return answer(counted(_series(tables, query)), query, extra=("priced", "unconverted", "is_counted"))


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a stock, counted in full: a standard error of 0 wherever there is a value, and is_counted, which says so."""
    return rows.assign(se=rows["value"].astype(float) * 0, is_counted=True)


def _or_no_data(rows: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """0 open deals is a figure where there are deals, and no figure where there are none at all."""
    if rows["n"].sum() == 0 and aggregate(tables["deal_facts"].head(1), [], n=nw.len())["n"][0] == 0:
        rows["value"] = float("nan")
    return rows


def _series(tables: Tables, query: Query) -> pd.DataFrame:
    """Stock at the end of every step: what was opened so far, less what was closed so far."""
    end = nw.lit(stock_day(query))
    facts = segmented(tables["deal_facts"], tables, query).filter(nw.col("created_on") < end)
    facts = facts.filter((nw.col("outcome") == "open") | ~nw.col("closed_on").is_null())
    flows = pd.concat([_flow(facts, "created_on", query, 1), _flow(facts.filter(nw.col("closed_on") < end), "closed_on", query, -1)])
    first, last = (query.period.bucket_number(day, query.grain) for day in (query.period.start, stock_day(query) - dt.timedelta(days=1)))
    flows["bucket"] = flows["bucket"].clip(lower=first)
    groups = flows.groupby(list(query.by), dropna=False) if query.by else [((), flows)] if len(flows) else []
    stocks = [_stock(flow, range(first, last + 1)).assign(**dict(zip(query.by, key, strict=True))) for key, flow in groups]
    return pd.concat(stocks) if stocks else pd.DataFrame(columns=["bucket", *query.by, *FIGURES])


def _stock(flow: pd.DataFrame, steps: range) -> pd.DataFrame:
    stock = flow.groupby("bucket")[list(FIGURES)].sum().reindex(steps, fill_value=0).cumsum()
    return stock.rename_axis("bucket").reset_index()


FIGURES = ("value", "n", "priced", "unconverted")


def _flow(facts: Frame, day: str, query: Query, sign: int) -> pd.DataFrame:
    """What came in (sign 1) or went out (−1) in each step."""
    rows = aggregate(
        bucketed(facts, day, query), [*query.by, "bucket"], value=nw.col("amount_reporting").sum(), n=nw.len(),
        priced=count(~nw.col("amount_reporting").is_null()), unconverted=count("is_unconverted"),
    )  # fmt: skip
    rows[list(FIGURES)] *= sign
    return rows


def stalled(tables: Tables, query: Query) -> Answer:
    """Open deals that have not moved to another stage for `days` days before the end of the period.

    deal_facts, deal_entries (entered_on: every entry into a stage, also into stages that are not configured), interactions.
    Options: days; 0 (default) takes [metrics.stalled] days, else 30; exactly so many days without a move is stalled. honest: only these (below).
    Returns value = n = numerator = stalled deals, denominator = open deals; extra: honest = stalled deals whose customer was
    spoken to with a good outcome in those days ([metrics.stalled] positive lists the words): "good notes, no move"; amount of
    the stalled deals and open_amount of all open ones, in reporting currency. se is 0 (is_counted): a stock.
    """
    if query.grain:
        raise QuestionError("stalled deals are a list on a date: ask without a grain, or for open_pipeline or time_in_stage over time")
    idle = _idle(tables, query)
    is_stalled = _is_stalled(query)
    rows = aggregate(
        idle, list(query.by), numerator=count(is_stalled), denominator=nw.len(), honest=count(is_stalled & nw.col("is_honest")),
        amount=nw.when(is_stalled).then(nw.col("amount_reporting")).sum(), open_amount=nw.col("amount_reporting").sum(),
    )  # fmt: skip
    rows["n"] = rows["numerator"].fillna(0).astype(int)
    rows["value"] = rows["numerator"].where(rows["denominator"] > 0)
    return answer(counted(rows), query, extra=("honest", "amount", "open_amount", "is_counted"), notes={"days": _days(query)})


def _is_stalled(query: Query) -> nw.Expr:
    return nw.col("is_honest") if query.options.get("honest") else nw.col("idle_days") >= _days(query)


def _days(query: Query) -> int:
    return int(query.options["days"] or query.setting("stalled", "days", STALLED_DAYS))


def _idle(tables: Tables, query: Query) -> Frame:
    """Open deals with idle_days, good_notes (good outcomes in the last `days` days) and is_honest."""
    day = stock_day(query)
    moves = tables["deal_entries"].filter(nw.col("entered_on") < nw.lit(day)).group_by("deal_id").agg(last_d=nw.col("entered_on_d").max())
    deals = open_deals(tables, query).join(moves, on="deal_id", how="left").join(_good_notes(tables, query, day), on="customer_id", how="left")
    idle = deals.with_columns(idle_days=day_number(day) - 1 - nw.coalesce("last_d", "created_on_d"), good_notes=nw.col("good_notes").fill_null(0))
    return idle.with_columns(is_honest=(nw.col("good_notes") > 0) & (nw.col("idle_days") >= _days(query))).drop("last_d")


def _good_notes(tables: Tables, query: Query, day: dt.date) -> Frame:
    words = [str(word).lower() for word in query.setting("stalled", "positive", POSITIVE)]
    notes = tables["interactions"].filter(nw.col("happened_on") >= nw.lit(day - dt.timedelta(days=_days(query))), nw.col("happened_on") < nw.lit(day))
    good = notes.filter(nw.col("outcome").str.strip_chars().str.to_lowercase().is_in(words))
    return good.group_by("customer_id").agg(good_notes=nw.len(), last_good_on=nw.col("happened_on").max())


def stalled_deals(tables: Tables, query: Query) -> Frame:
    """The stalled deals, each with idle_days, good_notes, last_good_on and is_honest."""
    return named(_idle(tables, replace(query, by=(), grain=None)).filter(_is_stalled(query)), tables)


METRICS = (
    Metric(
        "open_pipeline", open_pipeline, definition="What the deals open at the end of the period are worth, whenever they were created.",
        formula="sum of the amounts of open deals, in reporting currency", unit="money", reads=("deal_facts",), behind=open_list, better="higher",
    ),
    Metric(
        "stalled", stalled, definition="Open deals that have not moved to another stage for 30 days (or as set).",
        formula="open deals with no entry into any stage in the last N days", unit="count", reads=("deal_facts", "deal_entries", "interactions"),
        behind=stalled_deals, better="lower", options={"days": 0, "honest": False},
    ),
)  # fmt: skip
