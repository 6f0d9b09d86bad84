"""How satisfied are customers, dimension by dimension, and what do they say in their own words?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics import hiding, nps
from metrics.additive import remembered
from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, collect, grouped, segmented, within
from metrics.respondents import effective_n, kish, number, prepared, weighed
from metrics.result import Answer, answer
from metrics.stats import Z95, wilson
from metrics.waves import in_time

QUESTION_COLUMNS = ("dimension", "question", "question_id")  # asked by these, every group may be on a scale of its own
SCALE = ["scale_min", "scale_max"]
ENDS = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*-\s*(-?\d+(?:\.\d+)?)\s*")  # of a scale: "1-5", "-2-2"
EXTRA = ("scale_min", "scale_max", "midpoint", "is_low", "top2", "top2_low", "top2_high", "dismissed", "n_eff", "centre")
OPTIONS = {**nps.OPTIONS, "scale": None}
TINY = 1e-9  # a mean this close to the midpoint is the midpoint


def satisfaction(tables: Tables, query: Query) -> Answer:
    """Mean score, on the question's own scale, with the share of the two best scores and a flag where it is low.

    Reads the mart `scores`: the last valid answer of each respondent to each question in each wave; all questions but the NPS
    one unless dimension or question names some. Options: weighting, dimension, question, wave, scale ("1-5"), survey_weights.
    Scores on different scales are never averaged: asked by dimension or question, each group is on its own scale; otherwise
    the scale that most answers (of the waves asked about) are on is taken, and the others are counted in notes["other_scales"].

    Returns one row per period and group:
        value                 float  mean, unrounded; null where nobody gave a score
        n                     int    answers
        low, high, se         normal 95 % limits within the scale; repeated answers of a customer widen them
        scale_min, scale_max, midpoint   the scale; a mean below the midpoint (3 on 1-5), strictly, is_low (bool)
        top2, top2_low, top2_high        float, 0 to 1: share of the two best scores, with Wilson limits
        dismissed             int    asked, gave no score
    Read it so: 2.996 of 250 answers on 1-5 is low and is shown as "3.0 (below 3)".
    """
    query, weighting = nps.with_wave(query), query.options["weighting"]

    def compute(asked: Query) -> pd.DataFrame:
        frame, keys = grouped(scored(tables, asked), "answered_on", tables, asked)
        return _summed(frame, keys, asked)

    def sums(asked: Query) -> pd.DataFrame:  # those without filters serve every filter on the same columns
        about = asked.period, asked.grain, asked.by, asked.where, nps.dimension(asked), *(asked.options.get(name) for name in OPTIONS)
        return remembered(("satisfaction", *about), lambda: compute(asked))

    told = _with_dimension(query)
    rows, cells = sums(query), _unfiltered(sums, told)
    rows, others = _on_one_scale(rows, _scale_of(rows if cells is None else _of_question(cells, told), query, told), query)
    rows = _with_interval(rows, weighting)
    notes = {name: int(rows[name].sum()) for name in ("dismissed", "refused", "left_out")} | {"other_scales": others}
    rows = rows.assign(numerator=rows["total"], denominator=rows["weight"], n_eff=kish(rows)).astype({"dismissed": "Int64"})
    finished = in_time(answer(rows, query, extra=EXTRA, notes=notes), tables["scores"], "answered_on", query)
    filled = finished.rows.assign(n=finished.rows["n"].fillna(0), dismissed=finished.rows["dismissed"].fillna(0))
    base = "n" if weighting == "respondent" else "n_eff"
    shown = hiding.suppressed(filled, told, base, lambda asked: _on_own_scales(cells, asked, told), nps.worth_of(weighting))
    return Answer(shown, (), finished.notes)


def _with_dimension(query: Query) -> Query:
    """The question with its option `dimension` as a filter: dimensions are groups like any other."""
    named = query.options.get("dimension")
    return replace(query, where=(*query.where, ("dimension", (named,))), options={**query.options, "dimension": None}) if named else query


def _unfiltered(sums, query: Query) -> pd.DataFrame | None:
    """Sums without the question's filters, by their columns; None where there are no filters."""
    if not query.where:
        return None
    return sums(hiding.wider(query) or replace(query, where=()))


def _of_question(cells: pd.DataFrame, query: Query) -> pd.DataFrame:
    """Of unfiltered sums those of the questions asked about: the scale is theirs, whichever customers are looked at."""
    for column in {column for column, _ in query.where} & {*QUESTION_COLUMNS}:
        cells = cells[hiding.accepted(cells, column, query)]
    return cells


def _on_own_scales(cells: pd.DataFrame, query: Query, told: Query) -> pd.DataFrame:
    """Unfiltered sums of each question on the scale most of its answers are on."""
    return _on_one_scale(cells, _scale_of(cells, query, told), query)[0]


def scored(tables: Tables, query: Query) -> Frame:
    """Answers to the questions that are asked about; every row of them, valid or not."""
    options, dimension = query.options, nw.col("dimension").str.to_lowercase()
    if options.get("question"):
        chosen = (nw.col("question_id") == options["question"]) | (nw.col("question") == options["question"])
    elif options.get("dimension"):
        chosen = dimension == options["dimension"].lower()
    else:
        chosen = dimension != nps.dimension(query)
    waves = [nw.col("wave") == options["wave"]] if options.get("wave") else []
    return tables["scores"].filter(chosen, *waves, *_scale(options.get("scale")))


def _scale(text: str | None) -> list[nw.Expr]:
    if not text:
        return []
    found = ENDS.fullmatch(text)
    if not found:
        raise QuestionError(f"a scale is written as its lowest and highest score, like 1-5, not {text!r}")
    return [nw.col(name) == float(end) for name, end in zip(SCALE, found.groups(), strict=True)]


def is_valid() -> nw.Expr:
    return nw.col("is_last") & ~nw.col("is_blank") & ~nw.col("is_refused")


def _summed(frame: Frame, keys: list[str], query: Query) -> pd.DataFrame:
    """The engine's one query: sums per group and scale."""
    score = nw.col("score")
    parts = {"total": score, "squares": score * score, "best": number(score >= nw.col("scale_max") - 1)}
    beside = {"dismissed": number(nw.col("is_blank") & nw.col("is_last") & nw.col("text").is_null()), "refused": number(nw.col("is_refused"))}
    ready = prepared(frame, is_valid(), query.options["survey_weights"])
    return weighed(ready, [*keys, *SCALE], query.options["weighting"], nw.col("total"), parts, {}, beside)


def _scale_of(rows: pd.DataFrame, query: Query, told: Query) -> pd.DataFrame:
    """The scale most answers are on, of each question where it is asked by questions.

    told: the question with its filters; a survey may ask on another scale from some wave on, so the waves it names decide first.
    """
    asked = [key for key in query.by if key in QUESTION_COLUMNS]
    here = rows["n"].where(hiding.accepted(rows, "wave", told), 0.0) if "wave" in rows else rows["n"]
    sizes = rows.assign(here=here).groupby([*asked, *SCALE], dropna=False, as_index=False)[["here", "n"]].sum()
    sizes = sizes.sort_values(["here", "n", *SCALE], ascending=[False, False, True, True])
    return (sizes[sizes["n"] > 0].drop_duplicates(asked) if asked else sizes.head(1))[[*asked, *SCALE]]  # a question for comments only has no scores


def _on_one_scale(rows: pd.DataFrame, chosen: pd.DataFrame, query: Query) -> tuple[pd.DataFrame, int]:
    """The rows on the chosen scale, and how many answers are not."""
    kept = rows.merge(chosen, on=list(chosen.columns))
    if kept.empty and not query.by and not query.grain:
        kept = pd.DataFrame([dict.fromkeys(rows.columns, 0.0) | dict.fromkeys(SCALE, np.nan)])
    return kept, int(rows["n"].sum() - kept["n"].sum())


def _with_interval(rows: pd.DataFrame, weighting: str) -> pd.DataFrame:
    """Adds value, its limits within the scale, se, and the share of the two best scores.

    Before the variance is taken, one answer is added at each end of the scale, as one success and one failure are for a share:
    twenty times 5 is not "certain".
    """
    weight = rows["weight"].where(rows["weight"] > 0)
    mean, square, low, high = rows["total"] / weight, rows["squares"] / weight, *(rows[end] for end in SCALE)
    worth = effective_n(rows, mean.fillna(0), (square - mean**2).clip(lower=0).fillna(0), weighting)
    centre = (worth * mean + low + high) / (worth + 2)
    se = np.sqrt(((worth * square + low**2 + high**2) / (worth + 2) - centre**2).clip(lower=0) / (worth + 2))
    top2, midpoint = rows["best"] / weight, (low + high) / 2
    top2_low, top2_high = wilson((top2 * worth).fillna(0), worth)
    is_low = (mean < midpoint - TINY).astype("boolean").mask(mean.isna())
    limits = {"low": np.clip(mean - Z95 * se, low, high), "high": np.clip(mean + Z95 * se, low, high)}
    best = {"top2": top2, "top2_low": top2_low, "top2_high": top2_high}
    return rows.assign(value=mean, se=se, centre=mean, midpoint=midpoint, is_low=is_low, **limits, **best)


def behind_satisfaction(tables: Tables, query: Query) -> Frame:
    """The answers behind the mean, on its scale; none where the mean is hidden."""
    query = nps.with_wave(query)
    whole = nps.ask_for(satisfaction, tables, query)
    rows = segmented(within(scored(tables, query), "answered_on", query.period), tables, query).filter(is_valid())
    low, high = whole.loc[0, SCALE].astype("float64").fillna(np.inf)
    rows = rows.filter(nw.col("scale_min") == nw.lit(float(low)), nw.col("scale_max") == nw.lit(float(high)))
    rows = nps.carrying_weight(rows, query.options.get("weighting", "respondent"))
    return nps.named(hiding.unnamed(hiding.veiled(hiding.behind(rows, whole), nw.lit(1), "wave", "dimension", "question")), tables)


def verbatims(tables: Tables, query: Query) -> Answer:
    """How many comments there are; the comments themselves are the rows behind.

    Reads the mart `scores`. value, n: comments; denominator: responses. `band` is what the same response said about
    recommending us, and can be grouped and filtered by. Option said: comments that hold this text, in capitals or not. Suppressed
    where fewer than five people responded, however many commented, whichever of their bands is chosen and whatever is searched for.
    """

    def sums(asked: Query) -> pd.DataFrame:
        frame, keys = grouped(commented(tables, asked), "answered_on", tables, asked)
        rows = aggregate(frame, keys, n=number(nw.col("is_comment")).sum(), denominator=nw.col("response_id").n_unique())
        return rows.assign(**{c: pd.to_numeric(rows[c]).astype("float64").fillna(0) for c in ("n", "denominator")})

    rows, score = sums(query), nps.of_all_bands(query)
    keys = [column for column in rows.columns if column not in ("n", "denominator")]
    people = rows if score == query else sums(score)
    people = people[[*keys, "denominator"]].rename(columns={"denominator": "people"})
    rows = rows.merge(people, on=keys, how="left") if keys else rows.assign(**people)
    finished = answer(rows.assign(numerator=rows["n"], value=rows["n"].where(rows["denominator"] > 0)), query, extra=("people",))
    finished = in_time(finished, tables["scores"], "answered_on", query)
    return Answer(hiding.suppressed(finished.rows, score, "people", sums, lambda cells: cells["denominator"]).drop(columns="people"))


def commented(tables: Tables, query: Query) -> Frame:
    """All answers, with is_comment (which holds the text that is searched for) and the `band` of their response."""
    rows, said = tables["scores"], str(query.options.get("said") or "").strip().lower()
    recommended = nps.asked_about(tables, replace(query, options={})).filter(nps.is_valid())
    bands = recommended.select("response_id", "band").unique(subset=["response_id"], keep="any")
    is_comment = nw.col("text").str.strip_chars() != ""
    if said:
        is_comment &= nw.col("text").str.to_lowercase().str.contains(said, literal=True)
    return rows.with_columns(is_comment=is_comment.fill_null(False)).join(bands, on="response_id", how="left")


def behind_verbatims(tables: Tables, query: Query) -> Frame:
    """The comments; none where their number is hidden."""
    return nps.named(hiding.unnamed(hiding.behind(comments(tables, query), nps.ask_for(verbatims, tables, query))), tables)


def comments(tables: Tables, query: Query) -> Frame:
    """The comments with all that is known of them, but for segments that a table would hide: for lists, which leave out more."""
    rows = segmented(within(commented(tables, query), "answered_on", query.period), tables, query)
    place = nw.col("_one").cum_sum().over("response_id", order_by=["answer_id"])
    rows = rows.with_columns(_one=nw.lit(1)).with_columns(_place=place)
    return hiding.veiled(rows, (nw.col("_place") == 1).cast(nw.Int64), "wave").drop("_one", "_place").filter(nw.col("is_comment"))


def segment_columns(tables: Tables, most: int = hiding.MOST_GROUPS) -> tuple[str, ...]:
    """Columns of the answers that divide them into 2 to `most` groups: the customers' usual ones first, then the sources' own."""
    return dividing(levels(tables), most)


def levels(tables: Tables) -> dict[str, int]:
    """How many different values each column has that may divide answers into groups; none counts as one."""
    known = hiding.dividing(tables["scores"].columns)
    counted = collect(tables["scores"].select(**{name: nw.col(name).n_unique() for name in known})).iloc[0]
    return {name: 0 if pd.isna(n) else int(n) for name, n in counted.items()}  # none of no answers


def dividing(counted: Mapping[str, int], most: int = hiding.MOST_GROUPS) -> tuple[str, ...]:
    """Of the columns with so many different values those that divide, in the order of `segment_columns`."""
    groups = [name for name, n in counted.items() if 2 <= n <= most]
    return tuple(sorted(groups, key=lambda name: USUAL.index(name) if name in USUAL else len(USUAL)))


SERVICE = ("service", "service quality", "customer service", "after-sales service", "support", "服务", "服务质量", "客户服务", "售后服务")


def is_about_service(dimension: str | None, query: Query) -> bool:
    """Whether a dimension asks about the service: by one of its usual names, or of those in [metrics.satisfaction] service."""
    return isinstance(dimension, str) and dimension.strip().lower() in {str(name).strip().lower() for name in query.setting("satisfaction", "service", SERVICE)}


USUAL = ("region", "industry", "grade", "size", "channel", "owner", "department", "kind")

METRICS = (
    Metric(
        "satisfaction", satisfaction, "Mean score of a question or dimension on its own scale, and the share of the two best scores.", "Σ w·score / Σ w",
        "score", ("scores",), behind_satisfaction, "higher", OPTIONS, "interval: normal, one answer added at each end of the scale",
    ),
    Metric(
        "verbatims", verbatims, "Comments that customers wrote, with what they said about recommending us.", "count of comments", "count", ("scores",),
        behind_verbatims, None, {"said": None},
    ),
)  # fmt: skip
