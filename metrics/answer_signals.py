"""Signals from surveys: what a customer's people last answered under their names. Old answers say nothing any more."""

from __future__ import annotations

import narwhals as nw

from metrics import nps
from metrics.query import Frame, Tables
from metrics.signals import Eve, Signal, limit, present, shaped
from metrics.survey import TINY

NAMED = 3  # dimensions that are told by name
SECONDS = 11  # letters that the instant takes at the front of `newest`: ten digits until 2286, and a blank


def latest(tables: Tables, at: Eve) -> Frame:
    """Each respondent's newest valid answer to each dimension, of answers young enough: with score, position on the scale (0 to 1), is_recommending.

    newest: instant and id of the answer as one text, so that the latest is the largest. Who sees no contacts sees the newest of each customer.

    An answer that was replaced by a later one before that day is left out; one replaced afterwards was the newest then.
    """
    scores = tables["scores"].filter(
        ~nw.col("customer_id").is_null(), ~nw.col("is_blank"), ~nw.col("is_refused"), nw.col("answered_on_d") < at.end_d,
        nw.col("answered_on_d") >= at.end_d - at.longest("answer_days"), nw.col("scale_max") > nw.col("scale_min"),
    )  # fmt: skip
    scores = scores.join(present(tables, at).select("customer_id", tier_="tier", tenure_="tenure_d"), on="customer_id", how="inner")
    scores = scores.with_columns(person=nw.coalesce("contact_id", "customer_id"), tier=nw.col("tier_"), tenure_d=nw.col("tenure_"), _one=nw.lit(1))
    scores = scores.filter(at.end_d - nw.col("answered_on_d") <= limit(at, "answer_days"))
    place = nw.col("_one").cum_sum(reverse=True).over("customer_id", "person", "dimension", order_by=["answered_at_s", "answer_id"])
    newest = scores.with_columns(_place=place).filter(nw.col("_place") == 1)
    position = (nw.col("score") - nw.col("scale_min")) / (nw.col("scale_max") - nw.col("scale_min"))
    recommending = nw.col("dimension").str.to_lowercase() == nps.dimension(at.query)
    told = nw.concat_str(nw.col("answered_at_s").cast(nw.String), "answer_id", separator=" ")
    columns = ("customer_id", "dimension", "answered_on", "score", "position", "is_recommending", "newest", "tier", "tenure_d")
    return newest.with_columns(position=position, is_recommending=recommending, newest=told).select(*columns)


def low_scores(tables: Tables, at: Eve) -> Frame:
    """Dimensions whose mean lies below the middle of their scale, strictly; a flag from `low_dimensions` of them on.

    times: how many are low; what: the lowest of them, at most three, separated by "|"; row: the newest of all answers. x: the mean position
    of the dimensions on their scales.
    """
    given = latest(tables, at).filter(~nw.col("is_recommending"))
    keys = ("customer_id", "tier", "tenure_d")
    means = given.group_by(*keys, "dimension").agg(mean=nw.col("position").mean(), newest=nw.col("newest").max(), on=nw.col("answered_on").max())
    is_low = nw.when(nw.col("mean") < 0.5 - TINY).then(nw.lit(1)).otherwise(nw.lit(0))
    means = means.with_columns(is_low=is_low, _one=nw.lit(1))
    means = means.with_columns(place=nw.col("_one").cum_sum().over("customer_id", order_by=["mean", "dimension"]))
    names = {f"low{k}": nw.when((nw.col("place") == k) & (nw.col("is_low") == 1)).then(nw.col("dimension")).max() for k in range(1, NAMED + 1)}
    rows = means.group_by(*keys).agg(
        x=nw.col("mean").mean(), low=nw.col("is_low").sum(), newest=nw.col("newest").max(), on=nw.col("on").max(), **names
    )  # fmt: skip
    rows = rows.with_columns(said=nw.concat_str(*names, separator="|", ignore_nulls=True))
    is_raised = nw.col("low") >= limit(at, "low_dimensions")
    return shaped(
        rows, "low_scores", "answers", x=100 * nw.col("x"), is_raised=is_raised, raised_on="on", row_id=_answer("newest"), times="low", what="said"
    )  # fmt: skip


def detractor(tables: Tables, at: Eve) -> Frame:
    """How likely its people are to recommend us, 0 to 10; a flag where the last answer of any of them is a detractor's.

    figure: the lowest score; times: how many detractors; row: the newest answer of one of them. x: ten times the mean score.
    """
    top = nps.BANDS["detractor"][1]
    given = latest(tables, at).filter(nw.col("is_recommending"))
    is_against = nw.col("score") <= top
    rows = given.group_by("customer_id").agg(
        x=nw.col("position").mean(), least=nw.col("score").min(), against_n=nw.when(is_against).then(nw.lit(1)).otherwise(nw.lit(0)).sum(),
        newest=nw.col("newest").max(), on=nw.col("answered_on").max(), against=nw.when(is_against).then(nw.col("newest")).max(),
        against_on=nw.when(is_against).then(nw.col("answered_on")).max(),
    )  # fmt: skip
    rows = rows.with_columns(told=nw.coalesce("against", "newest"), told_on=nw.coalesce("against_on", "on"))
    return shaped(
        rows, "detractor", "answers", x=100 * nw.col("x"), is_raised=nw.col("against_n") > 0, raised_on="told_on", row_id=_answer("told"),
        times="against_n", figure="least",
    )  # fmt: skip


def _answer(newest: str) -> nw.Expr:
    """The id in a text of `latest`."""
    return nw.col(newest).str.slice(SECONDS)


SIGNALS = (Signal("low_scores", low_scores, ("answers",)), Signal("detractor", detractor, ("answers",)))
