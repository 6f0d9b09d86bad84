"""Where exactly is a score low? All segments of a survey up to three attributes deep, searched at once; see docs/finder.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from metrics import nps, seclusion, survey
from metrics.areas import Area, Search
from metrics.cube import Conditions, Cube
from metrics.effects import Effects
from metrics.findings import SHRUNKEN, Report
from metrics.hiding import MOST_GROUPS
from metrics.memory import give_back
from metrics.metric import Metric
from metrics.patterns import MOST_COLUMNS, REST, Patterns, patterns
from metrics.query import Frame, Query, QuestionError, Tables, refuse_grain, segmented, within
from metrics.result import K_ANONYMOUS, K_TESTABLE, Answer, answer
from metrics.trend import COLUMNS as TREND
from metrics.trend import trend
from metrics.yardstick import SCALE, Yardstick, histogram, ranked, ranks, skew, yardstick

SHARE = 0.001  # of all answers: the smallest area, where that is more than 30
DEEPEST = 3
LARGE = 500_000  # answers, from which on a search leaves much freed memory behind
KEYS = ("rank", "area")
PLACED = tuple(f"{what}_{k}" for k in range(1, DEEPEST + 1) for what in ("column", "value"))
EXTRA = (
    "role", "depth", *PLACED, "share", "gap", "gap_low", "gap_high", "impact", "rank_by_gap", "adds", "adds_low", "adds_high", *SHRUNKEN, "q", "honest_gap",
    "honest_n", *TREND, "parent", "points_to", "same_as",
)  # fmt: skip
TEXTS = ("role", *PLACED, "trend", "parent", "points_to", "same_as")


def low_scores(tables: Tables, query: Query) -> Answer:
    """The segments that hold a survey's score down, each with what it adds beyond its parents and the other segments.

    Reads the mart `scores`: the last valid answer of each respondent in each wave, and the customers' columns. Options: measure (nps,
    mean, low_share: the share of answers below the middle of the scale), dimension, question, wave, survey_weights, columns
    ("region,product": which to combine; all that divide the answers, up to 12), depth (1 to 3), min_size (answers; 30 and a thousandth
    of all at least), most (findings), honest (search the halves as well).

    Returns the whole as rank 0, then one row per finding, those that stand out first, by impact; then what looks low and is not by itself:
        area                     text "region = West · product = Food", "" for the whole
        value, n, low, high      the segment's score, its answers, 95 % limits; repeated answers of a customer widen them
        role                     whole; stands_out; usual (a level that is low, but no lower than levels usually differ); below_expected (no
                                 lower than all others, but than it should be); points_to (low only because of the part named there)
        depth, column_1, value_1, …, column_3, value_3    a null value means "without a value"
        share, gap               n over all answers; how much worse than all others, in the score's units, positive
        impact                   how much the whole would gain if the segment scored like all others
        adds, adds_low, adds_high    what it takes off beyond its levels and the other findings
        shrunken, shrunken_low, shrunken_high    the score it probably has (empirical Bayes over all findings), 95 %
        q                        rate of false discoveries at which it would still be listed, over everything searched
        honest_gap, honest_n     the gap among respondents that the search had not seen; null where half of the answers do not find it
        before, now, change, change_low, change_high, trend    its last two waves; better, worse, no_clear_change
        rank_by_gap              the other order
        parent, points_to        areas of other rows: the smallest finding around it; the part that makes it low
        same_as                  another description of (at least 80 % of) the same answers
    notes: measure, scale, columns, same_columns, left_out_columns (no room), wide_columns (name → values, too many to divide by), searched,
    min_size, usual_spread, hidden (findings not shown).

    Raises QuestionError for unknown columns, too many of them, or columns with too many values.
    Read it so: gap 40 and adds 12 in a row whose parent has gap 30: the segment is a little worse off than its parent says.
    """
    yard, asked, (columns, beside) = yardstick(query), nps.with_wave(query), _columns(tables, _refused(query))
    answers = _answers_of(tables, yard)
    counts = histogram(_on_columns(answers, asked, columns), yard)
    n = int(counts["n"].sum()) if len(counts) else 0
    notes = {"measure": yard.name, "columns": list(columns), **beside}
    if n < K_ANONYMOUS or seclusion.is_hidden_by_filters(answers, asked, {}):
        nothing = {"rank": 0, "area": "", "role": "whole", "state": "suppressed" if n else "no_data"}
        return _finished(pd.DataFrame([nothing]), query, notes)
    with threadpool_limits(limits=1):  # the equations are small: threads would wait for each other
        report, halves, same = _searched(_on_columns(answers, asked, columns), query, yard, counts, columns)
    areas, hidden = _shown(report, answers, asked)
    rows = _rows(report, areas[: int(query.options["most"])], halves, lambda segment: seclusion.is_hidden_by_filters(answers, asked, segment))
    told = trend(tables, query, yard, report.scale, [report.segment(c) for c in rows["conditions"]], [report.several(c) for c in rows["conditions"]])
    notes |= {"scale": list(report.scale), "same_columns": same, "hidden": hidden, **_told(report)}
    if n > LARGE:
        give_back()
    return _finished(rows.drop(columns="conditions").join(told), query, notes)


def _refused(query: Query) -> Query:
    refuse_grain(query, "a search looks at one period; the trend of each finding is in its row")
    if query.by:
        raise QuestionError(f"low_scores searches all segments itself: name columns with columns={','.join(query.by)} instead of grouping by them")
    return query


def _columns(tables: Tables, query: Query) -> tuple[tuple[str, ...], dict]:
    """The columns to combine; and, as notes, those that there was no room for, or that have too many values to divide by."""
    named = query.options["columns"]
    if named:
        given = named.split(",") if isinstance(named, str) else named
        return tuple(dict.fromkeys(name.strip() for name in given)), {"left_out_columns": [], "wide_columns": {}}
    counted = survey.levels(tables)
    usual, wide = survey.dividing(counted), {name: n for name, n in counted.items() if n > MOST_GROUPS}
    return usual[:MOST_COLUMNS], {"left_out_columns": list(usual[MOST_COLUMNS:]), "wide_columns": wide}


def _answers_of(tables: Tables, yard: Yardstick) -> seclusion.Answers:
    """The valid answers of a question's period, with its columns and under its filters."""
    return lambda question: segmented(within(yard.answers(tables, question), "answered_on", question.period), tables, question)


def _on_columns(answers: seclusion.Answers, query: Query, columns: tuple[str, ...]) -> Frame:
    ready = answers(replace(query, by=columns))
    return ready.with_columns(respondent=nw.coalesce("customer_id", "contact_id", "response_id"))


Halves = tuple[tuple[np.ndarray, ...], list[list[Conditions]]]  # the patterns of each half, and what its search found


def _searched(frame: Frame, query: Query, yard: Yardstick, counts: pd.DataFrame, columns: tuple[str, ...]) -> tuple[Report, Halves, dict]:
    """The search, what was found in each half of the respondents, and columns that say the same as another."""
    scale = tuple(float(end) for end in counts.loc[0, SCALE])
    middle, scores, often = sum(scale) / 2, counts["score"].to_numpy(), counts["n"].to_numpy()
    shown = yard.score(middle)
    least = max(K_TESTABLE, SHARE * often.sum(), float(query.options["min_size"]))
    on_scale = frame.filter(*(nw.col(name) == nw.lit(end) for name, end in zip(SCALE, scale, strict=True)))
    searched = ranked(counts) if yard.by_rank else shown
    lopsided = skew(ranks(counts) if yard.by_rank else yard.inner(scores, middle), often)
    found = patterns(on_scale, columns, searched, shown, lopsided, least, bool(query.options["survey_weights"]))
    depth = min(max(int(query.options["depth"]), 1), DEEPEST)
    report = Report(found, _search(found, slice(None), depth, least), yard, scale)
    halves = found.halves if query.options["honest"] and report.search.areas else ()
    report.effects.cube.forget()
    again: list[Search] = []
    for half in halves:  # the second is the whole less the first
        rest = (report.effects, again[0].effects) if again else None
        again.append(_search(found, half, depth, max(K_TESTABLE, least / 2), rest))
    return report, (halves, [[area.conditions for area in search.areas] for search in again]), found.same


def _search(found: Patterns, rows, depth: int, least: float, rest: tuple[Effects, Effects] | None = None) -> Search:
    """A search over some of the patterns, or over the rest of two others; the level of all rare values together is no area."""
    cube = Cube(found.codes[:, rows], found.cards, depth)
    rare = [cube.having(a, k) for a, attribute in enumerate(found.attributes) for k, level in enumerate(attribute.levels) if level is REST]
    return Search(Effects(cube, found.sums.of(rows), least, rest), left_out=np.logical_or.reduce(rare) if rare else None)


def _shown(report: Report, answers: seclusion.Answers, query: Query) -> tuple[list[Area], int]:
    """The areas that may be shown, and how many may not."""
    areas = report.search.areas
    hidden = [
        area for area in areas
        if seclusion.is_hidden(report.effects, area.conditions) or seclusion.is_hidden_by_filters(answers, query, report.segment(area.conditions))
    ]  # fmt: skip
    return [area for area in areas if area not in hidden], len(hidden)


def _rows(report: Report, areas: list[Area], halves: Halves, is_hidden_by_filters: Callable[[dict], bool]) -> pd.DataFrame:
    """The whole, the findings and what points to them, with everything but the trend."""
    scores = [report.score(area.conditions) for area in areas]
    parts = report.shrunken(areas, [score["value"] for score in scores]), report.related(areas), report.honest(areas, *halves)
    by_gap = np.argsort(np.argsort([-score["gap"] for score in scores], kind="stable")) + 1
    rows = [{"rank": 0, "area": "", "role": "whole", "depth": 0, "conditions": {}, **report.score({})}]
    for k, (area, score, *facts) in enumerate(zip(areas, scores, *parts, strict=True)):
        role = {"role": area.kind, "rank_by_gap": by_gap[k], "q": area.q, "conditions": area.conditions}
        rows.append({"rank": k + 1, **report.described(area.conditions), **role, **score, **facts[0], **facts[1], **facts[2]})
    for conditions, part in report.pointers(areas):
        if not seclusion.is_hidden(report.effects, conditions) and not is_hidden_by_filters(report.segment(conditions)):
            role = {"role": "points_to", "points_to": part, "adds": report.adds(conditions), "conditions": conditions}
            rows.append({"rank": len(rows), **report.described(conditions), **role, **report.score(conditions)})
    return pd.DataFrame(rows)


def _told(report: Report) -> dict:
    """What was searched, and how much segments differ as a rule, in the units of the score, per depth."""
    effects, search = report.effects, report.search
    spread = [report.unit * usual * effects.sd_shown / effects.sd for usual in search.fit.usual]
    return {"searched": len(search.cells), "min_size": float(effects.least), "usual_spread": spread}


def _finished(rows: pd.DataFrame, query: Query, notes: dict) -> Answer:
    rows = rows.reindex(columns=[*rows.columns, *(name for name in EXTRA if name not in rows)])
    texts = {name: rows[name].astype(object).where(rows[name].notna(), None) for name in TEXTS}
    figures = {name: pd.to_numeric(rows[name]).astype("float64") for name in EXTRA if name not in TEXTS}
    whole = {name: figures[name].astype("Int64") for name in ("depth", "rank_by_gap", "honest_n")}
    return answer(rows.assign(**texts, **{**figures, **whole}), query, keys=KEYS, extra=EXTRA, notes=notes)


def behind(tables: Tables, query: Query) -> Frame:
    """The answers behind the whole, or behind a finding whose columns are filters; none where its score is hidden."""
    return yardstick(query).behind(tables, query)


OPTIONS = {
    "measure": None, "dimension": None, "question": None, "wave": None, "survey_weights": True, "columns": None, "depth": DEEPEST, "min_size": 0, "most": 20,
    "honest": True,
}  # fmt: skip
METRICS = (
    Metric(
        "low_scores", low_scores, "Segments of a survey, up to three attributes deep, scoring lower than all else explains, the costliest first.",
        "gain = n/N · (mean of all others − mean of the segment)", "score", ("scores",), behind, None, OPTIONS,
        "step-down false discovery rate: Benjamini & Gavrilov 2009; docs/finder.md",
    ),
)  # fmt: skip
