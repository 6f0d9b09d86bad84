"""Where deals get to: stage by stage from the lead to the money, in the order of `[metrics.funnel] stages`."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.followed import followed, old_enough
from metrics.lead_steps import lead_steps
from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, grouped, named
from metrics.result import Answer, Check, answer
from metrics.stats import share_se, wilson
from metrics.stays import now_s

FLAGS = {"passed": "is_passed", "strict": "is_strict", "any": "is_own"}
UNITS = ("deal", "lead")
TIMES = {"passed": "passed_s", "strict": "strict_s", "any": "entered_s"}
DAY = 86_400  # seconds
CASH_RULE = "cash: the customer's first payment for what was invoiced on or after the day of the contract"


def count(flag: nw.Expr | str) -> nw.Expr:
    """How many rows have the flag up; a null flag counts as down."""
    flag = nw.col(flag) if isinstance(flag, str) else flag
    return nw.when(flag).then(nw.lit(1)).otherwise(nw.lit(0)).sum()


def funnel(tables: Tables, query: Query) -> Answer:
    """Of the deals created in the period, how many got to each stage, from the first to the money received.

    deal_steps: one row per deal and stage; reads created_on, outcome, the flags and times of its stages. leads: created_on, status.
    Options:
        unit "deal" (default) or "lead": leads created in the period, each counted once, as far as any deal of it got; one
            without a deal stays in the first stage (see `metrics.lead_steps`).
        mode "passed" (this stage or a later one; default), "strict" (every stage up to this one, in order) or "any" (this very
            stage: may rise).
        within_days: only what happened in so many days after the creation (the last instant included), of deals that are at
            least as old; 0 for no limit. A period or step with younger deals is not complete; without a limit see `followed`.

    Returns one row per (position, stage): value = overall share; numerator = deals that got there; denominator = n = all deals;
    extra: step (share of the stage before), step_low, step_high, won, lost, open (of all deals), amount (of those that got
    there, reporting currency), unconverted; all of leads, with the amounts of all their deals, where the unit is a lead. A
    cash stage that no payment in the data can tell about is no_data. No deals (or no leads): no rows.
    Notes of a single funnel: narrowest = {from, to, step}, the step with the smallest share going on.
    Raises QuestionError for an unknown mode or unit.
    Read it so: overall 0.4 and step 0.8 at "Quote" mean 40 of 100 deals were quoted, and of those followed up 80 %.
    Limits: Wilson 1927.
    """
    steps, keys = _steps(tables, query)
    got = nw.col("got")
    rows = aggregate(
        steps, [*keys, "position", "stage"], n=nw.len(), numerator=count(got), observed=count(~got.is_null()),
        **{o: count(nw.col("outcome") == o) for o in ("won", "lost", "open")},
        amount=nw.when(got).then(nw.col("amount_reporting")).sum(), unconverted=count(got & nw.col("is_unconverted")),
    )  # fmt: skip
    rows = _stepped(rows, keys)
    extra = ("step", "step_low", "step_high", "won", "lost", "open", "amount", "unconverted")
    checks = [_whole(rows, query.options["unit"]), *([_falling(rows, keys)] if query.options["mode"] != "any" else [])]
    notes = {**_notes(query), **({} if keys else _narrowest(rows))}
    return _aged(answer(rows, query, keys=(*query.by, "position", "stage"), extra=extra, checks=checks, notes=notes), query)


def funnel_to_cash(tables: Tables, query: Query) -> Answer:
    """Of the deals created in the period, the share whose money has come in (or that reached the last stage there is).

    Same tables, options and rules as `funnel`. Returns one row: value, numerator = paid deals, denominator = n = all deals
    (or leads), and stage, the last stage's name.
    """
    steps, keys = _steps(tables, query)
    rows = aggregate(steps, [*keys, "position", "stage"], n=nw.len(), numerator=count("got"), observed=count(~nw.col("got").is_null()))
    rows = _stepped(rows, keys)
    last = rows[rows["position"] == rows["position"].max()]
    if last.empty and not keys:
        last = pd.DataFrame({"n": [0], "numerator": [np.nan], "denominator": [0], "stage": [None]})
    return _aged(answer(last, query, extra=("stage",), notes=_notes(query)), query)


def _aged(found: Answer, query: Query) -> Answer:
    """With a limit of days only deals that are as old are counted: until all of a step are, it is not complete."""
    days = query.options["within_days"]
    return old_enough(found, query, days) if days else followed(found, query)


def _steps(tables: Tables, query: Query) -> tuple[Frame, list[str]]:
    """The deal × stage (or lead × stage) rows of the question, with `got`: did it get there by the question's rule?"""
    mode, unit, days = (query.options[name] for name in ("mode", "unit", "within_days"))
    if mode not in FLAGS:
        raise QuestionError(f"no mode {mode!r}; there are {', '.join(FLAGS)}")
    if unit not in UNITS:
        raise QuestionError(f"no unit {unit!r} of a funnel; there are {', '.join(UNITS)}")

    def got(since: str) -> nw.Expr:
        in_time = (nw.col(TIMES[mode]) - nw.col(since) <= days * DAY).fill_null(False)
        return nw.col(FLAGS[mode]) & in_time if days else nw.col(FLAGS[mode])

    rows = tables["deal_steps"].with_columns(got=got("created_at_s")) if unit == "deal" else lead_steps(tables, query, got)
    steps, keys = grouped(rows, "created_on", tables, _whole_line(query))
    return steps.filter(nw.col("created_at_s") + days * DAY <= now_s(query)) if days else steps, keys


def _whole_line(query: Query) -> Query:
    """The question without filters on the stage: a funnel always has all its stages."""
    return replace(query, where=tuple(pair for pair in query.where if pair[0] not in ("stage", "position")))


def _stepped(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Shares of all deals and of the stage before, with their limits."""
    rows = rows.sort_values([*keys, "position"], ignore_index=True)
    rows["denominator"] = rows["n"]
    rows["numerator"] = rows["numerator"].astype(float).where(rows["observed"] > 0)
    before = rows.groupby(keys, dropna=False)["numerator"].shift() if keys else rows["numerator"].shift()
    before = before.where(rows["position"] > 1, rows["n"])
    rows["step"] = (rows["numerator"] / before.where(before > 0)).where(lambda share: share <= 1)
    rows["step_low"], rows["step_high"] = wilson(rows["numerator"].where(rows["step"].notna()), before)
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["n"])
    rows["se"] = share_se(rows["numerator"], rows["n"])
    return rows


def _whole(rows: pd.DataFrame, unit: str) -> Check:
    parts = rows[["won", "lost", "open"]].sum(axis=1)
    return Check(f"won + lost + open = all {unit}s", bool((parts == rows["n"]).all()), f"{parts.sum():.0f} = {rows['n'].sum():.0f}")


def _falling(rows: pd.DataFrame, keys: list[str]) -> Check:
    steps = rows.groupby(keys, dropna=False)["numerator"].diff() if keys else rows["numerator"].diff()
    risen = rows.loc[(steps > 0) & (rows["position"] > 1), "stage"].tolist()
    return Check("no stage has more deals than the one before", not risen, ", ".join(risen))


def _narrowest(rows: pd.DataFrame) -> dict:
    """The step with the smallest share going on: from which stage, to which, and the share."""
    steps = rows.assign(origin=rows["stage"].shift())[(rows["position"] > 1) & rows["step"].notna()]
    if steps.empty:
        return {}
    least = steps.loc[steps["step"].idxmin()]
    return {"narrowest": {"from": least["origin"], "to": least["stage"], "step": float(least["step"])}}


def _notes(query: Query) -> dict:
    days = query.options["within_days"]
    return {"mode": query.options["mode"], "unit": query.options["unit"], "cash": CASH_RULE, **({"within_days": days} if days else {})}


def behind(tables: Tables, query: Query) -> Frame:
    """The deals (or leads) behind a bar: those that got to the stage in `where`; without one, all of the period."""
    steps, _ = _steps(tables, replace(query, by=(), grain=None))
    asked = [(c, v) for c, v in query.where if c in ("stage", "position")]
    if not asked:
        return named(steps.filter(nw.col("position") == 1), tables)
    chosen = [nw.col(column).cast(nw.String).is_in([str(v) for v in values]) for column, values in asked]
    return named(steps.filter(nw.col("got"), *chosen), tables)


OPTIONS = {"mode": "passed", "within_days": 0, "unit": "deal"}
READS = ("deal_steps", "leads", "deal_facts")
METRICS = (
    Metric(
        "funnel", funnel,
        definition="Of the deals created in the period, the share that got to each stage, from the lead to the money received.",
        formula="overall_k = reached_k / reached_1; step_k = reached_k / reached_(k-1); reached_k: deals in stage k or a later one",
        unit="share", reads=READS, behind=behind, better="higher", options=OPTIONS, source="Wilson 1927 (limits); cohort basis: DEFINITIONS 4",
    ),
    Metric(
        "funnel_to_cash", funnel_to_cash,
        definition="Of the deals created in the period, the share whose money has come in by now.",
        formula="deals with a payment for what was invoiced since their contract / deals created",
        unit="share", reads=READS, behind=behind, better="higher", options=OPTIONS,
    ),
)  # fmt: skip
