"""Do customers whom we followed up in time stay longer? Told with caution: from the landmark on, adjusted, and as an association.

Who left on the second day could not be followed up on the third: only customers who are still there when the time for the
follow-up is over are compared, and what happens is counted from then on. Who is followed up is not drawn by lot: groups
are weighted until they are alike in what is known of them, and what is not known could still explain a difference.

[metrics.follow_up_churn]
adjust = ["grade", "size", "industry"]   # columns of customers
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import narwhals as nw
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from metrics.clocks import judged, kept_clocks
from metrics.funnel import count
from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, named, refuse_grain, segmented
from metrics.result import Answer, answer
from metrics.stats import share_se, wilson
from metrics.stays import now_s

GROUPS = ("followed", "missed")
ADJUST = ("grade", "size", "industry")
DRAWS, SEED = 2_000, 20_240_101  # of the bootstrap
EDGE = 0.02  # chances of being followed up are kept this far from 0 and 1
LEAST = 20  # customers of a group, below which nothing is compared
DAY = 86_400  # seconds


@dataclass(frozen=True)
class Comparison:
    """Both groups after weighting. risk: group → share lost; ratio: missed to followed, with 95 % limits (bootstrap over customers with these
    weights, which is wider than with weights fitted anew: Lunceford & Davidian 2004, Stat. Med. 23(19) 2937-2960); e_value: of the ratio, and of
    the limit nearer to 1. balance: column → largest standardised difference of one of its values between the groups, before and after weighting."""

    risk: dict[str, float]
    ratio: tuple[float, float, float]
    e_value: tuple[float, float]
    balance: dict[str, tuple[float, float]]

    @property
    def is_clear(self) -> bool:
        """Whether the limits leave out 1."""
        return self.ratio[1] > 1 or self.ratio[2] < 1

    @property
    def differed(self) -> tuple[float, float]:
        """The largest standardised difference of all columns, before and after weighting."""
        return tuple(max((sides[k] for sides in self.balance.values()), default=0.0) for k in (0, 1))


def follow_up_churn(tables: Tables, query: Query) -> Answer:
    """Share of the customers signed in the period who were lost within `horizon_days` after the time for the first follow-up was over.

    Clock first_follow_up (metrics.clocks). Compared are customers still there at that landmark, by whether we were in time; who was not yet
    under observation for the whole horizon is in neither group. accounts.lost_on; a customer without one is there.
    Returns one row per `group` (followed, missed): value, n = denominator = customers, numerator = lost; low, high Wilson; extra: adjusted =
    value after inverse probability weighting (logistic regression on [metrics.follow_up_churn] adjust; Hájek), compared = 1 where there is one.
    Notes: horizon_days, pending (time or horizon not over), left_before (lost before the landmark), ratio (missed to followed; raw), and adjusted:
    ratio with 95 % limits by bootstrap, e_value of it and of its limit nearer to 1, balance per column, is_clear.
    Source: VanderWeele & Ding 2017, Ann. Intern. Med. 167(4) 268-274 (E-value); Anderson et al. 1983, J. Clin. Oncol. 1(11) 710-719 (landmark).
    """
    refuse_grain(query, "outcomes are followed for months: leave out the grain")
    if query.by:
        raise QuestionError(f"two groups are compared, in one table: leave out the columns {', '.join(query.by)}")
    columns, horizon = _adjusting(tables, query), _horizon(query)
    rows = segmented(_followed(tables, query, horizon), tables, query)
    whole = aggregate(rows, [], pending=count(~nw.col("is_ripe")), left_before=count(nw.col("is_ripe") & nw.col("is_gone")))
    accounts = tables["accounts"].select("customer_id", *(nw.col(c).alias(f"by_{c}") for c in columns))
    ripe = rows.filter(nw.col("is_ripe"), ~nw.col("is_gone")).join(accounts, on="customer_id", how="left")
    cells = aggregate(ripe, [f"by_{column}" for column in columns] + ["group"], n=nw.len(), lost=count("is_lost"))
    found = cells.groupby("group")[["n", "lost"]].sum().reindex(list(GROUPS), fill_value=0).reset_index()
    found = found.assign(numerator=found["lost"], denominator=found["n"], value=found["lost"] / found["n"].where(found["n"] > 0))
    found["low"], found["high"] = wilson(found["numerator"], found["n"])
    found["se"] = share_se(found["numerator"], found["n"])
    notes = {"horizon_days": horizon, **{name: int(whole[name].fillna(0).iloc[0]) for name in ("pending", "left_before")}, "adjusted": None}
    compared = compare(cells.rename(columns={f"by_{c}": c for c in columns}), columns)
    if compared:
        notes["adjusted"] = {**asdict(compared), "is_clear": compared.is_clear, "differed": compared.differed}
    found["adjusted"] = found["group"].map(compared.risk if compared else {}).astype("float64")
    return answer(found, query, keys=("group",), extra=("adjusted",), notes=notes)


def _horizon(query: Query) -> int:
    given = query.options.get("horizon_days", 180)
    if type(given) is not int or not 1 <= given <= 3_650:
        raise QuestionError(f"horizon_days is a whole number of days from 1 to 3650, not {given!r}")
    return given


def _adjusting(tables: Tables, query: Query) -> list[str]:
    """The columns to adjust for. Raises QuestionError for one that customers do not have."""
    given, known = query.setting("follow_up_churn", "adjust", None), tables["accounts"].columns
    unknown = [column for column in given or () if column not in known]
    if unknown or not isinstance(given, (list, type(None))):
        raise QuestionError(f"[metrics.follow_up_churn] adjust is a list of columns of customers, not {given!r}; there are {', '.join(sorted(known))}")
    return list(ADJUST if given is None else given)


def _followed(tables: Tables, query: Query, horizon: int) -> Frame:
    """Customers signed in the period: group, is_ripe (time and horizon are over), is_gone (lost before the landmark), is_lost (within the horizon)."""
    if "first_follow_up" not in kept_clocks(query):
        raise QuestionError("the clock first_follow_up is not kept ([metrics.clocks.first_follow_up] within_hours = 0): nothing can be compared by it")
    signed = judged(tables, Query(query.period, where=(("clock", ("first_follow_up",)),), settings=query.settings))
    lost = tables["accounts"].select("customer_id", "lost_on_d")
    rows = signed.join(lost, on="customer_id", how="left").filter(nw.col("from_on") >= query.period.start, nw.col("from_on") < query.period.to_date().end)
    mark_s = nw.col("from_s") + nw.col("limit_s")
    lost_s = nw.col("lost_on_d") * DAY  # a day is known, no instant: its beginning in UTC
    in_time = nw.when(nw.col("in_time")).then(nw.lit(GROUPS[0])).otherwise(nw.lit(GROUPS[1]))
    return rows.select(
        "customer_id", group=in_time, signed_on=nw.col("from_on"), lost_days=(lost_s - mark_s) / DAY,
        is_ripe=mark_s + horizon * DAY <= now_s(query), is_gone=(lost_s < mark_s).fill_null(False),
        is_lost=((lost_s >= mark_s) & (lost_s < mark_s + horizon * DAY)).fill_null(False),
    )  # fmt: skip


def compare(cells: pd.DataFrame, columns: list[str]) -> Comparison | None:
    """Both groups as if they were alike in these columns. None where a group has fewer than 20 customers, or nobody was lost.

    cells: one row per combination of the columns and `group`: n customers, `lost` of them.
    """
    sizes = cells.groupby("group")["n"].sum()
    if any(sizes.get(group, 0) < LEAST for group in GROUPS) or not cells["lost"].sum():
        return None
    keys = columns or ["everybody"]
    known = cells if columns else cells.assign(everybody="")
    known = known.assign(**{column: known[column].astype(object).where(known[column].notna(), "") for column in keys})
    wide = known.pivot_table(index=keys, columns="group", values=["n", "lost"], aggfunc="sum", fill_value=0)
    n, lost = (np.column_stack([wide[(part, group)] for group in GROUPS]).astype("float64") for part in ("n", "lost"))
    counts, design = np.stack([n - lost, lost], axis=-1), pd.get_dummies(wide.index.to_frame(index=False)).to_numpy("float64")
    weights = _weights(counts, design)
    risk = tuple(float(share) for share in _weighted(counts, weights))
    drawn = np.random.default_rng(SEED).multinomial(int(counts.sum()), counts.ravel() / counts.sum(), size=DRAWS).reshape(DRAWS, *counts.shape)
    ratios = [b / a for a, b in _weighted(drawn, weights) if a > 0]
    low, high = (float(limit) for limit in np.percentile(ratios, [2.5, 97.5])) if ratios else (0.0, math.inf)
    ratio = risk[1] / risk[0] if risk[0] > 0 else math.inf
    nearer = low if ratio > 1 else high
    of_limit = 1.0 if (nearer - 1) * (ratio - 1) <= 0 else e_value(nearer)
    balance = {column: _balance(counts, wide, column, weights) for column in columns}
    return Comparison(dict(zip(GROUPS, risk, strict=True)), (ratio, low, high), (e_value(ratio), of_limit), balance)


def _chances(counts: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Of each cell the chance of being followed up in time, by logistic regression. counts: cell × group × (stayed, lost)."""
    sizes = counts.sum(axis=2)
    x, y = np.vstack([design, design]), np.repeat([1, 0], len(design))
    model = LogisticRegression(C=100.0, max_iter=500).fit(x, y, sample_weight=np.concatenate([sizes[:, 0], sizes[:, 1]]))
    return np.clip(model.predict_proba(design)[:, 1], EDGE, 1 - EDGE)


def _weighted(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The share lost of both groups, each weighted to everybody; of each draw, where there are several."""
    sizes, lost = (weights * counts.sum(axis=-1)).sum(axis=-2), (weights * counts[..., 1]).sum(axis=-2)
    return np.divide(lost, sizes, out=np.zeros_like(lost), where=sizes > 0)


def _weights(counts: np.ndarray, design: np.ndarray) -> np.ndarray:
    chance = _chances(counts, design)
    return np.column_stack([1 / chance, 1 / (1 - chance)])


def _balance(counts: np.ndarray, wide: pd.DataFrame, column: str, weights: np.ndarray) -> tuple[float, float]:
    """The largest standardised difference of the shares of the column's values, before and after weighting."""
    values = wide.index.to_frame(index=False)[column]
    found = []
    for weight in (np.ones((len(counts), 2)), weights):
        sizes = weight * counts.sum(axis=2)
        shares = pd.DataFrame(sizes).groupby(values.to_numpy()).sum() / sizes.sum(axis=0)
        spread = np.sqrt((shares * (1 - shares)).mean(axis=1))
        found.append(float((abs(shares[0] - shares[1]) / spread.where(spread > 0, 1)).max()))
    return found[0], found[1]


def e_value(ratio: float) -> float:
    """How strongly something unknown would have to go with both, being followed up and being lost, to explain a ratio of risks by itself.

    Source: VanderWeele & Ding 2017. e_value(3.9) = 7.263, e_value(0.8) = e_value(1.25) = 1.809.
    """
    if not math.isfinite(ratio) or ratio <= 0:
        return math.inf
    larger = max(ratio, 1 / ratio)
    return larger + math.sqrt(larger * (larger - 1))


def compared_customers(tables: Tables, query: Query) -> Frame:
    """The customers of both groups, the lost first; a filter on `group` chooses one."""
    group = next((values for column, values in query.where if column == "group"), GROUPS)
    others = tuple(pair for pair in query.where if pair[0] != "group")
    asked = Query(query.period, where=others, options=query.options, settings=query.settings)
    rows = segmented(_followed(tables, asked, _horizon(query)), tables, asked)
    rows = rows.filter(nw.col("is_ripe"), ~nw.col("is_gone"), nw.col("group").is_in(list(group))).drop("is_ripe", "is_gone")
    return named(rows, tables).sort("is_lost", "signed_on", "customer_id", descending=[True, True, False])


METRICS = (
    Metric(
        "follow_up_churn", follow_up_churn,
        definition="Share of newly signed customers who were lost in the half year after the time for the first follow-up, by whether it was in time.",
        formula="customers lost within the horizon after the landmark / customers still there at the landmark",
        unit="share", reads=("accounts", "interactions", "coverage"), behind=compared_customers, better="lower", options={"horizon_days": 180},
        source="VanderWeele & Ding 2017 (E-value); landmark: Anderson et al. 1983",
    ),
)  # fmt: skip
