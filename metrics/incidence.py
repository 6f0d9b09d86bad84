"""How likely a deal is won, by its age: wins and losses compete, open deals are censored (Aalen–Johansen)."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import CumIncidenceRight

from metrics.followed import followed
from metrics.funnel import DAY
from metrics.metric import Metric
from metrics.query import Frame, Query, Tables, aggregate, grouped, named
from metrics.result import Answer, answer
from metrics.stats import Z95
from metrics.stays import now_s

CAUSES = {"open": 0, "won": 1, "lost": 2}
STILL_AT_RISK = 30  # the curve is read up to the last day on which so many deals were still open and as old


def win_incidence(tables: Tables, query: Query) -> Answer:
    """The probability that a deal has been won by each day of its life, losing being the competing end.

    deal_facts: reads created_on, created_at, closed_at, outcome of deals created in the period; followed to the end of the data.
    Returns one row per `day` since creation on which something happened: value = probability of having been won by then;
    low, high: 95 % limits (log-log); n = deals in all; extra: lost = probability of having been lost by then, at_risk = deals
    still open and as old on that day. Deals closed without a date are left out and counted in the notes (`undated`).
    Read it so: 0.30 at day 90 means that 30 of 100 deals are won within 90 days, whatever share of them is still open now.
    Source: Aalen & Johansen 1978; variance and limits as in SAS PROC LIFETEST, computed by statsmodels.
    """
    counts, keys, undated = _counts(tables, query)
    curves = [incidence(group).assign(**dict(zip(keys, key, strict=True))) for key, group in _groups(counts, keys)]
    rows = pd.concat(curves) if curves else pd.DataFrame(columns=[*keys, "day", "value", "n", "lost", "at_risk"])
    return answer(rows, query, keys=(*query.by, "day"), extra=("lost", "at_risk"), notes={"undated": undated}, fill=False)


def win_probability(tables: Tables, query: Query) -> Answer:
    """The probability that a deal created in the period will have been won by `horizon_days`, open deals counted for what they show.

    The number at the end of `win_incidence`. Option horizon_days; 0 (default) reads the curve on the last day on which at
    least 30 deals were still open and as old.
    Returns value, low, high, n = deals, numerator = deals won by now; extra: horizon_days, open_share = share still open.
    """
    counts, keys, undated = _counts(tables, query)
    read = [{**dict(zip(keys, key, strict=True)), **_read(group, query.options["horizon_days"])} for key, group in _groups(counts, keys)]
    extra = ("horizon_days", "open_share")
    rows = pd.DataFrame(read) if read else pd.DataFrame(columns=[*keys, "value", "n", *extra])
    return followed(answer(rows, query, extra=extra, notes={"undated": undated}), query)


def _counts(tables: Tables, query: Query) -> tuple[pd.DataFrame, list[str], int]:
    """How many deals of each outcome reached which age in days; the keys; how many closed deals have no date."""
    facts, keys = grouped(tables["deal_facts"], "created_on", tables, query)
    end = nw.when(nw.col("outcome") == "open").then(nw.lit(now_s(query))).otherwise(nw.col("closed_at_s"))
    age = nw.max_horizontal((end - nw.col("created_at_s")) // DAY, nw.lit(0))
    dated = (nw.col("outcome") == "open") | ~nw.col("closed_at_s").is_null()
    facts = facts.with_columns(day=nw.when(dated).then(age.cast(nw.Int64)))
    counts = aggregate(facts, [*keys, "outcome", "day"], n=nw.len())
    undated = counts["day"].isna()
    return counts[~undated].astype({"day": int}), keys, int(counts.loc[undated, "n"].sum())


def _groups(counts: pd.DataFrame, keys: list[str]):
    if counts.empty:
        return []
    return ((key if isinstance(key, tuple) else (key,), group) for key, group in counts.groupby(keys, dropna=False)) if keys else [((), counts)]


def incidence(counts: pd.DataFrame) -> pd.DataFrame:
    """The curve of one group. counts: outcome, day, n. Returns day, value, low, high, se, n, lost, at_risk."""
    n = counts["n"].astype(int)
    day, cause = np.repeat(counts["day"].to_numpy(), n), np.repeat(counts["outcome"].map(CAUSES).to_numpy(), n)
    with np.errstate(all="ignore"):
        curve = CumIncidenceRight(day, cause)
    won, lost = (_cause(curve.cinc, which, len(curve.times)) for which in (0, 1))
    se = _cause(curve.cinc_se, 0, len(curve.times))
    se = np.where(won > 0, se, np.nan)
    low, high = _limits(won, se)
    ages = np.sort(day)
    at_risk = len(ages) - np.searchsorted(ages, curve.times)
    return pd.DataFrame({"day": curve.times.astype(int), "value": won, "low": low, "high": high, "se": se, "n": len(day), "lost": lost, "at_risk": at_risk})


def _cause(curves: list, which: int, length: int) -> np.ndarray:
    """statsmodels gives no curve for a cause that never occurred and is the last: it stays at 0."""
    return np.asarray(curves[which], float) if which < len(curves) else np.zeros(length)


def _limits(share: np.ndarray, se: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % limits of a share on the log(-log) scale, which stay within 0 and 1."""
    with np.errstate(all="ignore"):
        width = Z95 * se / (share * np.log(share))
        return share ** np.exp(-width), share ** np.exp(width)


def _read(counts: pd.DataFrame, horizon: int) -> dict:
    curve = incidence(counts)
    known = curve[curve["at_risk"] >= STILL_AT_RISK]
    last = horizon or int((known if len(known) else curve)["day"].max())
    then = curve[curve["day"] <= last]
    start = {"value": 0.0, "low": np.nan, "high": np.nan, "se": np.nan, "n": len(curve) and int(curve["n"].iloc[0])}
    row = then.iloc[-1][["value", "low", "high", "se", "n"]].to_dict() if len(then) else start
    by_outcome = counts.groupby("outcome")["n"].sum()
    won, still = int(by_outcome.get("won", 0)), int(by_outcome.get("open", 0))
    return {**row, "numerator": won, "denominator": row["n"], "horizon_days": last, "open_share": still / row["n"]}


def deals(tables: Tables, query: Query) -> Frame:
    """The deals behind the curve: created in the period, their end known or still to come."""
    facts, _ = grouped(tables["deal_facts"], "created_on", tables, replace(query, by=(), grain=None))
    return named(facts.filter((nw.col("outcome") == "open") | ~nw.col("closed_at_s").is_null()), tables)


FORMULA = "Aalen-Johansen cumulative incidence of winning; losing competes, open deals are censored"
SOURCE = "Aalen & Johansen 1978, Scand J Stat 5, 141-150"
METRICS = (
    Metric(
        "win_incidence", win_incidence, definition="The probability that a deal has been won by each day since its creation.",
        formula=FORMULA, unit="share", reads=("deal_facts",), behind=deals, better="higher", source=SOURCE,
    ),
    Metric(
        "win_probability", win_probability,
        definition="The probability that a deal created in the period is won in the end; open ones are neither ignored nor given up.",
        formula=FORMULA + ", read at the horizon", unit="share", reads=("deal_facts",), behind=deals, better="higher",
        options={"horizon_days": 0}, source=SOURCE,
    ),
)  # fmt: skip
