"""How segments scored in the last wave of a survey and in the one before: one query for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.query import Frame, Query, Tables, aggregate, segmented
from metrics.respondents import number
from metrics.result import K_TESTABLE
from metrics.stats import Z95
from metrics.waves import WAVE, oldest_first
from metrics.yardstick import SCALE, Yardstick

COLUMNS = ("before", "now", "change", "change_low", "change_high", "trend")
Segment = dict[str, object]  # column → value, None where there is none


def trend(tables: Tables, query: Query, yard: Yardstick, scale: tuple[float, float], segments: Sequence[Segment], several: Sequence[float]) -> pd.DataFrame:
    """One row per segment: its score in the last wave that the period holds (or the wave asked for) and in the wave before.

    several: per segment, how much repeated answers of a respondent widen its variance. Nothing is said where there is one
    wave only, or where fewer than 30 answers stand on either side. `trend` is better, worse or no_clear_change (at 95 %).
    """
    blank = pd.DataFrame({**dict.fromkeys(COLUMNS[:-1], np.nan), "trend": None}, index=range(len(segments)))
    frame = _before_the_end(tables, query, yard, scale, segments)
    waves = _last_two(frame, query)
    if len(waves) < 2 or not segments:
        return blank
    rows = _summed(frame.filter(nw.col(WAVE).is_in(waves)), yard, (scale[0] + scale[1]) / 2, segments, bool(query.options.get("survey_weights", True)))
    return pd.DataFrame([_compared([_sums(rows, wave, k) for wave in waves], yard, scale, several[k]) for k in range(len(segments))], columns=COLUMNS)


def _before_the_end(tables: Tables, query: Query, yard: Yardstick, scale: tuple[float, float], segments: Sequence[Segment]) -> Frame:
    """The valid answers up to the period's end, of all waves."""
    of_all = replace(
        query, where=tuple(pair for pair in query.where if pair[0] != WAVE), options={**query.options, "wave": None},
        by=tuple(dict.fromkeys(column for segment in segments for column in segment)),
    )  # fmt: skip
    answers = yard.answers(tables, of_all).filter(nw.col("answered_on") < nw.lit(query.period.end))
    on_scale = [nw.col(name) == nw.lit(float(end)) for name, end in zip(SCALE, scale, strict=True)]
    return segmented(answers.filter(*on_scale), tables, of_all)


def _last_two(frame: Frame, query: Query) -> list[str]:
    """The wave before, and the last one: the one asked for, else the newest with answers in the period."""
    order, asked = oldest_first(frame, "answered_on"), _asked_for(query)
    if len(order) < 2:
        return []
    if not asked:
        last = aggregate(frame, [WAVE], last=nw.col("answered_on").max())
        asked = [wave for wave, day in zip(last[WAVE], last["last"], strict=True) if pd.Timestamp(day) >= pd.Timestamp(query.period.start)]
    places = [k for k, wave in enumerate(order) if wave in asked]
    return order[places[-1] - 1 : places[-1] + 1] if places and places[-1] > 0 else []


def _asked_for(query: Query) -> list[str]:
    named = [query.options["wave"]] if query.options.get("wave") else []
    return named or [wave for column, values in query.where if column == WAVE for wave in values]


def _summed(frame: Frame, yard: Yardstick, middle: float, segments: Sequence[Segment], survey_weights: bool) -> pd.DataFrame:
    weight = nw.col("weight").fill_null(1.0) if survey_weights else nw.lit(1.0)
    ready = frame.with_columns(_w=weight, _x=yard.score(middle))
    sums = {}
    for k, segment in enumerate(segments):
        holds = number(nw.all_horizontal(~nw.col("_x").is_null(), *(_is(column, value) for column, value in segment.items()), ignore_nulls=True))
        w, x = nw.col("_w") * holds, nw.col("_x")
        sums |= {f"n{k}": holds.sum(), f"w{k}": w.sum(), f"x{k}": (w * x).sum(), f"q{k}": (w * x * x).sum()}
    return aggregate(ready, [WAVE], **sums).set_index(WAVE).astype("float64")


def _is(column: str, value) -> nw.Expr:
    return nw.col(column).is_null() if value is None else nw.col(column) == nw.lit(value)


def _sums(rows: pd.DataFrame, wave: str, k: int) -> tuple[float, ...]:
    return tuple(rows.loc[wave, [f"{name}{k}" for name in "nwxq"]])


def _compared(two: list[tuple[float, ...]], yard: Yardstick, scale: tuple[float, float], several: float) -> tuple:
    if min(n for n, *_ in two) < K_TESTABLE:
        return (*[np.nan] * 5, None)
    (before, *_, old_se), (now, *_, new_se) = (yard.limits(x, q, w, n / several, scale) for n, w, x, q in two)
    change, wide = float(now - before), Z95 * float(np.hypot(old_se, new_se))
    better = "better" if change * yard.factor > 0 else "worse"
    return float(before), float(now), change, change - wide, change + wide, better if abs(change) > wide else "no_clear_change"
