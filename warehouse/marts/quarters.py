"""Who is a customer at the end of each quarter, what they did in the year before, and which grade that makes.

All quarters are graded by the present rules and against one yardstick (how a value ranks among all customers of all these
quarters), so that a customer's grade changes only because the customer does; `graded_then` is by the rules in force then.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import narwhals as nw

from warehouse.marts.base import Mart, Tables
from warehouse.marts.grades import COMPONENTS, Rules, rules
from warehouse.marts.money import exploded

FEW = 5  # scores: fewer are suppressed everywhere, so they cannot move a grade either (one could compute them from it)
YEAR = 4  # quarters
KEPT = 12  # quarters of history; [metrics.grading] quarters
VISIT = ("visit", "on-site visit", "meeting", "拜访", "上门", "走访")  # channels that count as a visit; [metrics.grading] visits
CENTS, DIGITS = 2, 9  # decimals of amounts, and of scores
NOISE = 6  # decimals of amounts below which only the order of adding up shows
MONEY = ("amount", "later", "pipeline", "quarter_revenue")
SUMS = ("revenue", "orders", "interactions", "visits", "answered", "satisfied", "usage")


def customer_quarters(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """One row per customer and complete quarter at whose end it was one: something happened in the twelve months before, or a deal was open.

    customer_id; quarter: number, four a year; starts_on, ends_on: first day, first day after.
    Twelve months to the quarter's end: amount (net revenue, reporting currency), orders, interactions, visits, usage,
    satisfaction (mean of all scores, 0 to 1 of their scale; null: fewer than FEW), pipeline (open deals at the end, reporting currency),
    growth ((later half + pipeline − earlier half) / their sum, −1 to 1; null where all are 0).
    The quarter itself: quarter_revenue, quarter_orders, quarter_interactions, quarter_visits, quarter_usage.
    amount_score, interactions_score: rank among all rows above 0, 0 to 1; satisfaction_score, growth_score on their scale;
    null: no data. coverage: share of the weights with data. score, earned, earned_rank (1 is best): by the present rules.
    held, held_rank: the grade in force: a change that is a crossing by a hair (under `margin`) takes two quarters.
    held_rank_before, score_before, …_score_before: the quarter before, null if it was no customer then.
    graded_then: by the rules in force then.
    A customer that is lost by the end of the quarter is none.
    """
    spans = _quarters(tables, settings)
    present, earlier = rules(settings)
    year = _trailing(tables, settings, spans).join(_dates(tables, spans), on="quarter", how="inner")
    year = _scored(_living(year, tables), _has_interactions(tables))
    year = year.with_columns(coverage=present.coverage(), score=present.score().round(DIGITS)).with_columns(earned_rank=present.rank("score"))
    year = _held(year, present).with_columns(earned=present.name("earned_rank"), held=present.name("held_rank"))
    return _then(year, earlier)


def _quarters(tables: Tables, settings: Mapping) -> list[tuple[int, dt.date, dt.date]]:
    """The complete quarters that have a whole year of invoices behind them: number, first day, first day after; the last one anyway."""
    reach = {row["table"]: row for row in tables["coverage"].collect("pyarrow").to_native().to_pylist()}
    if not reach:
        return []
    shift = (settings.get("calendar", {}).get("fiscal_year_start", 1) - 1) % 3
    known = reach.get("invoices") or min(reach.values(), key=lambda row: row["first_on"])
    first = -(-(_month(known["first_on"]) - shift) // 3)  # a quarter that began before the first invoice is not whole
    last = (_month(max(row["last_on"] for row in reach.values()) + dt.timedelta(days=1)) - shift) // 3 - 1
    kept = int(settings.get("metrics", {}).get("grading", {}).get("quarters", KEPT))
    chosen = range(max(first + YEAR - 1, last - kept + 1), last + 1) or range(last, last + 1)
    return [(q, _first_of(q * 3 + shift), _first_of((q + 1) * 3 + shift)) for q in chosen]


def _month(day: dt.date) -> int:
    return day.year * 12 + day.month - 1


def _first_of(month: int) -> dt.date:
    return dt.date(month // 12, month % 12 + 1, 1)


def _dates(tables: Tables, spans: list) -> nw.LazyFrame:
    """The quarters as a small table: quarter, starts_on, ends_on."""
    rows = exploded(tables["coverage"].select(rows=nw.len()), "code", [f"{start} {end} {q}" for q, start, end in spans] or [""])
    day = [nw.col("code").str.slice(at, 10).cast(nw.Date) for at in (0, 11)]
    return rows.filter(nw.col("code") != "").select(starts_on=day[0], ends_on=day[1], quarter=nw.col("code").str.slice(22).cast(nw.Int64))


def _trailing(tables: Tables, settings: Mapping, spans: list) -> nw.LazyFrame:
    """Sums over the four quarters up to each one, and over its own; with the deals open at its end."""
    happened = exploded(_happened(tables, settings), "ago", [str(k) for k in range(YEAR)]).with_columns(nw.col("ago").cast(nw.Int64))
    happened = happened.with_columns(quarter=nw.col("quarter") + nw.col("ago"), pipeline=nw.lit(0.0))
    open_ = _open(tables, settings, spans).with_columns(ago=nw.lit(0).cast(nw.Int64), **{name: nw.lit(0.0) for name in SUMS})
    columns = ("customer_id", "quarter", "ago", "pipeline", *SUMS)
    both = nw.concat([happened.select(*columns), open_.select(*columns)])
    own = {f"quarter_{name}": nw.when(nw.col("ago") == 0).then(nw.col(name)).otherwise(0.0).sum() for name in ("revenue", *SUMS[1:4], "usage")}
    later = nw.when(nw.col("ago") < YEAR // 2).then(nw.col("revenue")).otherwise(0.0)
    sums = both.group_by("customer_id", "quarter").agg(nw.col(*SUMS[1:], "pipeline").sum(), amount=nw.col("revenue").sum(), later=later.sum(), **own)
    # added up in another order, equal amounts would differ in the last bit and rank apart; half a cent would be rounded up or down
    return sums.with_columns(nw.col(*MONEY).round(NOISE).round(CENTS))


def _happened(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """What each customer bought, said and used per quarter, as one long table with a column per kind."""
    visits = [str(word).lower() for word in settings.get("metrics", {}).get("grading", {}).get("visits", VISIT)]
    scale = nw.col("scale_max") - nw.col("scale_min")
    counts = tables["scores"].filter(nw.col("is_last"), ~nw.col("is_blank"), ~nw.col("is_refused"), ~nw.col("customer_id").is_null(), scale > 0)
    one = nw.lit(1.0)
    is_visit = nw.when(nw.col("channel").str.to_lowercase().is_in(visits)).then(one).otherwise(0.0)
    return nw.concat([
        _kinds(tables["customer_months"], "month_m", settings, revenue=nw.col("revenue_reporting"), orders=nw.col("orders").cast(nw.Float64)),
        _kinds(tables["interactions"], "happened_on_m", settings, interactions=one, visits=is_visit),
        _kinds(counts, "answered_on_m", settings, answered=one, satisfied=(nw.col("score") - nw.col("scale_min")) / scale),
        _kinds(tables["usage"], "day_m", settings, usage=nw.col("count")),
    ])  # fmt: skip


def _kinds(frame: nw.LazyFrame, month: str, settings: Mapping, **kinds: nw.Expr) -> nw.LazyFrame:
    """Rows of a table as sums per customer and quarter; what it says nothing about is 0."""
    shift = (settings.get("calendar", {}).get("fiscal_year_start", 1) - 1) % 3
    rows = frame.select("customer_id", quarter=((nw.col(month) - shift) // 3).cast(nw.Int64), **kinds)
    sums = rows.group_by("customer_id", "quarter").agg(nw.col(*kinds).sum())
    return sums.select("customer_id", "quarter", *(nw.col(name) if name in kinds else nw.lit(0.0).alias(name) for name in SUMS))


def _open(tables: Tables, settings: Mapping, spans: list) -> nw.LazyFrame:
    """What deals were open at the end of each quarter, per customer."""
    dated = tables["deal_facts"].filter((nw.col("outcome") == "open") | ~nw.col("closed_on").is_null(), ~nw.col("customer_id").is_null())
    deals = dated.join(_dates(tables, spans), how="cross")
    still = deals.filter(nw.col("created_on") < nw.col("ends_on"), nw.col("closed_on").is_null() | (nw.col("closed_on") >= nw.col("ends_on")))
    return still.group_by("customer_id", "quarter").agg(pipeline=nw.col("amount_reporting").sum())


def _living(year: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """Rows of accounts that are not lost by the end of the quarter."""
    rows = year.join(tables["accounts"].select("customer_id", "lost_on"), on="customer_id", how="inner")
    return rows.filter(nw.col("lost_on").is_null() | (nw.col("lost_on") >= nw.col("ends_on"))).drop("lost_on")


def _has_interactions(tables: Tables) -> bool:
    return len(tables["interactions"].select("interaction_id").head(1).collect("pyarrow")) > 0


def _scored(year: nw.LazyFrame, talks: bool) -> nw.LazyFrame:
    """The four component scores, 0 to 1. Without any interaction in the data the second is unknown, not 0."""
    later = nw.max_horizontal(nw.col("later"), nw.lit(0.0)) + nw.col("pipeline")
    earlier = nw.max_horizontal(nw.col("amount") - nw.col("later"), nw.lit(0.0))
    year = year.with_columns(
        satisfaction=nw.col("satisfied") / nw.when(nw.col("answered") >= FEW).then(nw.col("answered")),
        growth=(later - earlier) / nw.when(later + earlier > 0).then(later + earlier),
    )
    year = _ranked(_ranked(year, "amount"), "interactions")
    talked = nw.when(nw.lit(talks)).then(nw.col("interactions_score"))
    grown = (nw.col("growth") + 1) / 2
    return year.with_columns(interactions_score=talked, satisfaction_score=nw.col("satisfaction"), growth_score=grown).drop("later", "answered", "satisfied")


def _ranked(year: nw.LazyFrame, column: str) -> nw.LazyFrame:
    """`{column}_score`: the share of all rows above 0 that lie below this one, ties in the middle; 0 for 0 and less."""
    counts = year.filter(nw.col(column) > 0).group_by(column).agg(n_=nw.len().cast(nw.Float64))
    below = nw.col("n_").cum_sum().over(order_by=column) - nw.col("n_") / 2
    counts = counts.with_columns(share_=below, all_=nw.col("n_").sum()).select(column, score_=nw.col("share_") / nw.col("all_"))
    return year.join(counts, on=column, how="left").with_columns(nw.col("score_").fill_null(0.0).alias(f"{column}_score")).drop("score_")


def _held(year: nw.LazyFrame, present: Rules) -> nw.LazyFrame:
    """Columns of the quarter before, and the grade in force.

    A rank is taken over at once if its score lies at least `margin` inside it, or if it is the second quarter in a row;
    otherwise the last rank taken over stays in force. The first quarter of a customer is always taken over.
    """
    ordered = {"order_by": "quarter"}
    lagged = {f"{name}_before": nw.col(name) for name in ("score", "earned_rank", *(f"{part}_score" for part in COMPONENTS))}
    follows = nw.col("quarter").shift(1).over("customer_id", **ordered) == nw.col("quarter") - 1
    year = year.with_columns(**{name: nw.when(follows).then(column.shift(1).over("customer_id", **ordered)) for name, column in lagged.items()})
    firm = present.depth("score", "earned_rank", "earned_rank_before") >= present.margin
    taken = nw.col("earned_rank_before").is_null() | (nw.col("earned_rank") == nw.col("earned_rank_before")) | firm
    year = year.with_columns(taken_=nw.when(taken).then(nw.lit(1)).otherwise(nw.lit(0)))
    year = year.with_columns(step_=nw.col("taken_").cum_sum().over("customer_id", **ordered), held_=nw.when(nw.col("taken_") == 1).then(nw.col("earned_rank")))
    year = year.with_columns(held_rank=nw.col("held_").max().over("customer_id", "step_"))
    before = nw.when(~nw.col("earned_rank_before").is_null()).then(nw.col("held_rank").shift(1).over("customer_id", **ordered))
    return year.with_columns(held_rank_before=before).drop("taken_", "step_", "held_", "earned_rank_before")


def _then(year: nw.LazyFrame, earlier: Rules | None) -> nw.LazyFrame:
    """The grade by the rules in force at the end of the quarter."""
    if earlier is None:
        return year.with_columns(graded_then=nw.col("earned"))
    year = year.with_columns(score_=earlier.score()).with_columns(rank_=earlier.rank("score_")).with_columns(name_=earlier.name("rank_"))
    then = nw.when(nw.col("ends_on") <= earlier.until).then(nw.col("name_")).otherwise(nw.col("earned"))
    return year.with_columns(graded_then=then).drop("score_", "rank_", "name_")


READS = ("customer_months", "interactions", "scores", "usage", "deal_facts", "accounts", "coverage")
MARTS = (Mart("customer_quarters", READS, ("customer_id", "quarter"), customer_quarters),)
