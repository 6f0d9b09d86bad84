"""Which grade the customers have, and which they should have: the distribution, and the proposals of each quarter."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.funnel import count
from metrics.metric import Metric
from metrics.quarters import last_day, latest
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, named, segmented, within
from metrics.result import Answer, Check, answer
from metrics.rounding import percent_of
from metrics.stats import share_se, wilson

GRADES = ("core", "key", "ordinary", "potential")
WORDS = {  # what sources call them; [metrics.grading] words = { core = ["A", "VIP"] } adds more
    "core": ("核心", "核心客户"), "key": ("重点", "重点客户"), "ordinary": ("普通", "普通客户", "一般客户"), "potential": ("潜在", "潜在客户"),
}  # fmt: skip
WEIGHTS = {"amount": 0.4, "interactions": 0.2, "satisfaction": 0.2, "growth": 0.2}
SCHEMES = ("source", "held", "earned")


def grade_names(query: Query) -> tuple[str, ...]:
    """The grades, best first, as `[metrics.grading] grades` has them."""
    return tuple(query.setting("grading", "grades", GRADES))


def grade_words(query: Query) -> dict[str, set[str]]:
    """Grade → every word that sources have for it, in lower case; `[metrics.grading] words` adds to ours."""
    told = query.setting("grading", "words", {})
    return {name: {word.lower() for word in (name, *WORDS.get(name, ()), *told.get(name, ()))} for name in grade_names(query)}


def source_rank(query: Query, column: str) -> nw.Expr:
    """The rank (1 is best) of the grade a source gives; null for a word that is none of ours."""
    rank = nw.lit(None).cast(nw.Int64)
    word = nw.col(column).str.strip_chars().str.to_lowercase()
    for number, words in enumerate(grade_words(query).values(), start=1):
        rank = nw.when(word.is_in(sorted(words))).then(nw.lit(number)).otherwise(rank)
    return rank.cast(nw.Int64)


def grades(tables: Tables, query: Query) -> Answer:
    """How many customers have each grade, and what they brought in the period.

    Option scheme: "source" (the CRM's present grade of every customer that is not lost; default), "held" (the grade in force
    at the last quarter end) or "earned" (by the score alone). accounts, customer_quarters; purchases: purchased_on, revenue.
    Returns one row per `tier`: value = share of customers; numerator = customers; denominator = n = all customers of the
    scheme; low, high Wilson; extra: rank (1 is best, null for a word that is none of ours), percent (value to one decimal, adding
    up to 100.0), revenue in the period, reporting currency, revenue_share, unconverted = days with lines left out of it. Tier null: customers without a grade.
    """
    customers = _graded(tables, query)
    bought = within(tables["purchases"], "purchased_on", query.period).group_by("customer_id").agg(
        revenue=nw.col("revenue").sum(), unconverted=count(nw.col("unconverted") > 0)
    )  # fmt: skip
    with_money = customers.join(bought, on="customer_id", how="left")
    keys = [*query.by, "tier"]
    measures = {"revenue": nw.col("revenue").sum(), "unconverted": nw.col("unconverted").sum(), "rank": nw.col("rank").max()}
    rows = aggregate(with_money, keys, numerator=nw.len(), **measures)
    family = [rows[key] for key in query.by] or [pd.Series(0, rows.index)]
    rows["denominator"] = rows["numerator"].groupby(family, dropna=False).transform("sum")
    whole = rows["revenue"].groupby(family, dropna=False).transform("sum")
    rows["n"], rows["revenue_share"] = rows["denominator"], rows["revenue"] / whole.where(whole > 0)
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["n"])
    rows["se"] = share_se(rows["numerator"], rows["n"])
    rows["percent"] = percent_of(rows, list(query.by), "tier")
    return answer(rows, _now_only(query, "grades"), keys=tuple(keys), extra=("rank", "percent", "revenue", "revenue_share", "unconverted"))


def _now_only(query: Query, name: str) -> Query:
    if query.grain:
        raise QuestionError(f"{name} has no series: ask without a grain, or for segment_change_rate or mix_drift over time")
    return query


def _graded(tables: Tables, query: Query) -> Frame:
    """The customers of a scheme with `tier` and `rank`."""
    scheme = query.options["scheme"]
    if scheme not in SCHEMES:
        raise QuestionError(f"no scheme {scheme!r}; there are {', '.join(SCHEMES)}")
    query = replace(query, where=tuple(pair for pair in query.where if pair[0] != "tier"))
    if scheme == "source":
        living = segmented(tables["accounts"], tables, query).filter(_present(query))
        return living.with_columns(tier=nw.col("grade"), rank=source_rank(query, "grade"))
    rows = segmented(tables["customer_quarters"], tables, query).filter(nw.col("ends_on") == nw.lit(latest(tables, query) or query.period.start))
    return rows.with_columns(tier=nw.col(scheme), rank=nw.col(f"{scheme}_rank"))


def _present(query: Query) -> nw.Expr:
    return nw.col("lost_on").is_null() | (nw.col("lost_on") >= nw.lit(min(query.period.end, query.period.as_of)))


def graded(tables: Tables, query: Query) -> Frame:
    """The customers behind the distribution; a filter on `tier` chooses a bar ("" for those without a grade)."""
    rows = named(_graded(tables, replace(query, by=(), grain=None)), tables)
    tiers = [values for column, values in query.where if column == "tier"]
    if not tiers:
        return rows
    chosen = nw.col("tier").is_in([value for value in tiers[0] if value])
    return rows.filter(chosen | nw.col("tier").is_null() if "" in tiers[0] else chosen)


def grade_proposals(tables: Tables, query: Query) -> Answer:
    """Customers whose score of the last quarter end earns another grade than they have.

    customer_quarters: the scores and grades; accounts: the CRM's present grade. Where the CRM has none, the grade in force
    the quarter before counts; a customer without either is a first grading.
    Returns value = n = numerator = proposals, denominator = customers graded; extra: up, down, first, held_back = crossings by
    a hair that wait for a second quarter (proposed, not to be applied yet), amount = revenue of twelve months of all proposals.
    The list behind gives every component and the reason.
    """
    rows = _compared(tables, _now_only(query, "grade_proposals"))
    differs, before, after = nw.col("is_proposed"), nw.col("present_rank"), nw.col("earned_rank")
    counted = aggregate(
        rows, list(query.by), numerator=count(differs), denominator=nw.len(), up=count(differs & (after < before)), down=count(differs & (after > before)),
        first=count(differs & before.is_null()), held_back=count(differs & nw.col("is_held_back")),
        amount=nw.when(differs).then(nw.col("amount")).sum(),
    )  # fmt: skip
    counted["n"] = counted["numerator"].fillna(0).astype(int)
    counted["value"] = counted["numerator"].where(counted["denominator"] > 0)
    whole = counted[["up", "down", "first"]].fillna(0).sum(axis=1).eq(counted["n"]).all()
    day = latest(tables, query)
    notes = {"quarter_end": last_day(day) if day else None, "weights": dict(query.setting("grading", "weights", WEIGHTS))}
    return answer(
        counted, query, extra=("up", "down", "first", "held_back", "amount"), checks=[Check("up + down + first = proposals", bool(whole))], notes=notes
    )


def _compared(tables: Tables, query: Query) -> Frame:
    """The customers graded at the last quarter end, with the grade they have and the one they earn."""
    rows = segmented(tables["customer_quarters"], tables, query).filter(nw.col("ends_on") == nw.lit(latest(tables, query) or query.period.start))
    crm = tables["accounts"].select("customer_id", present="grade").with_columns(crm_rank=source_rank(query, "present"))
    rows = rows.join(crm, on="customer_id", how="left").with_columns(present_rank=nw.coalesce("crm_rank", "held_rank_before"))
    proposed = ((nw.col("earned_rank") != nw.col("present_rank")) | nw.col("present_rank").is_null()).fill_null(False)
    return rows.with_columns(is_proposed=proposed, is_held_back=nw.col("earned_rank") != nw.col("held_rank"))


def proposals(tables: Tables, query: Query) -> Frame:
    """The proposals, the largest customers first: present and earned grade, every component with its score now and a quarter before, and the reason.

    reason: the component whose change moved the score most towards the proposed grade; without a quarter before (or where the
    score did not move that way) the component that is furthest above, or below, an even 0.5 by its weight.
    """
    rows = named(_compared(tables, replace(query, by=(), grain=None)).filter(nw.col("is_proposed")), tables)
    weights = query.setting("grading", "weights", WEIGHTS)
    is_up = (nw.col("earned_rank") < nw.col("present_rank")).fill_null(True)
    sign = nw.when(is_up).then(nw.lit(1.0)).otherwise(-1.0)
    moved = {name: sign * weight * (nw.col(f"{name}_score") - nw.col(f"{name}_score_before")) for name, weight in weights.items()}
    stands = {name: sign * weight * (nw.col(f"{name}_score") - 0.5) for name, weight in weights.items()}
    rows = rows.with_columns(
        **{f"{name}_moved": part.fill_null(0.0) for name, part in moved.items()}, **{f"{n}_stands": p.fill_null(-1.0) for n, p in stands.items()}
    )
    strongest = nw.max_horizontal(*(f"{name}_moved" for name in weights))
    rows = rows.with_columns(reason=nw.when(strongest > 0).then(_largest(weights, "moved")).otherwise(_largest(weights, "stands")), is_moved=strongest > 0)
    names = grade_names(query)
    rows = rows.with_columns(present_grade=name_of_rank("present_rank", names), is_up=is_up)
    rows = rows.drop(*(f"{name}_{kind}" for name in weights for kind in ("moved", "stands")), "crm_rank")
    return rows.sort("amount", "customer_id", descending=[True, False], nulls_last=True)


def _largest(weights, kind: str) -> nw.Expr:
    """The component with the largest value; the first of several."""
    columns = [f"{name}_{kind}" for name in weights]
    most = nw.max_horizontal(*columns)
    named = nw.lit(None).cast(nw.String)
    for name in reversed(list(weights)):
        named = nw.when(nw.col(f"{name}_{kind}") == most).then(nw.lit(name)).otherwise(named)
    return named


def name_of_rank(rank: str, names: tuple[str, ...]) -> nw.Expr:
    """The grade of a rank, 1 the first; null for none."""
    named = nw.lit(None).cast(nw.String)
    for number, name in enumerate(names, start=1):
        named = nw.when(nw.col(rank) == number).then(nw.lit(name)).otherwise(named)
    return named


METRICS = (
    Metric(
        "grades", grades,
        definition="How many customers have each grade, and what they brought in the period.",
        formula="customers of the grade / all customers", unit="share", reads=("accounts", "customer_quarters", "purchases"), behind=graded,
        options={"scheme": "source"}, source="Wilson 1927 (limits)",
    ),
    Metric(
        "grade_proposals", grade_proposals,
        definition="Customers whose amount, interactions, satisfaction and growth of the last quarter earn another grade than they have.",
        formula="score = sum of weight x component score over components with data / sum of their weights; grade by cut points",
        unit="count", reads=("customer_quarters", "accounts"), behind=proposals,
    ),
)  # fmt: skip
