"""Which features are used, and by how few: those of the company's own system by colleagues, those of the product by customers."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.metric import Metric
from metrics.period import Period
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, collect, refuse_grain, segmented
from metrics.result import Answer, answer
from metrics.stats import wilson

THRESHOLD = 0.3  # share of users below which a feature is used by few; [metrics.features] threshold
OF = {"customers": ("usage", "customer_id"), "colleagues": ("feature_uses", "owner_id")}  # whose use → entity, who uses
EXTRA = (
    "uses", "uses_per_user", "before", "change", "last_on", "days_since", "first_on", "is_young", "is_under_used",
)  # fmt: skip


def threshold(query: Query) -> float:
    """The share below which a feature counts as used by few. Raises QuestionError for a setting that is no share."""
    set_to = query.setting("features", "threshold", THRESHOLD)
    if isinstance(set_to, bool) or not isinstance(set_to, (int, float)) or not 0 < set_to < 1:
        raise QuestionError(f"[metrics.features] threshold is {set_to!r}; expected a share between 0 and 1, such as {THRESHOLD}")
    return float(set_to)


def feature_use(tables: Tables, query: Query) -> Answer:
    """Which share of those who used the system in the period used each of its features.

    Option of: "customers" (usage: customer_id, feature, day, count; default) or "colleagues" (feature_uses: owner_id, …: the CRM itself).
    A system's users are those who used any of its features in the period: who could have used this one. A feature is known from its first row
    on, also from one with a count of 0.

    Returns one row per (system, feature): value = share of the system's users who used it; numerator = users of it, denominator = n = users of
    the system; low, high Wilson; extra: uses = sum of counts, uses_per_user, before = share in the period before (null where nobody used the
    system then), change = value - before, last_on = last use so far (null: never), days_since = days from then to the period's end, first_on = when
    it became known, is_young = known only since the period began: not judged; is_under_used = value below the threshold and not young.
    Read it so: 0.08 of 58, under-used: five of 58 colleagues used it.
    """
    refuse_grain(query, "features are judged over a whole period, beside the one before")
    least, now = threshold(query), query.period.to_date()
    rows = _counted(_by_user(tables, query, now), query) if _is_known(tables, query) else pd.DataFrame()
    if rows.empty:
        return answer(pd.DataFrame(columns=[*_keys(query), "value", *EXTRA]), query, keys=_keys(query), extra=EXTRA, notes={"threshold": least})
    rows["value"] = rows["numerator"] / rows["n"].where(rows["n"] > 0)
    rows["denominator"] = rows["n"]
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["n"])
    rows["uses_per_user"] = rows["uses"] / rows["numerator"].where(rows["numerator"] > 0)
    rows["before"] = rows["users_before"] / rows["n_before"].where(rows["n_before"] > 0)
    rows["change"] = rows["value"] - rows["before"]
    rows["days_since"] = [(now.end - last).days if isinstance(last, dt.date) else None for last in rows["last_on"]]
    rows["is_young"] = rows["first_on"] >= now.start
    rows["is_under_used"] = (rows["value"] < least) & ~rows["is_young"]
    return answer(rows, query, keys=_keys(query), extra=EXTRA, notes={"threshold": least})


def _keys(query: Query) -> tuple[str, ...]:
    return (*query.by, "system", "feature")


def _is_known(tables: Tables, query: Query) -> bool:
    """Whether the tables hold such use; a snapshot from before the entity was known has no such table."""
    if query.options["of"] not in OF:
        raise QuestionError(f"no use of {query.options['of']!r}; there are {', '.join(OF)}")
    return OF[query.options["of"]][0] in tables


def _by_user(tables: Tables, query: Query, now: Period) -> Frame:
    """One row per feature and user: used, used_before (0 or 1), uses in the period, last_on, first_on; what comes after the period is left out."""
    table, user = OF[query.options["of"]]
    before = query.period.previous()
    rows = segmented(tables[table], tables, query).filter(nw.col("day") < nw.lit(now.end))
    is_used = nw.col("count") > 0
    is_now, was = (is_used & (nw.col("day") >= nw.lit(days.start)) & (nw.col("day") < nw.lit(days.end)) for days in (now, before))
    return rows.with_columns(system="source", user=user).group_by(*_keys(query), "user").agg(
        used=_flag(is_now).max(), used_before=_flag(was).max(), uses=nw.when(is_now).then(nw.col("count")).otherwise(0.0).sum(),
        last_on=nw.when(is_used).then(nw.col("day")).max(), first_on=nw.col("day").min(),
    )  # fmt: skip


def _flag(holds: nw.Expr) -> nw.Expr:
    return nw.when(holds).then(nw.lit(1)).otherwise(nw.lit(0))


def _counted(by_user: Frame, query: Query) -> pd.DataFrame:
    """One row per feature with its users, beside those of its system."""
    measures = {
        "numerator": nw.col("used").sum(), "users_before": nw.col("used_before").sum(), "uses": nw.col("uses").sum(),
        "last_on": nw.col("last_on").max(), "first_on": nw.col("first_on").min(),
    }  # fmt: skip
    features = aggregate(by_user, [*_keys(query)], **measures)
    system = [*query.by, "system"]
    active = by_user.group_by(*system, "user").agg(used=nw.col("used").max(), used_before=nw.col("used_before").max())
    users = aggregate(active, system, n=nw.col("used").sum(), n_before=nw.col("used_before").sum())
    return features.merge(users, on=system, how="left")


def behind(tables: Tables, query: Query) -> Frame:
    """Who used what in the period: one row per system, feature and user, of colleagues by their number alone; a filter on `feature` chooses one."""
    _, user = OF[query.options["of"]]
    rows = _by_user(tables, replace(query, by=(), grain=None), query.period.to_date()).filter(nw.col("used") == 1)
    named = rows.select("system", "feature", "uses", "last_on", **{user: nw.col("user")})
    return named.sort("system", "feature", "uses", user, descending=[False, False, True, False])


def systems(tables: Tables) -> dict[str, list[str]]:
    """Whose use is on record, and of which systems: {"colleagues": ["crm"], …}."""
    found = {of: sorted(collect(tables[table].select("source").unique())["source"]) for of, (table, _) in OF.items() if table in tables}
    return {of: names for of, names in found.items() if names}


METRICS = (
    Metric(
        "feature_use", feature_use,
        definition="Which share of those who used a system in the period used each of its features.",
        formula="users of the feature / users of the system; used by few if below 0.3 and known before the period began",
        unit="share", reads=("usage", "feature_uses"), behind=behind, better="higher", options={"of": "customers"},
        source="Wilson 1927 (limits)",
    ),
)  # fmt: skip
