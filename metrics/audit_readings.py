"""How each check of an audit reads the answer of its metric: a figure, what it rests on, and what is said of it. Shares and counts, nothing more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from metrics import health
from metrics.health_policy import DIMENSIONS
from metrics.result import Answer

IDENTITY = ("duplicate", "two_names", "one_name", "no_erp", "no_crm")  # checks of data_health that are about who a customer is
VERDICTS = ("fail", "warn", "pass", "no_data")  # the worst first
COVERED = "uniqueness"  # a dimension whose checks are all about identity, unless the company adds one
MOST_NAMED = 5  # of what is wrong in one line of the audit
CLOSED = ("done", "accepted")  # states of a finding that is seen to; one that is carried goes on in a later audit


class Reading(NamedTuple):
    """What a check found, before it is held against its thresholds.

    part: what of the check this line is about ("" where there is one line). value: in the rule's unit; None: no data. n: what it rests on.
    figures: for the reason in words. verdict: where the metric has judged by itself. evidence: (options, where) of the rows behind.
    """

    part: str = ""
    value: float | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    figures: Mapping[str, Any] = {}
    verdict: str | None = None
    evidence: tuple[tuple[Mapping, Mapping], ...] = (({}, {}),)


def _figure(value) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _count(value) -> int:
    return 0 if value is None or pd.isna(value) else int(value)


def _row(row: Mapping, part: str = "", where: Mapping | None = None, **figures) -> Reading:
    """A row of an answer as a reading; one without anything behind it has no value."""
    n, numerator = _count(row.get("n")), _count(row.get("numerator"))
    value = _figure(row["value"]) if n else None
    return Reading(part, value, n, _figure(row.get("low")), _figure(row.get("high")), {"done": numerator, **figures}, None, (({}, where or {}),))


def single(answer: Answer) -> list[Reading]:
    """The one number of an answer without keys."""
    return [_row(row) for row in answer.rows.to_dict("records")] or [Reading()]


def by(column: str) -> Callable[[Answer], list[Reading]]:
    """A line for every value of a key."""

    def read(answer: Answer) -> list[Reading]:
        return [_row(row, str(row[column]), {column: str(row[column])}) for row in answer.rows.to_dict("records") if not pd.isna(row[column])]

    return read


def dimensions(answer: Answer) -> list[Reading]:
    """Data health: a line for every dimension, with the checks that are over their thresholds."""
    rows = answer.rows[~answer.rows["check"].isin(IDENTITY) & answer.rows["value"].notna()]
    told = [name for name in DIMENSIONS if name != COVERED or (rows["dimension"] == name).any()]
    return [_dimension(name, rows[rows["dimension"] == name]) for name in told]


def _dimension(name: str, rows: pd.DataFrame) -> Reading:
    if rows.empty:
        return Reading(name)
    passed = health.scores(rows.assign(source=""))
    over = rows[rows["verdict"].isin(("fail", "warn"))]
    over = over.assign(by_far=over["value"] - over["threshold"]).sort_values(
        ["verdict", "by_far", "source", "entity", "check"], ascending=[True, False, *[True] * 3]
    )
    named = [_named(row) for row in over.head(MOST_NAMED).to_dict("records")]
    figures = {"checks": len(rows), "over": len(over), "rows": int(over["numerator"].sum()), "named": named}
    evidence = tuple(({"check": one["check"]}, {"source": one["source"], "entity": one["entity"]}) for one in named)
    return Reading(name, _figure(passed["value"].iloc[0]), int(passed["n"].iloc[0]), None, None, figures, worst(rows["verdict"]), evidence)


def _named(row: Mapping) -> dict:
    owner = row["owner"] if isinstance(row["owner"], str) else ""
    figures = {"value": _figure(row["value"]), "threshold": _figure(row["threshold"]), "failing": _count(row["numerator"])}
    return {"check": row["check"], "entity": row["entity"], "source": row["source"], "verdict": row["verdict"], "owner": owner, **figures}


def worst(verdicts) -> str:
    """The worst of several verdicts; no data where there are none."""
    return next((verdict for verdict in VERDICTS if verdict in set(verdicts)), "no_data")


def health_check(name: str) -> Callable[[Answer], list[Reading]]:
    """One check of data_health over all sources."""

    def read(answer: Answer) -> list[Reading]:
        rows = answer.rows[(answer.rows["check"] == name) & answer.rows["value"].notna()]
        if rows.empty:
            return [Reading()]
        n, failing = int(rows["n"].sum()), int(rows["numerator"].sum())
        figures = {"done": failing, "threshold": _figure(rows["threshold"].min())}
        return [Reading("", failing / n, n, None, None, figures, worst(rows["verdict"]), (({"check": name}, {}),))]

    return read


def findings_of(*kinds: str) -> Callable[[Answer], list[Reading]]:
    """How many records stand in findings of these kinds about who is one customer."""

    def read(answer: Answer) -> list[Reading]:
        if answer.notes.get("untold"):
            return [Reading()]
        rows = answer.rows[answer.rows["finding"].isin(kinds)]
        counted = {str(kind): int(part["n"].sum()) for kind, part in rows.groupby("finding")}
        named = sorted(counted, key=lambda kind: (-counted[kind], kind))
        evidence = tuple(({"finding": kind}, {}) for kind in named)
        return [Reading("", float(sum(counted.values())), sum(counted.values()), None, None, {"named": named}, None, evidence)]

    return read


def standards(answer: Answer) -> list[Reading]:
    """Share of the clocks we keep that can be held against themselves: with cases in each of the quarters asked."""
    kept, rows = list(answer.notes.get("limits", {})), answer.rows[pd.to_numeric(answer.rows["n"]).fillna(0) > 0]
    if not kept:
        return [Reading()]
    steps = rows.groupby("clock")["period"].nunique() if len(rows) else {}
    lacking = [name for name in kept if steps.get(name, 0) < 2]
    figures = {"done": len(kept) - len(lacking), "of": len(kept), "named": lacking}
    return [Reading("", 1 - len(lacking) / len(kept), None, None, None, figures)]  # clocks are no cases: two of them are as good a base as ten


def mix(answer: Answer) -> list[Reading]:
    """The shift of the mix: one that chance makes as well passes, whatever its size."""
    row = answer.rows.iloc[0]
    value, chance = _figure(row["value"]), _figure(row.get("chance"))
    verdict = "pass" if value is not None and not bool(row["is_flagged"]) else None
    return [Reading("", value, _count(row["n"]), None, None, {"chance": chance}, verdict)]


def drifted(answer: Answer) -> list[Reading]:
    """How many features of the best customers have drifted, beyond what chance does."""
    rows = answer.rows
    if rows.empty:
        return [Reading()]
    names = sorted(rows[rows["is_drifted"].fillna(False).astype(bool)]["feature"])
    return [Reading("", float(len(names)), len(rows), None, None, {"named": names, "customers": _count(answer.notes.get("n_now"))})]


def apart(answer: Answer) -> list[Reading]:
    """How well the two quarters can be told apart; an interval that holds a coin's 0.5 passes."""
    row = answer.rows.iloc[0]
    value = _figure(row["value"])
    verdict = "pass" if value is not None and not bool(row["is_drifted"]) else None
    return [Reading("", value, _count(row["n"]), _figure(row["low"]), _figure(row["high"]), {}, verdict)]


def proposed(answer: Answer) -> list[Reading]:
    """Share of the graded customers whose grade does not fit any more."""
    row = answer.rows.iloc[0] if len(answer.rows) else {"denominator": None, "numerator": None, "up": None, "down": None}
    graded = _count(row["denominator"])
    figures = {"done": _count(row["numerator"]), "up": _count(row["up"]), "down": _count(row["down"])}
    return [Reading("", figures["done"] / graded if graded else None, graded, None, None, figures)]


def stages(answer: Answer) -> list[Reading]:
    """How many stages the sales process has that deals went through."""
    rows = answer.rows[pd.to_numeric(answer.rows["numerator"]).fillna(0) > 0]
    return [Reading("", float(len(rows)) if len(rows) else None, len(rows) or None, None, None, {"named": [str(name) for name in rows["stage"]]})]


def reasons(answer: Answer) -> list[Reading]:
    """Share of lost deals for which somebody wrote down why: the exits of the stages are defined."""
    rows = answer.rows.assign(numerator=pd.to_numeric(answer.rows["numerator"]).fillna(0))
    lost, told = int(rows["numerator"].sum()), int(rows[rows["lost_reason"].notna()]["numerator"].sum())
    return [Reading("", told / lost if lost else None, lost, None, None, {"done": told}, None, (({}, {}),))]


def ranker(column: str, name: str = "model") -> Callable[[Answer], list[Reading]]:
    """A figure of one way of ranking in the back-test."""

    def read(answer: Answer) -> list[Reading]:
        rows = answer.rows[answer.rows["ranker"] == name]
        if rows.empty or not _count(rows["n"].iloc[0]):
            return [Reading()]
        row = rows.iloc[0]
        figures = {"done": _count(row["numerator"]), "lost": _count(row["lost"]), "customers": _count(row["customers"]), "quarters": _count(row["quarters"])}
        return [Reading("", _figure(row[column]), _count(row["n"]), None, None, figures)]

    return read


def used(answer: Answer) -> list[Reading]:
    """Share of the features that are used enough."""
    rows = answer.rows[answer.rows["value"].notna()]
    if rows.empty or "is_under_used" not in rows:
        return [Reading()]
    under = rows[rows["is_under_used"].fillna(False).astype(bool)]
    names = [str(name) for name in under.sort_values("value")["feature"].head(MOST_NAMED)]
    return [Reading("", 1 - len(under) / len(rows), len(rows), None, None, {"done": len(rows) - len(under), "named": names})]


def reconciled(answer: Answer) -> list[Reading]:
    """Whether the two ways to a metric's number agree."""
    failing = [check.name for check in answer.checks if not check.ok]
    if not answer.checks:
        return [Reading()]
    return [Reading("", float(len(failing)), len(answer.checks), None, None, {"named": failing}, "fail" if failing else "pass", ())]


def present(rows: list[dict]) -> list[Reading]:
    """Each source's longest silence in the quarter, held against the silences it usually has."""
    return [
        Reading(row["source"], row["share"], row["days"], None, None, dict(row), None if row["is_unusual"] else "pass", ()) for row in rows
    ] or [Reading()]  # fmt: skip


def cases(fact: Mapping) -> list[Reading]:
    """Of the cases that were due, the share that was closed with an outcome."""
    due = fact["due"]
    return [Reading("", fact["closed"] / due if due else None, due, None, None, {"done": fact["closed"]}, None, ())]


def targets(fact: list[dict]) -> list[Reading]:
    """Of the open targets that have a figure, the share that keeps pace."""
    judged = [one for one in fact if one["verdict"] not in ("not_started", "no_value")]
    behind = [one["metric"] for one in judged if one["verdict"] in ("behind", "missed")]
    kept = len(judged) - len(behind)
    return [Reading("", kept / len(judged) if judged else None, len(judged), None, None, {"done": kept, "named": sorted(behind)}, None, ())]


def followed(fact: Mapping) -> list[Reading]:
    """The findings of the audit before: all seen to passes, one that is overdue fails."""
    rows = fact["findings"]
    open_ones = [row for row in rows if row["status"] not in CLOSED]
    overdue = [row for row in open_ones if row["is_overdue"]]
    verdict = "fail" if overdue else "warn" if open_ones else "pass"
    done = len(rows) - len(open_ones)
    figures = {"done": done, "open": len(open_ones), "overdue": len(overdue), "quarter": fact["quarter"], "named": [row["check"] for row in open_ones]}
    return [Reading("", done / len(rows) if rows else 1.0, len(rows), None, None, figures, verdict, ())]
