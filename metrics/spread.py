"""How often was each score given? The answers behind one mean or NPS, score by score."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, refuse_grain
from metrics.result import Answer, answer
from metrics.stats import wilson
from metrics.yardstick import yardstick


def score_counts(tables: Tables, query: Query) -> Answer:
    """How the answers to one question or dimension divide over its scores.

    Reads the mart `scores`. Options: measure (nps, mean), dimension, question, wave, survey_weights.

    Returns one row per score that was given, the lowest first:
        score             float  on the question's scale
        value, low, high  float  0 to 1: its share of the answers, with Wilson limits; each answer counts once, whatever its weight
        n, denominator    int    all answers; numerator: those with this score
    A score is part of what its mean says: it is hidden where the mean is, as bands are with NPS, and nowhere else.
    """
    refuse_grain(query, "scores are counted over one period")
    if query.by:
        raise QuestionError("score_counts divides by score alone: narrow it with filters instead of grouping")
    yard, asked = yardstick(query), replace(query, options={**query.options, "weighting": "respondent", "scale": None})
    whole = yard.whole(tables, asked)
    state = whole.rows["state"].iloc[0]
    if state != "value":
        return answer(pd.DataFrame({"score": [float("nan")], "state": [state]}), query, keys=("score",))
    rows = aggregate(yard.behind(tables, asked), ["score"], numerator=nw.len())
    rows = rows.astype({"score": "float64", "numerator": "float64"}).assign(denominator=lambda found: found["numerator"].sum())
    low, high = wilson(rows["numerator"], rows["denominator"])
    return answer(rows.assign(n=rows["denominator"], low=low, high=high), query, keys=("score",))


def behind(tables: Tables, query: Query) -> Frame:
    """The answers themselves; none where their mean is hidden."""
    return yardstick(query).behind(tables, query)


METRICS = (
    Metric(
        "score_counts", score_counts, "How often each score of a question was given.", "answers with the score / answers", "share", ("scores",), behind, None,
        {"measure": None, "dimension": None, "question": None, "wave": None, "survey_weights": True},
    ),
)  # fmt: skip
