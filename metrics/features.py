"""What has drifted inside a segment: each feature of the best customers now against then, and all of them together."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, ks_2samp, wasserstein_distance
from scipy.stats.contingency import association, chi2_contingency

from metrics.grading import grade_names, source_rank
from metrics.metric import Metric
from metrics.quarters import pairs
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, collect, segmented
from metrics.result import K_ANONYMOUS, K_TESTABLE, Answer, answer
from metrics.stats import Z95

SAMPLED = 10_000  # customers a side; more are drawn by number, evenly
LEARNED = 4_000  # rows a side for the classifier
DRAWS, STRIDE = 10_007, 7_919  # primes: customers numbered through are scattered over 0 … 10,006
CHANCE = 0.5  # area under the curve of a coin
APART = 3.0  # standard errors above chance from which quarters are told apart: 1.96 alarmed in 6 to 10 of 100 quarters without drift (docs/drift.md)
LEVEL = 0.05  # of false discoveries among those flagged
PARTS = 6  # of a picture of then and now
TELLING = 0.05  # a feature that fewer have a value for is left out of the classifier
FOLDS, SEED = 5, 20261122
NUMBERS = {  # feature → how it is made of the columns of customer_quarters; null where there is nothing to divide by
    "orders": nw.col("quarter_orders"),
    "order_value": nw.col("quarter_revenue") / nw.when(nw.col("quarter_orders") > 0).then(nw.col("quarter_orders")),
    "revenue": nw.col("quarter_revenue"),
    "interactions": nw.col("quarter_interactions"),
    "visit_share": nw.col("quarter_visits") / nw.when(nw.col("quarter_interactions") > 0).then(nw.col("quarter_interactions")),
    "usage": nw.col("quarter_usage"),
    "satisfaction": nw.col("satisfaction"),
    "pipeline": nw.col("pipeline"),
}
KINDS = ("region", "industry", "size", "channel")


def feature_drift(tables: Tables, query: Query) -> Answer:
    """Each feature of a segment's customers in the last quarter of the period against the quarter before its start, ranked.

    customer_quarters, accounts. Option grade: which grade (default: the best one); scheme: "source" (customers whose CRM grade
    is that now, at both times; default), "held" or "earned" (whoever had the grade at each time, so that also people changing
    places shows).
    Numbers: orders, order_value, revenue, interactions, visit_share, usage (of the quarter), satisfaction (of the year),
    pipeline; kinds: region, industry, size, channel.

    Returns one row per `feature`: value = size of the drift: numbers: Wasserstein distance in standard deviations of both
    times together; kinds: Cramér's V. n = values of both times; extra: kind ("number" or "kind"), then, now = mean of a
    number, ks = Kolmogorov–Smirnov D, p of it (kinds: χ²), p_adjusted (Benjamini–Hochberg over all features), is_drifted =
    p_adjusted < 0.05 with 30 customers on both sides, rank.
    The same customers stand on both sides mostly; the tests ignore that, which makes them careful, not rash.
    A feature known of fewer than five customers at one end is left out.
    Read it so: orders 0.8, 12 then and 7 now, drifted: the group's number of orders moved by 0.8 of its usual spread.
    """
    rows = _sampled(tables, _plain(query, "feature_drift"), SAMPLED)
    found = tested(rows)
    if found.empty:
        return answer(pd.DataFrame(columns=["feature", "value", "n", *EXTRA]), query, keys=("feature",), extra=EXTRA)
    drifted = found.loc[found["is_drifted"] & (found["feature"] != "satisfaction"), "feature"]  # a handful of answers stands in no picture
    return answer(found, query, keys=("feature",), extra=EXTRA, notes={**_sides(rows), "shares": {name: shares(rows, name) for name in drifted}})


def shares(rows: pd.DataFrame, feature: str) -> list[dict]:
    """How a feature was distributed at both times: the shares of customers in sixths of both times together (kinds: in each group), lowest first.

    Each entry: low, high (the smallest and largest value in it), or group; then, now (shares, of those for whom it is known).
    """
    then, now = _split(rows, feature if feature in KINDS else f"x_{feature}")
    if feature in KINDS:
        both = pd.concat([side.value_counts(normalize=True) for side in (then, now)], axis=1, keys=["then", "now"]).fillna(0.0)
        return [{"group": str(group), "then": float(p), "now": float(q)} for group, p, q in both.sort_index().itertuples()]
    every = np.concatenate([then.astype(float), now.astype(float)])
    edges = np.unique(np.quantile(every, np.arange(1, PARTS) / PARTS, method="inverted_cdf"))
    part = np.searchsorted(edges, every, "left")
    is_now, found = np.arange(len(every)) >= len(then), []
    for k in np.unique(part):
        here = part == k
        sides = {"then": float((here & ~is_now).sum() / len(then)), "now": float((here & is_now).sum() / len(now))}
        found.append({"low": float(every[here].min()), "high": float(every[here].max()), **sides})
    return found


def tested(rows: pd.DataFrame) -> pd.DataFrame:
    """Each feature of the members (a row per customer and time) with its size, test and verdict, ranked; a feature that is hardly known is left out."""
    found = pd.DataFrame([_number(rows, name) for name in NUMBERS] + [_kind(rows, name) for name in KINDS])
    found = found[found["n"] > 0]
    if found.empty:
        return found
    has_test = found["p"].notna()
    found.loc[has_test, "p_adjusted"] = false_discovery_control(found.loc[has_test, "p"], method="bh")
    found["is_drifted"] = (found["p_adjusted"] < LEVEL) & (found["smaller"] >= K_TESTABLE)
    found = found.sort_values(["is_drifted", "value"], ascending=False, na_position="last", ignore_index=True)
    return found.assign(rank=found.index + 1)


EXTRA = ("rank", "kind", "then", "now", "ks", "p", "p_adjusted", "is_drifted")


def _plain(query: Query, name: str) -> Query:
    if query.by:
        raise QuestionError(f"{name} looks inside one group: choose it with a filter, not by {', '.join(query.by)}")
    if query.grain:
        raise QuestionError(f"{name} compares the two ends of the period: ask without a grain")
    return query


def _members(tables: Tables, query: Query) -> tuple[Frame, list[dt.date]]:
    """The segment's customers at both quarter ends, with `is_now`, numbers and kinds; and the two ends."""
    best = grade_names(query)[0]
    wanted, scheme = query.options["grade"] or best, query.options["scheme"]
    if scheme not in ("source", "held", "earned"):
        raise QuestionError(f"no scheme {scheme!r}; there are source, held, earned")
    chosen = pairs(tables, query)
    ends = [chosen[0].then, chosen[0].now] if chosen else []
    rows = segmented(tables["customer_quarters"], tables, query).filter(nw.col("ends_on").is_in(ends))
    own = set(rows.columns)
    rows = rows.join(tables["accounts"].select("customer_id", *(k for k in ("grade", *KINDS) if k not in own)), on="customer_id", how="left")
    if scheme == "source":
        rank = grade_names(query).index(wanted) + 1 if wanted in grade_names(query) else 0
        rows = rows.filter((source_rank(query, "grade") == rank) | (nw.col("grade") == wanted))
    else:
        rows = rows.filter(nw.col(scheme) == wanted)
    is_now = nw.col("ends_on") == nw.lit(ends[1] if ends else query.period.end)
    return rows.select("customer_id", *KINDS, is_now=is_now, **{f"x_{name}": made for name, made in NUMBERS.items()}), ends


def _sampled(tables: Tables, query: Query, limit: int) -> pd.DataFrame:
    """The members as a table of at most about `limit` rows a side, the same customers every time."""
    members, _ = _members(tables, query)
    sizes = aggregate(members, ["is_now"], n=nw.len())
    most = int(sizes["n"].max()) if len(sizes) else 0
    if most > limit:
        members = members.join(_drawn(members, limit / most), on="customer_id", how="semi")
    return collect(members).sort_values(["is_now", "customer_id"], ignore_index=True)


def _drawn(members: Frame, share: float) -> Frame:
    """A share of the customers. They are numbered among themselves: a number among all would tell a reader of some how many there are."""
    ones = members.select("customer_id").unique().with_columns(one=nw.lit(1))
    numbered = ones.with_columns(draw=(nw.col("one").cum_sum().over(order_by="customer_id") * STRIDE) % DRAWS)
    return numbered.filter(nw.col("draw") < int(DRAWS * share)).select("customer_id")


def _sides(rows: pd.DataFrame) -> dict:
    return {"n_then": int((~rows["is_now"].astype(bool)).sum()), "n_now": int(rows["is_now"].astype(bool).sum())}


def _split(rows: pd.DataFrame, column: str) -> tuple[pd.Series, pd.Series]:
    is_now = rows["is_now"].astype(bool)
    return rows.loc[~is_now, column].dropna(), rows.loc[is_now, column].dropna()


def _number(rows: pd.DataFrame, name: str) -> dict:
    then, now = (side.astype(float) for side in _split(rows, f"x_{name}"))
    row = {"feature": name, "kind": "number", "n": len(then) + len(now), "smaller": min(len(then), len(now)), "p": np.nan, "p_adjusted": np.nan}
    if row["smaller"] < K_ANONYMOUS or not np.any(np.concatenate([then, now])):
        return {**row, "n": 0}  # too few on one side to show, or the company has no such data at all
    spread = float(np.concatenate([then, now]).std())
    test = ks_2samp(then, now)
    size = wasserstein_distance(then, now) / spread if spread > 0 else 0.0
    return {**row, "value": size, "then": then.mean(), "now": now.mean(), "ks": float(test.statistic), "p": float(test.pvalue)}


def _kind(rows: pd.DataFrame, name: str) -> dict:
    then, now = _split(rows, name)
    row = {"feature": name, "kind": "kind", "n": len(then) + len(now), "smaller": min(len(then), len(now)), "p": np.nan, "p_adjusted": np.nan}
    counts = pd.concat([then.value_counts(), now.value_counts()], axis=1).fillna(0).to_numpy().astype(int)
    if row["smaller"] < K_ANONYMOUS or len(counts) < 2:
        return {**row, "n": 0}
    return {**row, "value": float(association(counts, method="cramer")), "p": float(chi2_contingency(counts, correction=False).pvalue)}


def drift_auc(tables: Tables, query: Query) -> Answer:
    """Can a classifier tell a customer's quarter from its features? 0.5: no, all features together have not drifted; 1: always.

    Same customers, features and options as `feature_drift`. Shallow gradient boosting, cross-fitted in five folds that keep a
    customer's two quarters together, with a fixed seed; at most 4,000 customers a side.
    Returns value = AUC, low, high = 95 % limits (DeLong), n = rows of both times; extra: is_drifted = three standard errors above 0.5
    with 30 customers on both sides: the scores come from five models, and differ more than DeLong's error knows of. Finds what single
    features hide: two that used to go together and no longer do.
    Source: DeLong 1988, Biometrics 44, 837-845; classifier two-sample test: Lopez-Paz & Oquab 2017.
    """
    rows = _sampled(tables, _plain(query, "drift_auc"), LEARNED)
    return answer(pd.DataFrame([told_apart(rows)]), query, extra=("is_drifted",), notes=_sides(rows))


def told_apart(rows: pd.DataFrame) -> dict:
    """The members' area under the curve with its limits and verdict; without a value where a side is too small to test, or nothing is known of it."""
    features = _matrix(rows)
    row = {"value": np.nan, "n": len(rows), "is_drifted": False}
    if min(_sides(rows).values()) < K_TESTABLE or not features.shape[1]:
        return row
    auc, se = separability(features, rows["is_now"].to_numpy(bool), pd.factorize(rows["customer_id"])[0])
    low, high = max(0.0, auc - Z95 * se), min(1.0, auc + Z95 * se)
    return row | {"value": auc, "se": se, "low": low, "high": high, "is_drifted": bool(auc - APART * se > CHANCE)}


def _matrix(rows: pd.DataFrame) -> np.ndarray:
    """Numbers and kinds as columns, those left out that say nothing or nearly nothing."""
    kinds = [pd.Series(pd.factorize(rows[name])[0], rows.index).where(rows[name].notna()).astype(float) for name in KINDS]
    columns = [*(rows[f"x_{name}"].astype(float) for name in NUMBERS), *kinds]
    telling = [column for column in columns if column.nunique() > 1 and column.notna().mean() > TELLING]
    return np.column_stack(telling) if telling else np.empty((len(rows), 0))


def separability(features: np.ndarray, is_now: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """Cross-fitted AUC of telling `is_now` from `features`, and its standard error."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # takes a second to import, and only this function needs it
    from sklearn.model_selection import GroupKFold
    from threadpoolctl import threadpool_limits

    scores = np.empty(len(is_now))
    with threadpool_limits(limits=1):
        for train, test in GroupKFold(FOLDS).split(features, is_now, groups):
            model = HistGradientBoostingClassifier(max_iter=60, max_depth=3, learning_rate=0.1, min_samples_leaf=20, random_state=SEED)
            scores[test] = model.fit(features[train], is_now[train]).predict_proba(features[test])[:, 1]
    return delong(scores[is_now], scores[~is_now])


def delong(positive: np.ndarray, negative: np.ndarray) -> tuple[float, float]:
    """Area under the ROC curve and its standard error, from the scores of both classes; ties count half."""
    above = _share_below(positive, np.sort(negative))
    below = 1 - _share_below(negative, np.sort(positive))
    m, n = len(positive), len(negative)
    return float(above.mean()), float(np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n))


def _share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    return (np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")) / (2 * len(others))


def members(tables: Tables, query: Query) -> Frame:
    """The customers of the segment at the two quarter ends, with their features."""
    return _members(tables, replace(query, by=(), grain=None))[0]


OPTIONS = {"grade": "", "scheme": "source"}
METRICS = (
    Metric(
        "feature_drift", feature_drift,
        definition="Which features of the best customers have drifted between the two ends of the period, largest first.",
        formula="numbers: Wasserstein distance / standard deviation, Kolmogorov-Smirnov p; kinds: Cramer's V, chi2 p; corrected by Benjamini-Hochberg",
        unit="score", reads=("customer_quarters", "accounts"), behind=members, better="lower", options=OPTIONS,
        source="Benjamini & Hochberg 1995, JRSS B 57, 289-300",
    ),
    Metric(
        "drift_auc", drift_auc,
        definition="How well a classifier can tell the two ends of the period apart by all features of the best customers together.",
        formula="area under the ROC curve of cross-fitted gradient boosting; 0.5 is chance",
        unit="score", reads=("customer_quarters", "accounts"), behind=members, better="lower", options=OPTIONS,
        source="DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44, 837-845",
    ),
)  # fmt: skip
