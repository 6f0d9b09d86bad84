"""What the pipeline will bring: amounts times the probability of winning from where they stand, learned from the company's own past."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.funnel import count
from metrics.metric import Metric
from metrics.period import month_number
from metrics.pipeline import open_deals, stock_day
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, grouped, segmented, within
from metrics.result import K_TESTABLE, Answer, Check, answer
from metrics.stats import Z95, wilson

TESTED_MONTHS = 12  # the back-test covers the last year; each month is forecast from what was closed before it


def forecast(tables: Tables, query: Query) -> Answer:
    """Expected value: won deals count whole, lost ones nothing, open ones their amount times the probability of winning from their stage.

    deal_facts: reads created_on, closed_on, outcome, reached, amount_reporting.
    Option base: deals "created" in the period and followed to today (default), or "open": all deals open at the end of the
    period, whenever created, with those won in the period; each open one in the furthest stage it had entered by then (deal_entries).
    The probability of a stage is the share won among all deals closed before the end of the data (base "open": of the period,
    as it would have been forecast then) that had reached it, once there are 30 of them; until then [metrics.forecast]
    probability = {Quote = 0.5}; without either the deal is left out and counted (unscored).

    Returns value in reporting currency, n = deals of the base; se = √ Σ a²·p·(1 − p) over the open deals, each won or not by
    itself; low, high: value ± 1.96 se, within what is won and what is won if every open deal is. Extra: won, open (amounts),
    expected (of the open ones), lost_amount, unscored = open amount without a probability, unconverted = deals left out for
    want of a rate. Notes: the probability of each stage with its base.
    Read it so: the interval is the luck of the deals if the stages' probabilities hold, which `forecast_calibration` tests;
    what is won or lost varies no more, so a base without open deals has se 0.
    """
    rates = stage_probabilities(tables, query)
    base, keys = _base(tables, query)
    amount = nw.col("amount_reporting")
    figures = {"amount": amount.sum(), "squares": (amount * amount).sum(), "unconverted": count("is_unconverted")}
    amounts = aggregate(base, [*keys, "outcome", "reached"], deals=nw.len(), **figures)
    amounts = amounts.merge(rates[["reached", "probability"]], on="reached", how="left")
    extra = ("won", "open", "expected", "lost_amount", "unscored", "unconverted")
    rows = _totals(amounts, keys)
    parts, whole = rows[["won", "open", "lost_amount"]].to_numpy(float).sum(), amounts["amount"].sum()
    check = Check("won + open + lost = all amounts", bool(np.isclose(parts, whole)), f"{parts:.2f} = {whole:.2f}")
    notes = {"probabilities": {r.stage: r.probability for r in rates.itertuples()}, "base": {r.stage: r.n for r in rates.itertuples()}}
    return answer(rows, query, extra=extra, checks=[check], notes=notes)


def _base(tables: Tables, query: Query) -> tuple[Frame, list[str]]:
    if query.options["base"] == "created":
        return grouped(tables["deal_facts"], "created_on", tables, query)
    if query.options["base"] != "open":
        raise QuestionError(f"no base {query.options['base']!r} for a forecast; there are created, open")
    if query.grain:
        raise QuestionError("the forecast of open deals is a number on a date: ask without a grain, or with base = created")
    still = _stood(tables, query, open_deals(tables, query)).with_columns(outcome=nw.lit("open"))
    won = segmented(within(tables["deal_facts"], "closed_on", query.period.to_date()), tables, query).filter(nw.col("outcome") == "won")
    columns = ["deal_id", "customer_id", "outcome", "reached", "amount_reporting", "is_unconverted", *query.by]
    columns = list(dict.fromkeys(columns))
    return nw.concat([still.select(*columns), won.select(*columns)]), list(query.by)


def _stood(tables: Tables, query: Query, deals: Frame) -> Frame:
    """The deals with `reached` as it was on the stock day. An entry without a date counts for today's stock only: nothing says it had happened before."""
    day, entered = stock_day(query), nw.col("entered_on")
    then = (entered < nw.lit(day)) | (entered.is_null() & nw.lit(day >= query.period.as_of))
    stood = tables["deal_entries"].filter(then).group_by("deal_id").agg(_stood=nw.col("position").max())
    return deals.join(stood, on="deal_id", how="left").with_columns(reached=nw.col("_stood").fill_null(1)).drop("_stood")


def _totals(amounts: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """One row per group: what is won, what is open, and what the open part is worth."""
    of = {outcome: amounts["amount"].where(amounts["outcome"] == outcome, 0.0) for outcome in ("won", "open", "lost")}
    parts = amounts.assign(
        n=amounts["deals"], won=of["won"], open=of["open"], lost_amount=of["lost"], expected=of["open"] * amounts["probability"].fillna(0),
        unscored=of["open"].where(amounts["probability"].isna(), 0.0),
        variance=amounts["squares"].where(amounts["outcome"] == "open", 0.0) * (amounts["probability"] * (1 - amounts["probability"])).fillna(0),
    )  # fmt: skip
    figures = ["n", "won", "open", "expected", "lost_amount", "unscored", "unconverted", "variance"]
    rows = parts.groupby(keys, dropna=False)[figures].sum().reset_index() if keys else parts[figures].sum().to_frame().T
    rows["value"] = (rows["won"] + rows["expected"]).where(rows["n"] > 0)
    return _limited(rows)


def _limited(rows: pd.DataFrame) -> pd.DataFrame:
    """Standard error and limits; never less than what is won, nor more than every open deal with a probability would make it."""
    rows["se"] = np.sqrt(rows["variance"].astype(float)).where(rows["value"].notna())
    most = rows["won"] + rows["open"] - rows["unscored"]
    rows["low"] = np.maximum(rows["value"] - Z95 * rows["se"], np.minimum(rows["won"], rows["value"]))
    rows["high"] = np.minimum(rows["value"] + Z95 * rows["se"], np.maximum(most, rows["value"]))
    return rows


def behind(tables: Tables, query: Query) -> Frame:
    """The deals behind a forecast."""
    return _base(tables, replace(query, by=(), grain=None))[0]


def stage_probabilities(tables: Tables, query: Query) -> pd.DataFrame:
    """Per stage: the share won among closed deals that had reached it. Returns reached, stage, n, won, probability, low, high.

    Learned from all closed deals the reader may see, whatever the question's filters; for base "open" from those closed by the end of the period.
    """
    is_closed, is_won = _closed(query), nw.col("outcome") == "won"
    furthest = aggregate(tables["deal_facts"], ["reached", "reached_stage"], n=count(is_closed), won=count(is_closed & is_won))
    if query.options.get("base") == "open":  # deals stood then in stages that all of them have left since
        stages = aggregate(tables["deal_steps"], ["position", "stage"], deals=nw.len()).drop(columns="deals")
        stages = stages.rename(columns={"position": "reached", "stage": "reached_stage"})
        furthest = stages.merge(furthest, how="left").fillna({"n": 0, "won": 0})
    rates = furthest.rename(columns={"reached_stage": "stage"}).sort_values("reached", ascending=False)
    rates[["n", "won"]] = rates[["n", "won"]].cumsum()  # who got further had been here, too
    rates["low"], rates["high"] = wilson(rates["won"], rates["n"])
    told = rates["stage"].map(query.setting("forecast", "probability", {})).astype(float)
    own = rates["won"] / rates["n"].where(rates["n"] > 0)
    rates["probability"] = own.where(rates["n"] >= K_TESTABLE, told)
    return rates.sort_values("reached", ignore_index=True)


def _closed(query: Query) -> nw.Expr:
    """Which deals had been closed. Without a closing date a deal counts for today only, like an entry without one."""
    is_closed, day = nw.col("outcome") != "open", stock_day(query)
    if query.options.get("base") != "open":
        return is_closed
    return is_closed & ((nw.col("closed_on") < nw.lit(day)).fill_null(False) | (nw.col("closed_on").is_null() & nw.lit(day >= query.period.as_of)))


def forecast_calibration(tables: Tables, query: Query) -> Answer:
    """Did deals win as often as their stage promised? Each of the last twelve months forecast from what was closed before it.

    deal_facts: reads closed_on, outcome, reached. The months before the end of the period, or of the data while the period runs.
    Returns one row per (position, stage): value = share won among the deals closed in those months that had reached the
    stage; n; low, high Wilson; extra: predicted = mean probability promised before each month, error = value − predicted.
    Months before which fewer than 30 such deals had been closed are left out. Read it so: value 0.5 where 0.6 was predicted
    means the forecast is too high for that stage; a dot whose interval covers the diagonal is no proof of that.
    """
    if query.grain:
        raise QuestionError("the back-test pools the last twelve months: ask without a grain")
    facts = segmented(tables["deal_facts"], tables, query).filter(nw.col("outcome") != "open", nw.col("closed_on") < nw.lit(stock_day(query)))
    counts = aggregate(facts, [*query.by, "reached", "reached_stage", "closed_on_m"], n=nw.len(), won=count(nw.col("outcome") == "won"))
    stages = counts[["reached", "reached_stage"]].drop_duplicates().rename(columns={"reached": "position", "reached_stage": "stage"})
    rows = [_tested(counts, row, key, query) for row in stages.itertuples() for key in _keys(counts, query.by)]
    found = pd.DataFrame([row for row in rows if row["n"]])
    if found.empty:
        found = pd.DataFrame(columns=[*query.by, "position", "stage", "value", "n", "predicted", "error"])
    return answer(found, query, keys=(*query.by, "position", "stage"), extra=("predicted", "error"), notes={"months": TESTED_MONTHS})


def _keys(counts: pd.DataFrame, by: tuple[str, ...]) -> list[dict]:
    return counts[list(by)].drop_duplicates().to_dict("records") if by else [{}]


def _tested(counts: pd.DataFrame, stage, key: dict, query: Query) -> dict:
    """One stage: what each month was promised, and what came."""
    mine = counts[counts["reached"] >= stage.position]
    for column, value in key.items():
        mine = mine[mine[column].isna() if pd.isna(value) else mine[column] == value]
    end = month_number(stock_day(query) - dt.timedelta(days=1))
    months = mine.groupby("closed_on_m")[["n", "won"]].sum().reindex(range(int(min(mine["closed_on_m"], default=end)), end + 1), fill_value=0)
    before = months.cumsum().shift(fill_value=0)
    tested = months[(before["n"] >= K_TESTABLE) & (months.index > end - TESTED_MONTHS)]
    n, won = int(tested["n"].sum()), int(tested["won"].sum())
    promised = (before["won"] / before["n"].where(before["n"] > 0)).reindex(tested.index)
    predicted = float((promised * tested["n"]).sum() / n) if n else np.nan
    low, high = (float(limit) for limit in wilson(won, n))
    value = won / n if n else np.nan
    row = {"value": value, "n": n, "numerator": won, "denominator": n, "low": low, "high": high, "predicted": predicted, "error": value - predicted}
    return {**key, "position": stage.position, "stage": stage.stage, **row}


METRICS = (
    Metric(
        "forecast", forecast, definition="What the deals are expected to bring: won ones whole, open ones by the chance of their stage, lost ones nothing.",
        formula="sum of won amounts + sum of open amounts x share won among closed deals that had reached the same stage",
        unit="money", reads=("deal_facts", "deal_entries", "deal_steps"), behind=behind, better="higher", options={"base": "created"},
        source="variance of a sum of independent trials",
    ),
    Metric(
        "forecast_calibration", forecast_calibration, definition="How often deals were won from each stage, beside how often the forecast had promised it.",
        formula="won / closed of the last twelve months, per stage reached; predicted from the months before each",
        unit="share", reads=("deal_facts",), source="Wilson 1927 (limits)",
    ),
)  # fmt: skip
