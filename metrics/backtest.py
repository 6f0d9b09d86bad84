"""Would it have told us? The quarters that are over: who was ranked first then, by the model, by recency and by the rules, and who was lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.churn_card import told
from metrics.churn_model import RANKERS, auc
from metrics.churn_population import HORIZON
from metrics.metric import Metric
from metrics.query import Frame, Query, Tables, bucketed, collect, named, segmented
from metrics.result import Answer, answer
from metrics.stats import share_se, wilson

FLAGGED = 0.1  # of the customers of a quarter, those ranked first
BINS = 10
RISKS = {"model": "probability", "recency": "recency", "rules": "rules"}
FIGURES = ("customers", "lost", "recall", "lift", "lift_low", "lift_high", "auc", "brier", "calibration_error", "lead_days", "quarters")
TINY = 1e-9


def churn_backtest(tables: Tables, query: Query) -> Answer:
    """Of the tenth of the customers that each way of ranking put first at the beginning of a quarter, the share that was lost 90 days later.

    churn_tested: quarters of the period whose 90 days are over, on which the rules were tested as well. The model of a quarter was learned from
    earlier quarters alone; where there was too little to learn from in any of them, it has no data, else the others are judged on its
    quarters too. Option population: "contract" or "buyer"; both without.
    In each quarter and population a tenth is put first, at least one; equals are put in an order by lot.

    Returns one row per `ranker` (model, recency, rules): value = precision; n = denominator = customers put first; numerator: of them lost;
    Wilson limits; extra: customers, lost = all of them; recall; lift = precision ÷ share lost of all, with the limits of precision; auc: mean
    over the quarters; brier, calibration_error (mean distance of probability and share in ten bins) of the model; lead_days: median days from
    the morning to the loss, of those found; quarters.
    Read it so: model 0.30, lift 3: of those it put first three in ten left, three times as many as of all.
    """
    rows = _ranked(tables, query)
    keys = (*query.by, "ranker")
    grouped = [*(("bucket",) if query.grain else ()), *keys]
    found = pd.DataFrame([{**dict(zip(grouped, key, strict=True)), **_told(part)} for key, part in rows.groupby(grouped, dropna=False)])
    found = found.reindex(columns=[*grouped, "n", "numerator", *FIGURES]) if len(found) else _nobody(grouped, query)
    found["denominator"] = found["n"].astype("float64")
    found["low"], found["high"] = wilson(found["numerator"], found["n"])
    found["se"] = share_se(found["numerator"], found["n"])
    base = (found["lost"] / found["customers"]).where(found["lost"] > 0)
    for name, of in (("lift", found["numerator"] / found["denominator"]), ("lift_low", found["low"]), ("lift_high", found["high"])):
        found[name] = of / base
    return answer(found, query, keys=keys, extra=FIGURES)


def _nobody(grouped: list[str], query: Query) -> pd.DataFrame:
    found = pd.DataFrame({"ranker": list(RANKERS) if not query.by and not query.grain else []})
    return found.reindex(columns=[*grouped, "n", "numerator", *FIGURES]).astype(dict.fromkeys(("n", "numerator", *FIGURES), "float64"))


def _tests(tables: Tables, query: Query) -> Frame:
    """The customers of the quarters that are looked at, of one population where the option names it."""
    period = query.period.to_date()
    tests = tables["churn_tested"].filter(
        nw.col("scored_on") >= nw.lit(period.start), nw.col("scored_on") <= nw.lit(period.end - dt.timedelta(days=HORIZON)), ~nw.col("rules").is_null()
    )  # fmt: skip
    asked = query.options.get("population")
    return segmented(tests.filter(nw.col("population") == asked) if asked else tests, tables, query)


def _ranked(tables: Tables, query: Query) -> pd.DataFrame:
    """One row per ranker and customer tested: risk, is_first, is_lost, lost_after, probability."""
    tests = _tests(tables, query)
    tests = bucketed(tests, "scored_on", query) if query.grain else tests.with_columns(bucket=nw.lit(0))
    columns = dict.fromkeys(("bucket", "customer_id", "scored_on", "population", *query.by, "is_lost", "lost_after", "draw", *RISKS.values()))
    rows = collect(tests.select(*columns))
    if rows["probability"].notna().any():  # all are judged on the same quarters
        rows = rows[rows["probability"].notna()]
    long = pd.concat([rows.assign(ranker=name, risk=rows[column]) for name, column in RISKS.items()], ignore_index=True)
    long = long[long["risk"].notna()].sort_values(["risk", "draw", "customer_id"], ascending=[False, True, True], ignore_index=True)
    groups = long.groupby([*query.by, "ranker", "scored_on", "population"], dropna=False)
    places, sizes = groups.cumcount() + 1, groups["risk"].transform("size")
    return long.assign(is_first=places <= np.ceil(sizes * FLAGGED - TINY))


def _told(part: pd.DataFrame) -> dict:
    """The figures of one way of ranking."""
    figures = hits(part["is_first"], part["is_lost"] == 1)
    found = part[part["is_first"] & (part["is_lost"] == 1)]
    areas = [auc(some["risk"], some["is_lost"] == 1) for _, some in part.groupby(["scored_on", "population"])]
    areas = [area for area in areas if np.isfinite(area)]
    is_model = part["ranker"].iloc[0] == "model"
    fit = fitness(part["probability"], part["is_lost"]) if is_model else {"brier": np.nan, "calibration_error": np.nan}
    beside = {"auc": np.mean(areas) if areas else np.nan, "lead_days": found["lost_after"].median(), "quarters": part["scored_on"].nunique()}
    return {"n": figures["flagged"], "numerator": figures["hits"], **{k: figures[k] for k in ("customers", "lost", "recall")}, **fit, **beside}


def hits(flagged, lost) -> dict[str, float]:
    """Precision, recall and lift of those flagged: customers, lost, flagged, hits; a share without anybody to divide by is NaN."""
    flagged, lost = np.asarray(flagged, bool), np.asarray(lost, bool)
    both, n = int((flagged & lost).sum()), len(flagged)
    precision, recall = _share(both, flagged.sum()), _share(both, lost.sum())
    counts = {"customers": n, "lost": int(lost.sum()), "flagged": int(flagged.sum()), "hits": both}
    return {**counts, "precision": precision, "recall": recall, "lift": _share(precision, _share(lost.sum(), n))}


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


def fitness(probability, lost) -> dict[str, float]:
    """Brier score, and the mean distance of probabilities from what happened, over ten bins of equally many."""
    p, y = np.asarray(probability, float), np.asarray(lost, float)
    bins = binned(p, y)
    distance = (bins["n"] * (bins["probability"] - bins["value"]).abs()).sum() / max(bins["n"].sum(), 1)
    return {"brier": float(((p - y) ** 2).mean()), "calibration_error": float(distance)}


def binned(probability, lost) -> pd.DataFrame:
    """Ten bins of equally many, the least likely first: bin, probability (mean), value (share lost), n, numerator, Wilson low and high."""
    p, y = np.asarray(probability, float), np.asarray(lost, float)
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    rows = [{"bin": k, "probability": p[part].mean(), "n": len(part), "numerator": y[part].sum()} for k, part in enumerate(parts, 1)]
    found = pd.DataFrame(rows, columns=["bin", "probability", "n", "numerator"]).astype({"n": "int64", "numerator": "float64"})
    low, high = wilson(found["numerator"], found["n"])
    return found.assign(value=found["numerator"] / found["n"], low=low, high=high)


def calibrated(tables: Tables, query: Query) -> pd.DataFrame:
    """Probabilities that were told in the quarters of the period beside what happened; see `binned`. No rows without a model."""
    rows = collect(_tests(tables, query).filter(~nw.col("probability").is_null()).select("customer_id", "scored_on", "probability", "is_lost"))
    rows = rows.sort_values(["probability", "scored_on", "customer_id"])
    return binned(rows["probability"], rows["is_lost"])


def behind(tables: Tables, query: Query) -> Frame:
    """The customers tested, the likeliest to leave first: the quarter, the probability that was told, and what became of them."""
    rows = _tests(tables, replace(query, by=())).select("customer_id", "scored_on", "population", "probability", "recency", "rules", "is_lost", "lost_after")
    return named(rows, tables).sort("scored_on", "probability", "customer_id", descending=[True, True, False], nulls_last=True)


def cards(tables: Tables) -> Mapping[str, Mapping]:
    """The card of each population, as far as the reader may know it: name → figure; none for who sees some customers only."""
    if "churn_model" not in tables:
        return {}
    rows = collect(tables["churn_model"])
    return {population: told(rows, population) for population in sorted(rows["population"].unique())}


METRICS = (
    Metric(
        "churn_backtest", churn_backtest,
        definition="Of the tenth of customers ranked likeliest to leave at the beginning of past quarters, the share that was lost within 90 days.",
        formula="lost / the first tenth by model, by days since the last purchase, by the rules' score; the model of a quarter knows earlier quarters only",
        unit="share", reads=("churn_tested", "accounts"), behind=behind, better="higher", options={"population": ""},
    ),
)  # fmt: skip
