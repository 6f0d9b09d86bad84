"""Customers at risk: the flags that rules raise, whom they are about, and the revenue behind them. What was known by the end of the period."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.activity import YEAR_DAYS, year_revenue
from metrics.metric import Metric
from metrics.pipeline import counted
from metrics.policies import FACTORS, KINDS
from metrics.query import Frame, Query, Tables, aggregate, collect, kept, named, refuse_grain, segmented
from metrics.result import Answer, answer
from metrics.signals import COLUMNS, Eve, eve, living
from metrics.vitality import READS, SIGNALS

TOLD = ("raised_on", "times", "figure", "usual", "what", "row_id")  # of each flag, under the names on_…, n_…, figure_…, usual_…, what_…, row_…
SHORT = {"raised_on": "on", "times": "n", "row_id": "row"}
WHOM = ("customer_id", "owner_id", "owner", "grade", "region", "signed_on")


def flags(tables: Tables, query: Query) -> Answer:
    """How many flags of each kind stand at the end of what has happened of the period: at most one per customer and kind.

    Thresholds by grade and tenure: [metrics.risk] (metrics.policies); each kind's rule: the docstring of its signal.
    Returns one row per `kind`: value = n = numerator = customers with that flag; denominator = living customers. Where the
    company has no facts of that kind, nothing is known and there is no_data; 0 is "known, and nobody". se is 0 (is_counted).
    The list behind has one row per flag: raised_on (null: no source says since when), table and row_id of the row that raised it,
    times (how many rows say so), and what the words need: figure, usual, what.
    """
    refuse_grain(query, "flags are those of the period's end: leave out the grain")
    at, by = eve(query), list(query.by)
    known = _known(tables, at)
    here = aggregate(segmented(living(tables, at), tables, query), by, denominator=nw.len())
    found = aggregate(_raised(tables, query, at), [*by, "kind"], n=nw.len())
    every = here.merge(pd.DataFrame({"kind": sorted(known)}), how="cross")
    rows = every[every["denominator"] > 0].merge(found.astype({"kind": "object"}), on=[*by, "kind"], how="left")
    rows["n"] = rows["n"].fillna(0)
    rows = rows.assign(value=rows["n"].astype("float64"), numerator=rows["n"])
    return answer(counted(rows), query, keys=(*by, "kind"), extra=("is_counted",), notes={"unknown": sorted(set(KINDS) - known)})


def _known(tables: Tables, at: Eve) -> set[str]:
    """Kinds of which the company has facts before that day. Owners are known wherever there are customers."""
    reached = set(collect(tables["coverage"].filter(nw.col("first_on_d") < at.end_d).select("table"))["table"])
    return {kind for kind, signal in SIGNALS.items() if not signal.reads or reached & set(signal.reads)}


def raised(tables: Tables, at: Eve) -> Frame:
    """Every flag that stands, one row per customer and kind; whoever it is about, also who is lost. Computed once for these tables."""
    return kept(tables, "raised", at, lambda: _seen(tables, at))


def _seen(tables: Tables, at: Eve) -> Frame:
    return nw.concat([signal.seen(tables, at).filter(nw.col("is_raised")).select("customer_id", *COLUMNS) for signal in SIGNALS.values()])


def _raised(tables: Tables, query: Query, at: Eve) -> Frame:
    """The flags of living customers that the question's filters accept, with its segment columns."""
    query, kinds = _without_kinds(query)
    here = segmented(living(tables, at), tables, query).select(*dict.fromkeys(("customer_id", *query.by)))
    rows = raised(tables, at).join(here, on="customer_id", how="inner")
    return rows.filter(nw.col("kind").is_in(kinds))


def _without_kinds(query: Query) -> tuple[Query, list[str]]:
    """The question without its filter on kinds of flags, and the kinds that it accepts: all without one."""
    kinds = next((list(values) for column, values in query.where if column == "kind"), list(KINDS))
    return replace(query, where=tuple(pair for pair in query.where if pair[0] != "kind")), kinds


def behind_flags(tables: Tables, query: Query) -> Frame:
    """The flags, the newest first; a filter on `kind` chooses among them."""
    rows = _raised(tables, replace(query, by=()), eve(query))
    return named(rows.drop("x", "is_raised"), tables).sort("raised_on", "customer_id", "kind", descending=[True, False, False], nulls_last=True)


def at_risk(tables: Tables, query: Query) -> Answer:
    """Living customers with a flag that costs points, at the end of what has happened of the period.

    A renewal that comes near is a flag, but alone it puts nobody at risk. Returns value = n = numerator = customers; denominator = living
    customers. se is 0 (is_counted). Notes: unvalidated: it is no probability; see churn_backtest. Where nothing is known of any kind: no_data.
    """
    return _sized(tables, query, "n")


def revenue_at_risk(tables: Tables, query: Query) -> Answer:
    """What the customers at risk brought in the year before the end of what has happened of the period: nothing says how much of it will be lost.

    Reads purchases: revenue, net of credit notes, in reporting currency. Returns value = numerator, denominator = what all living customers
    brought, n = customers at risk (see at_risk); extra: share. se is 0 (is_counted).
    """
    return _sized(tables, query, "revenue")


def _sized(tables: Tables, query: Query, measure: str) -> Answer:
    """The customers at risk beside all living ones, counted or by revenue."""
    refuse_grain(query, "who is at risk is known for the period's end: leave out the grain")
    at, by = eve(query), list(query.by)
    here = segmented(living(tables, at), tables, query).select(*dict.fromkeys(("customer_id", *by)))
    shaky = _costly(tables, at).select("customer_id").unique().with_columns(is_at_risk=nw.lit(1))
    rows = here.join(shaky, on="customer_id", how="left").join(year_revenue(tables, at.end_d), on="customer_id", how="left")
    rows = rows.with_columns(is_at_risk=nw.col("is_at_risk").fill_null(0), revenue=nw.col("revenue").fill_null(0.0))
    found = aggregate(
        rows, by, n=nw.col("is_at_risk").sum(), customers=nw.len(), revenue=(nw.col("revenue") * nw.col("is_at_risk")).sum(), whole=nw.col("revenue").sum()
    )
    found = found.fillna({"n": 0, "revenue": 0.0, "whole": 0.0})
    is_known = (found["customers"] > 0) & bool(_known(tables, at) & set(FACTORS) - {"owner"})
    size, whole = (found["revenue"], found["whole"]) if measure == "revenue" else (found["n"], found["customers"])
    value = size.astype("float64").where(is_known)
    found = found.assign(value=value, numerator=value, denominator=whole.where(is_known), share=value / whole.where(whole > 0))
    found["n"] = found["n"].where(is_known)
    return answer(counted(found), query, extra=("share", "is_counted"), notes={"unvalidated": True})


def _weighty(at: Eve) -> list[str]:
    """Kinds of flags that cost points."""
    return [kind for kind in FACTORS if at.policy.weights.get(kind, 0)]


def is_flagged(tables: Tables, query: Query, customer_id: str) -> bool:
    """Whether the customer has a flag that costs points: who has none is not at risk, and need not be looked for in the list."""
    at = eve(query)
    return not collect(_costly(tables, at).filter(nw.col("customer_id") == customer_id).select("customer_id").head(1)).empty


def _costly(tables: Tables, at: Eve) -> Frame:
    """The flags that cost points."""
    return raised(tables, at).filter(nw.col("kind").is_in(_weighty(at)))


def _has_one_of(kinds: list[str]) -> nw.Expr:
    return nw.any_horizontal(*(nw.col(f"has_{kind}") == 1 for kind in kinds), ignore_nulls=True)


def listed(tables: Tables, query: Query) -> Frame:
    """The customers at risk, the most revenue first: customer, owner, grade, region, signed_on, revenue of the year before, and all their flags.

    Of each kind: has_… (0 or 1), on_…, n_…, figure_…, usual_…, what_…, row_… (see `flags`). since: the oldest day of those that cost points. A filter on `kind`
    leaves those who have a flag of one of these kinds, with all their flags.
    """
    at = eve(query)
    query, kinds = _without_kinds(query)
    rows = kept(tables, "flagged", at, lambda: _flagged(tables, at))
    if query.where:
        rows = rows.join(segmented(living(tables, at), tables, replace(query, by=())).select("customer_id"), on="customer_id", how="semi")
    return rows.filter(_has_one_of(kinds)).sort("revenue", "customer_id", descending=[True, False])


def _flagged(tables: Tables, at: Eve) -> Frame:
    """The rows of `listed` without a question's filters."""
    said = [nw.when(nw.col("kind") == kind).then(nw.col(name)).max().alias(f"{SHORT.get(name, name)}_{kind}") for kind in KINDS for name in TOLD]
    has = [nw.when(nw.col("kind") == kind).then(nw.lit(1)).otherwise(nw.lit(0)).max().alias(f"has_{kind}") for kind in KINDS]
    since = nw.when(nw.col("kind").is_in(_weighty(at))).then(nw.col("raised_on")).min()
    wide = raised(tables, at).group_by("customer_id").agg(*has, *said, since=since).filter(_has_one_of(_weighty(at)))
    rows = wide.join(living(tables, at).select("customer_id", "tier", "tenure_d"), on="customer_id", how="inner")
    rows = named(rows.join(year_revenue(tables, at.end_d), on="customer_id", how="left"), tables)
    return rows.join(tables["accounts"].select(*WHOM), on="customer_id", how="left").with_columns(revenue=nw.col("revenue").fill_null(0.0))


METRICS = (
    Metric(
        "flags", flags, definition="Flags that rules raise about customers at the end of the period, by kind: at most one per customer and kind.",
        formula="customers with a flag of the kind that stands", unit="count", reads=READS, behind=behind_flags, better="lower",
    ),
    Metric(
        "at_risk", at_risk, definition="Customers with a flag that costs points of their health score, at the end of the period; see the back-test.",
        formula="living customers with at least one flag other than a renewal that comes near", unit="count", reads=READS, behind=listed, better="lower",
    ),
    Metric(
        "revenue_at_risk", revenue_at_risk,
        definition="What the customers at risk brought in the year before the end of the period; how much of it will be lost is not said.",
        formula=f"Σ revenue of the last {YEAR_DAYS} days of customers at risk", unit="money", reads=READS, behind=listed, better="lower",
    ),
)  # fmt: skip
