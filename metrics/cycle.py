"""How long deals take: in each stage, and from the first contact to the signature. Open deals are censored, not left out."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.funnel import DAY
from metrics.metric import Metric
from metrics.period import add_months
from metrics.query import Frame, Query, Tables, aggregate, grouped, named
from metrics.result import K_TESTABLE, Answer, answer
from metrics.stays import log_rank_p, now_s, spread

HOUR = 3600  # seconds
ALARM_RATIO = 1.5  # a median this many times as long as in the year before …
ALARM_LEVEL = 0.05  # … and a log-rank test that says so


def time_in_stage(tables: Tables, query: Query) -> Answer:
    """Days that deals spend in a stage before they leave it, forwards, backwards or for good, by the stage's first entry.

    deal_steps: reads entered_on, stayed_s, there_s. Deals whose first entry into the stage lies in the period, all their stays
    there added up; a deal that is still in the stage is censored at the end of the data.

    Returns one row per (position, stage): value = median days; low, high: its 95 % limits; n = deals with a known stay;
    extra: q1, q3 (null where fewer than that share have left), mean and numerator = of the stays that are over, open = deals
    still there; where one number per stage is asked also before = median of those who entered in the twelve months before,
    p = log-rank, alarm = median at least ALARM_RATIO times as long as before and p < 0.05, with 30 deals on both sides.
    The last stage has no stay. Read it so: "Quote" 18 means half of the deals had left the quote stage after 18 days.
    Source: Kaplan & Meier 1958; Mantel 1966; settings: [metrics.time_in_stage] alarm_ratio.
    """
    wider = replace(query.period, start=add_months(query.period.start, -12)) if query.grain is None else query.period
    steps, keys = grouped(tables["deal_steps"], "entered_on", tables, query.over(wider))
    steps = steps.filter(nw.col("stays") > 0).with_columns(is_now=nw.col("entered_on") >= nw.lit(query.period.start))
    lengths = _lengths(steps, _spent(query), nw.col("there_s").is_null(), [*keys, "position", "stage", "is_now"])
    ratio = float(query.setting("time_in_stage", "alarm_ratio", ALARM_RATIO))
    rows = pd.DataFrame([_stage(group, key, [*keys, "position", "stage"], ratio) for key, group in _groups(lengths, [*keys, "position", "stage"])])
    extra = ("q1", "q3", "mean", "open", "before", "p", "alarm")
    rows = rows[rows["n"] > 0] if len(rows) else _nothing([*keys, "position", "stage"], extra)
    return answer(rows, query, keys=(*query.by, "position", "stage"), extra=extra, notes={"alarm_ratio": ratio})


def _lengths(frame: Frame, seconds: nw.Expr, over: nw.Expr, keys: list[str]) -> pd.DataFrame:
    """How many lasted how many whole hours, and the exact sum of the seconds."""
    timed = frame.with_columns(seconds=seconds, over=over)
    timed = timed.with_columns(hours=(nw.col("seconds") // HOUR).cast(nw.Int64))
    return aggregate(timed, [*keys, "hours", "over"], n=nw.len(), seconds=nw.col("seconds").sum())


def _groups(lengths: pd.DataFrame, keys: list[str]):
    return lengths.groupby(keys, dropna=False) if keys else [((), lengths)]


def _stage(lengths: pd.DataFrame, key: tuple, names: list[str], ratio: float) -> dict:
    now, before = lengths[lengths["is_now"]], lengths[~lengths["is_now"]]
    row = {**dict(zip(names, key, strict=True)), **_summary(now), "before": spread(before)["value"], "p": log_rank_p(lengths, "is_now")}
    firm = min(now["n"].sum(), before["n"].sum()) >= K_TESTABLE
    return {**row, "alarm": bool(firm and row["value"] >= ratio * row["before"] and row["p"] < ALARM_LEVEL)}


def _summary(lengths: pd.DataFrame) -> dict:
    """Median and quartiles, and the mean of what is over."""
    over = lengths[lengths["over"]]
    ended = int(over["n"].sum())
    n = int(lengths["n"].sum())
    return {**spread(lengths), "n": n, "numerator": ended, "denominator": n, "mean": over["seconds"].sum() / DAY / ended if ended else None, "open": n - ended}


def _nothing(keys: list[str], extra: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(columns=[*keys, "value", "n", *extra])


def stays(tables: Tables, query: Query) -> Frame:
    """The deals behind a stage's median: entered in the period, length of stay known. Ask with the stage in `where`.

    waited_days: how long they have been there, all stays together; to the end of the data where they still are.
    """
    steps, _ = grouped(tables["deal_steps"], "entered_on", tables, replace(query, by=(), grain=None))
    return named(steps.filter(nw.col("stays") > 0).with_columns(waited_days=_spent(query) / DAY), tables)


def _spent(query: Query) -> nw.Expr:
    """Seconds in a stage, up to the end of the data."""
    return nw.col("stayed_s") + nw.max_horizontal(now_s(query) - nw.col("there_s"), nw.lit(0)).fill_null(0)


def sales_cycle(tables: Tables, query: Query) -> Answer:
    """Days from the creation of a deal to its closing, for deals created in the period; open deals are censored.

    deal_facts: reads created_on, created_at, closed_at, outcome.
    Returns value = median days to the closing (won or lost), low, high; n = deals whose dates are known, numerator = closed
    ones; extra: q1, q3; open; mean_won, mean_lost: mean days of those; undated = closed deals without a date, left out.
    A deal closed before it was created counts 0 days. Source: Kaplan & Meier 1958.
    """
    facts, keys = grouped(tables["deal_facts"], "created_on", tables, query)
    facts = facts.with_columns(is_undated=(nw.col("outcome") != "open") & nw.col("closed_at_s").is_null())
    ended = nw.when(nw.col("outcome") == "open").then(nw.lit(now_s(query))).otherwise(nw.col("closed_at_s"))
    spent = nw.max_horizontal(ended - nw.col("created_at_s"), nw.lit(0))
    lengths = _lengths(facts, spent, nw.col("outcome") != "open", [*keys, "outcome", "is_undated"])
    rows = pd.DataFrame([{**dict(zip(keys, _tuple(key), strict=True)), **_cycle(group)} for key, group in _groups(lengths, keys)])
    extra = ("q1", "q3", "mean", "open", "mean_won", "mean_lost", "undated")
    return answer(rows if len(rows) else _nothing(keys, extra), query, extra=extra)


def _tuple(key) -> tuple:
    return key if isinstance(key, tuple) else (key,)


def _cycle(lengths: pd.DataFrame) -> dict:
    dated = lengths[~lengths["is_undated"].astype(bool)]
    means = {f"mean_{o}": _mean(dated[dated["outcome"] == o]) for o in ("won", "lost")}
    return {**_summary(dated), **means, "undated": int(lengths["n"].sum() - dated["n"].sum())}


def _mean(lengths: pd.DataFrame) -> float | None:
    n = lengths["n"].sum()
    return lengths["seconds"].sum() / DAY / n if n else None


def cycles(tables: Tables, query: Query) -> Frame:
    """The deals behind the sales cycle: created in the period, their end known or still to come."""
    facts, _ = grouped(tables["deal_facts"], "created_on", tables, replace(query, by=(), grain=None))
    return named(facts.filter((nw.col("outcome") == "open") | ~nw.col("closed_at_s").is_null()), tables)


METRICS = (
    Metric(
        "time_in_stage", time_in_stage,
        definition="Days that half of the deals need to leave a stage, for each stage entered in the period.",
        formula="Kaplan-Meier median of the days between entering and leaving; deals still in the stage are censored",
        unit="days", reads=("deal_steps",), behind=stays, better="lower", source="Kaplan & Meier 1958, JASA 53(282) 457-481",
    ),
    Metric(
        "sales_cycle", sales_cycle,
        definition="Days after which half of the deals created in the period are closed.",
        formula="Kaplan-Meier median of the days from creation to closing; open deals are censored",
        unit="days", reads=("deal_facts",), behind=cycles, better="lower", source="Kaplan & Meier 1958, JASA 53(282) 457-481",
    ),
)  # fmt: skip
