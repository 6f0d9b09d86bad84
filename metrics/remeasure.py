"""Has a weak area become better? Its score before and after, beside everybody else's who was asked the same."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import narwhals as nw
import pandas as pd

from metrics.contrast import INSIDE, REST, against_rest
from metrics.metric import Metric
from metrics.period import Period
from metrics.query import Query, QuestionError, Tables, aggregate, refuse_grain
from metrics.result import K_TESTABLE, STANDARD, Answer, answer
from metrics.stats import Z95
from metrics.waves import WAVE, oldest_first
from metrics.yardstick import yardstick

BEFORE, AFTER, CHANGE = "before", "after", "change"
DIFFERENCE = "difference"  # what the segment changed by beyond the rest
NOTHING = {"value": math.nan, "n": 0, "low": math.nan, "high": math.nan, "se": math.nan, "state": "no_data"}


def remeasured(tables: Tables, query: Query) -> Answer:
    """The score of a segment before and after, beside that of all other answers to the same question; and the change of one less that of the other.

    Reads the mart `scores`. Options: those of `against_rest`, and after. Before is the wave that is named; without one, the answers
    of the period. After is the next wave: the first that began when before was over (every wave, where one is named; else every wave without
    an answer before the period's end), or the wave that `after` names. Where the survey keeps no waves, after is all that was
    answered since the period. A change has an interval where at least 30 answers (or as many as are worth 30) stand on either side.

    Returns one row per part (inside, rest; where nobody else answered inside alone) and moment (before, after, change), and one for the
    difference (part difference, moment change), in points for NPS, else on the scale of the question:
        value, n, low, high, se    a change's n is that of all answers it is made of; its limits are 95 % (two samples: √Σ se²)
    Suppressed where either side of either moment is.
    Notes: verdict (improved, worse, no_clear_change, too_few, hidden, no_answers, waiting: no wave since), the waves `before` and
    `after`, and `later`: all waves since.
    Raises QuestionError for a wave that has no answers (any more), and for columns that do not exist.
    Read it so: inside 2.1 → 2.9, rest 3.8 → 4.0: the segment rose by 0.8, the others by 0.2; 0.6 of it is not what happened to everybody.
    """
    refuse_grain(query, "before and after are two moments")
    if query.by:
        raise QuestionError(f"remeasured looks at one segment: name it with segment={'=…&'.join(query.by)}=… instead of grouping")
    asked = replace(query, options={name: value for name, value in query.options.items() if name != AFTER})
    moments = _moments(tables, asked, query.options.get(AFTER))
    before = _sides(tables, asked)
    is_known = moments.after is not None and before[INSIDE]["state"] != "no_data"  # without a before there is nothing to compare with
    cells = _cells({BEFORE: before, AFTER: _sides(tables, moments.after) if is_known else {}})
    notes = {"verdict": _verdict(moments, cells), "before": query.options.get(WAVE), "after": moments.name, "later": moments.later}
    rows = pd.DataFrame([{"part": part, "moment": moment, **cell} for (part, moment), cell in cells.items()])
    given = rows[["part", "moment", *(name for name in STANDARD if name in NOTHING)]]
    finished = answer(given, query, keys=("part", "moment"), notes=notes).rows.set_index(["part", "moment"])
    return Answer(finished.loc[list(cells)].reset_index(), (), notes)


def _cells(found: dict[str, dict[str, dict]]) -> dict[tuple[str, str], dict]:
    """Part and moment → a row; without the rest where nobody else has answered at either moment."""
    cells: dict[tuple[str, str], dict] = {}
    has_rest = any(sides.get(REST, NOTHING)["state"] != "no_data" for sides in found.values())
    for part in (INSIDE, REST)[: 1 + has_rest]:
        before, after = (found[moment].get(part, NOTHING) for moment in (BEFORE, AFTER))
        cells |= {(part, BEFORE): before, (part, AFTER): after, (part, CHANGE): _less(after, before)}
    if has_rest:
        cells[DIFFERENCE, CHANGE] = _less(cells[INSIDE, CHANGE], cells[REST, CHANGE])
    return cells


@dataclass(frozen=True)
class _Moments:
    """after: the question about the moment after, None while there is none. name: its wave. later: the waves since."""

    after: Query | None
    name: str | None
    later: list[str]


def _moments(tables: Tables, query: Query, wanted: str | None) -> _Moments:
    period, named = query.period, query.options.get(WAVE)
    since = replace(query, options={**query.options, WAVE: None})
    rows = yardstick(query).answers(tables, since)
    order = oldest_first(rows, "answered_on")
    if gone := [wave for wave in (named, wanted) if wave and wave not in order]:
        raise QuestionError(f"there are no answers of the wave {gone[0]!r}; there are {', '.join(order) or 'no waves at all'}")
    if not order:
        end = max(period.as_of, period.end)
        later = replace(since, period=replace(period, start=period.end, end=end)) if end > period.end else None
        return _Moments(later, None, [])
    later = order[order.index(named) + 1 :] if named else _begun_after(rows, order, period)
    name = wanted or next(iter(later), None)
    until = replace(period, end=max(period.as_of, period.end))
    return _Moments(replace(query, period=until, options={**query.options, WAVE: name}) if name else None, name, later)


def _begun_after(rows: nw.LazyFrame, order: list[str], period: Period) -> list[str]:
    """The waves after the last one that has an answer before the period's end."""
    first = aggregate(rows, [WAVE], first=nw.col("answered_on").min()).dropna(subset=[WAVE])
    early = {wave for wave, day in zip(first[WAVE], first["first"], strict=True) if pd.Timestamp(day) < pd.Timestamp(period.end)}
    return order[max((place for place, wave in enumerate(order) if wave in early), default=-1) + 1 :]


def _sides(tables: Tables, query: Query) -> dict[str, dict]:
    return {row["part"]: row for row in against_rest(tables, query).rows.to_dict("records")}


def _less(after: dict, before: dict) -> dict:
    """After less before, with the interval of two independent samples; a change of changes alike.

    NPS is tested around the centres of its adjusted intervals, as everywhere; the limits always hold the value itself.
    """
    for state in ("suppressed", "no_data"):
        if state in (after["state"], before["state"]):
            return {**NOTHING, "n": None, "state": state}
    value = after["value"] - before["value"]
    centre = after.get("centre", after["value"]) - before.get("centre", before["value"])
    se = math.hypot(after["se"], before["se"]) if min(_worth(after), _worth(before)) >= K_TESTABLE else math.nan
    low, high = min(value, centre - Z95 * se), max(value, centre + Z95 * se)
    limits = {"low": low, "high": high, "se": se} if se == se else {"low": math.nan, "high": math.nan, "se": math.nan}
    worth = min(_worth(after), _worth(before))
    return {"value": value, "n": int(after["n"] + before["n"]), "centre": centre, "n_eff": worth, "state": "value", **limits}


def _worth(row: dict) -> float:
    """The answers that a row rests on: the fewer of how many there are and how many independent ones they are worth."""
    return min((float(row[name]) for name in ("n", "n_eff") if name in row and not pd.isna(row[name])), default=0.0)


def _verdict(moments: _Moments, cells: dict) -> str:
    effect = cells.get((DIFFERENCE, CHANGE), cells[INSIDE, CHANGE])
    if moments.after is None:
        return "waiting"
    if effect["state"] != "value":
        return {"suppressed": "hidden", "no_data": "no_answers"}[effect["state"]]
    if effect["se"] != effect["se"]:
        return "too_few"
    return "improved" if effect["low"] > 0 else "worse" if effect["high"] < 0 else "no_clear_change"


METRICS = (
    Metric(
        "remeasured", remeasured, "The score of one segment before and after, beside that of all other answers, and what it changed by beyond them.",
        "(segment after − segment before) − (rest after − rest before)", "score", ("scores",), None, "higher",
        {"segment": None, "measure": None, "dimension": None, "question": None, "wave": None, "scale": None, "survey_weights": True, "after": None},
        "difference in differences: Card & Krueger 1994, AER 84, 772-793; limits: √Σ se² of four samples",
    ),
)  # fmt: skip
