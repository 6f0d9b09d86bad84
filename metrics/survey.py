"""How satisfied are customers, dimension by dimension, and what do they say in their own words?"""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics import nps
from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, collect, grouped, segmented, within
from metrics.respondents import effective_n, kish, number, prepared, weighed
from metrics.result import K_ANONYMOUS, Answer, answer, suppress_all
from metrics.stats import Z95, wilson
from metrics.waves import in_time

QUESTION_COLUMNS = ("dimension", "question", "question_id")  # asked by these, every group may be on a scale of its own
SCALE = ["scale_min", "scale_max"]
EXTRA = ("scale_min", "scale_max", "midpoint", "is_low", "top2", "top2_low", "top2_high", "dismissed", "n_eff", "centre")
TINY = 1e-9  # a mean this close to the midpoint is the midpoint


def satisfaction(tables: Tables, query: Query) -> Answer:
    """Mean score, on the question's own scale, with the share of the two best scores and a flag where it is low.

    Reads the mart `scores`: the last valid answer of each respondent to each question in each wave; all questions but the NPS
    one unless dimension or question names some. Options: weighting, dimension, question, wave, scale ("1-5"), survey_weights.
    Scores on different scales are never averaged: asked by dimension or question, each group is on its own scale; otherwise
    the scale that most answers are on is taken, and the others are counted in notes["other_scales"].

    Returns one row per period and group:
        value                 float  mean, unrounded; null where nobody gave a score
        n                     int    answers
        low, high, se         normal 95 % limits within the scale; repeated answers of a customer widen them
        scale_min, scale_max, midpoint   the scale; a mean below the midpoint (3 on 1-5), strictly, is_low (bool)
        top2, top2_low, top2_high        float, 0 to 1: share of the two best scores, with Wilson limits
        dismissed             int    asked, gave no score
    Read it so: 2.996 of 250 answers on 1-5 is low and is shown as "3.0 (below 3)".
    """
    frame, keys = grouped(_scored(tables, query), "answered_on", tables, query)
    rows, others = _on_one_scale(_summed(frame, keys, query), keys, query)
    rows = _with_interval(rows, query.options["weighting"])
    notes = {name: int(rows[name].sum()) for name in ("dismissed", "refused", "left_out")} | {"other_scales": others}
    rows = rows.assign(numerator=rows["total"], denominator=rows["weight"], n_eff=kish(rows)).astype({"dismissed": "Int64"})
    finished = in_time(answer(rows, query, extra=EXTRA, notes=notes), tables["scores"], "answered_on", query)
    filled = finished.rows.assign(n=finished.rows["n"].fillna(0), dismissed=finished.rows["dismissed"].fillna(0))
    base = "n" if query.options["weighting"] == "respondent" else "n_eff"
    return Answer(suppress_all(filled, list(filled.columns[: filled.columns.get_loc("value")]), base), (), finished.notes)


def _scored(tables: Tables, query: Query) -> Frame:
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
    try:
        low, high = (float(end) for end in text.split("-"))
    except ValueError:
        raise QuestionError(f"a scale is written as its lowest and highest score, like 1-5, not {text!r}") from None
    return [nw.col("scale_min") == low, nw.col("scale_max") == high]


def _is_valid() -> nw.Expr:
    return nw.col("is_last") & ~nw.col("is_blank") & ~nw.col("is_refused")


def _summed(frame: Frame, keys: list[str], query: Query) -> pd.DataFrame:
    """The engine's one query: sums per group and scale."""
    score = nw.col("score")
    parts = {"total": score, "squares": score * score, "best": number(score >= nw.col("scale_max") - 1)}
    beside = {"dismissed": number(nw.col("is_blank") & nw.col("is_last") & nw.col("text").is_null()), "refused": number(nw.col("is_refused"))}
    ready = prepared(frame, _is_valid(), query.options["survey_weights"])
    return weighed(ready, [*keys, *SCALE], query.options["weighting"], nw.col("total"), parts, {}, beside)


def _on_one_scale(rows: pd.DataFrame, keys: list[str], query: Query) -> tuple[pd.DataFrame, int]:
    """The rows on the scale most answers are on (of each question where it is asked by questions), and how many answers are not."""
    if rows.empty:
        return (rows if keys else pd.DataFrame([dict.fromkeys(rows.columns, 0.0) | dict.fromkeys(SCALE, np.nan)])), 0
    asked = [key for key in query.by if key in QUESTION_COLUMNS]
    sizes = rows.groupby([*asked, *SCALE], dropna=False, as_index=False)["n"].sum().sort_values(["n", *SCALE], ascending=[False, True, True])
    chosen = sizes[sizes["n"] > 0].drop_duplicates(asked) if asked else sizes.head(1)  # a question for comments only has no scores
    kept = rows.merge(chosen[[*asked, *SCALE]], on=[*asked, *SCALE])
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
    """The answers behind the mean; none where they are too few to be shown."""
    rows = segmented(within(_scored(tables, query), "answered_on", query.period), tables, query).filter(_is_valid())
    sizes = collect(rows.group_by(*SCALE).agg(n=nw.len())).sort_values(["n", *SCALE], ascending=[False, True, True])
    if len(sizes):
        low, high = sizes[SCALE].iloc[0]
        rows = rows.filter(nw.col("scale_min") == low, nw.col("scale_max") == high)
    return nps.guarded(nps.carrying_weight(rows, query.options.get("weighting", "respondent")))


def verbatims(tables: Tables, query: Query) -> Answer:
    """How many comments there are; the comments themselves are the rows behind.

    Reads the mart `scores`. value, n: comments; denominator: responses. `band` is what the same response said about
    recommending us, and can be grouped and filtered by. Suppressed where fewer than five people responded, however many
    commented.
    """
    frame, keys = grouped(commented(tables, query), "answered_on", tables, query)
    rows = aggregate(frame, keys, n=number(nw.col("is_comment")).sum(), denominator=nw.col("response_id").n_unique())
    n, responses = (pd.to_numeric(rows[c]).astype("float64").fillna(0) for c in ("n", "denominator"))
    finished = answer(rows.assign(n=n, numerator=n, denominator=responses, value=n.where(responses > 0)), query)
    finished = in_time(finished, tables["scores"], "answered_on", query)
    return Answer(suppress_all(finished.rows, list(finished.rows.columns[: finished.rows.columns.get_loc("value")]), "denominator"))


def commented(tables: Tables, query: Query) -> Frame:
    """All answers, with is_comment and the `band` of their response."""
    rows = tables["scores"]
    recommended = nps.asked_about(tables, replace(query, options={})).filter(nps.is_valid())
    bands = recommended.select("response_id", "band").unique(subset=["response_id"], keep="any")
    return rows.with_columns(is_comment=(nw.col("text").str.strip_chars() != "").fill_null(False)).join(bands, on="response_id", how="left")


def behind_verbatims(tables: Tables, query: Query) -> Frame:
    """The comments, unless fewer than five people responded under these filters."""
    rows = segmented(within(commented(tables, query), "answered_on", query.period), tables, query)
    enough = rows.select(_n=nw.col("response_id").n_unique()).filter(nw.col("_n") >= K_ANONYMOUS)
    return nps.named(rows.filter(nw.col("is_comment")).join(enough, how="cross").drop("_n"), tables)


def segment_columns(tables: Tables, most: int = 40) -> tuple[str, ...]:
    """Columns of the answers that divide them into 2 to `most` groups: the customers' usual ones first, then the sources' own."""
    names = tables["scores"].collect_schema().names()
    known = [name for name in names if name not in NOT_SEGMENTS and not name.endswith(("_id", "_at", "_on", "_d", "_m", "_s"))]
    counted = collect(tables["scores"].select(**{name: nw.col(name).n_unique() for name in known})).iloc[0]
    groups = [name for name in known if 2 <= counted[name] <= most]
    return tuple(sorted(groups, key=lambda name: USUAL.index(name) if name in USUAL else len(USUAL)))


USUAL = ("region", "industry", "grade", "size", "channel", "owner", "department", "kind")
NOT_SEGMENTS = {
    "source", "score", "text", "weight", "question", "dimension", "scale_min", "scale_max", "survey", "survey_kind", "wave", "sent_from", "is_anonymous",
    "is_blank", "is_refused", "is_last", "revenue_year", "tags",
}  # fmt: skip


METRICS = (
    Metric(
        "satisfaction", satisfaction, "Mean score of a question or dimension on its own scale, and the share of the two best scores.", "Σ w·score / Σ w",
        "score", ("scores",), behind_satisfaction, "higher", {**nps.OPTIONS, "scale": None}, "interval: normal, one answer added at each end of the scale",
    ),
    Metric(
        "verbatims", verbatims, "Comments that customers wrote, with what they said about recommending us.", "count of comments", "count", ("scores",),
        behind_verbatims, None, {},
    ),
)  # fmt: skip
