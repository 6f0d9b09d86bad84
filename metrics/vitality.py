"""The health score of a customer: how well it stands with everything that signals tell, what each costs, and what moved within a week."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add

import narwhals as nw
import pandas as pd

from metrics import answer_signals, care_signals, trade_signals
from metrics.funnel import count
from metrics.metric import Metric
from metrics.policies import FACTORS, KINDS, Policy, within
from metrics.query import Frame, Query, Tables, aggregate, kept, named, refuse_grain, segmented
from metrics.result import Answer, answer
from metrics.signals import Eve, Signal, eve, living
from metrics.stats import Z95

SIGNALS: dict[str, Signal] = {
    kind: signal for kind in KINDS for signal in (*care_signals.SIGNALS, *answer_signals.SIGNALS, *trade_signals.SIGNALS) if signal.kind == kind
}
FULL = 100.0  # points of a customer with whom all is well
MOVED = 0.05  # points of a factor below which nothing has moved: half of the last digit shown
READS = (
    "accounts", "purchases", "recurring", "interactions", "tickets", "owners", "scores", "usage", "payments", "subscriptions", "daily_rates", "coverage",
)  # fmt: skip


def customer_health(tables: Tables, query: Query) -> Answer:
    """Mean health score of the customers, 0 to 100: the weighted mean of the factors that have data.

    score = Σ w·x / Σ w over factors with data, coverage = Σ w with data / Σ w; withheld below the policy's coverage (0.6). A factor
    whose facts are too old has no data. Factors are the signals of metrics.signals but for renewals; weights from [metrics.risk] weights.
    Only living customers (see signals.living), at the end of what has happened of the period.

    Returns value, n = customers with a score, numerator = Σ scores, denominator = n; low, high, se: normal, of the mean; extra: withheld =
    customers whose score is withheld, one column per level of the policy with its customers. Notes: unvalidated (it is no
    probability; what it is worth is told by churn_backtest), coverage.
    """
    refuse_grain(query, "scores are those of the period's end: leave out the grain")
    at = eve(query)
    rows, score = _scored(tables, query, at), nw.col("score")
    names = [known.name for known in at.policy.levels]
    found = aggregate(
        rows, list(query.by), n=count(~score.is_null()), numerator=score.sum(), squares=(score * score).sum(), withheld=count(score.is_null()),
        **{known.name: count(_lies_in(known)) for known in at.policy.levels},
    )  # fmt: skip
    numbers = [name for name in found.columns if name not in query.by]
    found = found.assign(**{name: pd.to_numeric(found[name]).astype("float64").fillna(0) for name in numbers})
    known = found["n"].where(found["n"] > 0)
    found["denominator"], mean = found["n"], found["numerator"] / known
    found["se"] = ((found["squares"] / known - mean**2).clip(lower=0) / (known - 1).where(known > 1)) ** 0.5
    found["low"], found["high"] = (mean - Z95 * found["se"]).clip(0, FULL), (mean + Z95 * found["se"]).clip(0, FULL)
    return answer(found, query, extra=("withheld", *names), notes={"unvalidated": True, "coverage": at.policy.coverage})


def behind_health(tables: Tables, query: Query) -> Frame:
    """The customers with a score, the lowest first: score, coverage, and the points that each factor costs."""
    rows = _scored(tables, replace(query, by=()), eve(query)).filter(~nw.col("score").is_null())
    columns = ["customer_id", "score", "coverage", *(f"points_{kind}" for kind in FACTORS)]
    return named(rows.select(*columns), tables).sort("score", "customer_id")


def _scored(tables: Tables, query: Query, at: Eve) -> Frame:
    here = segmented(living(tables, at), tables, query).select(*dict.fromkeys(("customer_id", *query.by)))
    return here.join(vital(tables, at), on="customer_id", how="inner")


def _lies_in(level) -> nw.Expr:
    above = [nw.col("score") > level.above] if level.above is not None else []
    upto = [nw.col("score") <= level.upto] if level.upto is not None else []
    return nw.all_horizontal(~nw.col("score").is_null(), *above, *upto, ignore_nulls=False)


def vital(tables: Tables, at: Eve, among: Sequence[str] | None = None) -> Frame:
    """One row per customer with data for any factor: score (null: withheld), coverage, and of each factor x_…, points_… (what it costs), on_… and
    row_… (the day and the row that it is told by).

    among: only these customers. Everybody's rows are computed, once for these tables; `looked_up` is for one customer on a day that nobody else asks for.
    """
    everybody = kept(tables, "vital", at, lambda: _vital(tables, at, None))
    return everybody if among is None else everybody.join(tables.column("customer_id", among), on="customer_id", how="semi")


def looked_up(tables: Tables, at: Eve, customer: str) -> Frame:
    """The row of `vital` of one customer, without those of the others."""
    return _vital(tables, at, [customer])


def _vital(tables: Tables, at: Eve, among: Sequence[str] | None) -> Frame:
    wide = factors(tables, at, among).group_by("customer_id").agg(
        *(nw.when(nw.col("kind") == kind).then(nw.col("x")).min().alias(f"x_{kind}") for kind in FACTORS),
        *(nw.when(nw.col("kind") == kind).then(nw.col("raised_on")).max().alias(f"on_{kind}") for kind in FACTORS),
        *(nw.when(nw.col("kind") == kind).then(nw.col("row_id")).max().alias(f"row_{kind}") for kind in FACTORS),
    )  # fmt: skip
    return scored(wide, at.policy)


def factors(tables: Tables, at: Eve, among: Sequence[str] | None = None) -> Frame:
    """What is known of each customer, one row per factor; where all is well a factor may have a further row, with x = 100."""
    chosen = [SIGNALS[kind] for kind in FACTORS if at.policy.weights.get(kind, 0)]
    parts = [signal.seen(tables, at).select(*COLUMNS) for signal in chosen]
    nothing = {"row_id": nw.lit(None).cast(nw.String), "raised_on": nw.lit(None).cast(nw.Date)}
    parts += [signal.fine(tables, at).select("customer_id", kind=nw.lit(signal.kind), x=nw.lit(FULL), **nothing) for signal in chosen if signal.fine]
    return nw.concat([part if among is None else part.filter(nw.col("customer_id").is_in(list(among))) for part in parts]).select(*COLUMNS)


COLUMNS = ("customer_id", "kind", "x", "row_id", "raised_on")


def scored(wide: Frame, policy: Policy) -> Frame:
    """Rows with x_… per factor and their score, coverage and points_…: Σ w·x / Σ w over the factors with data.

    The points that the factors cost add up to 100 − score. A score whose factors have less than the policy's share of all weights is null.
    """
    weights = {kind: float(weight) for kind, weight in policy.weights.items() if weight}
    whole = sum(weights.values())
    has = {kind: nw.when(~nw.col(f"x_{kind}").is_null()).then(nw.lit(weight)).otherwise(nw.lit(0.0)) for kind, weight in weights.items()}
    rows = wide.with_columns(known=_sum(has.values()), sum_=_sum(weight * nw.col(f"x_{kind}").fill_null(0.0) for kind, weight in weights.items()))
    is_firm = nw.col("known") / whole >= policy.coverage - 1e-9
    nothing = nw.lit(None).cast(nw.Float64)
    costs = {kind: nw.when(is_firm).then(weight * (FULL - nw.col(f"x_{kind}")) / nw.col("known")) for kind, weight in weights.items()}
    points = {f"points_{kind}": costs.get(kind, nothing) for kind in FACTORS}
    return rows.with_columns(score=nw.when(is_firm).then(nw.col("sum_") / nw.col("known")), coverage=nw.col("known") / whole, **points).drop("known", "sum_")


def _sum(parts: Iterable[nw.Expr]) -> nw.Expr:
    return reduce(add, parts)


def level(policy: Policy, score: float | None) -> str | None:
    """The level of a score; an edge belongs to the level whose top it is. None without a score."""
    if score is None or pd.isna(score):
        return None
    return next(known.name for known in policy.levels if within(score, known.above, known.upto))


def moves(now: Mapping, before: Mapping) -> list[dict]:
    """What moved a score between two days, the largest move first: factor, old, new (x; None: no data), row, on.

    now, before: a customer's row of `vital` on either day. row, on: what tells of the new value; where there is none any more, of the old one.
    """
    found = []
    for kind in FACTORS:
        old, new = (None if pd.isna(side.get(f"x_{kind}")) else float(side[f"x_{kind}"]) for side in (before, now))
        is_same = old is new is None or (old is not None and new is not None and abs(new - old) < MOVED)
        if not is_same:
            side = now if isinstance(now.get(f"row_{kind}"), str) else before
            on = side.get(f"on_{kind}")
            row = side.get(f"row_{kind}")
            found.append({"factor": kind, "old": old, "new": new, "row": row if isinstance(row, str) else None, "on": None if pd.isna(on) else on})
    return sorted(found, key=lambda move: -abs((move["new"] or 0) - (move["old"] or 0)))


METRICS = (
    Metric(
        "customer_health", customer_health,
        definition="Mean health score of the customers at the end of the period, from 0 to 100, over the factors that have data; see the back-test.",
        formula="Σ weight x factor / Σ weight over factors with data; withheld where they have less than 60 % of the weights",
        unit="score", reads=READS, behind=behind_health, better="higher",
    ),
)  # fmt: skip
