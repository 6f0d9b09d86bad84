"""How customers score us by where they stood when they answered: not yet ours, new, established, about to renew, gone."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw

from metrics.metric import Metric
from metrics.query import Frame, Query, QuestionError, Tables
from metrics.result import STANDARD, Answer
from metrics.yardstick import YARDSTICKS, Yardstick

STAGE = "journey_stage"
STAGES = ("prospect", "onboarding", "established", "renewal", "left")  # in the order in which customers pass them
ONBOARDING_DAYS, RENEWAL_DAYS = 90, 90  # [metrics.journey] onboarding_days, renewal_days


def stage_scores(tables: Tables, query: Query) -> Answer:
    """The recommendation score, or a mean, by the stage of the journey in which the customer was on the day of the answer.

    Reads scores, accounts, subscriptions, purchases. Options: measure ("nps", default, or "mean"), dimension, question, wave, scale ("1-5"),
    survey_weights. A customer has joined with its signing, first agreement or first purchase, whichever came first; then it is
        prospect      not yet joined                    onboarding    joined less than 90 days ago
        renewal       an agreement ends, or is to be renewed, within 90 days       established   none of these
        left          lost on or before the day
    The first of left, prospect, onboarding, renewal that holds counts. Answers of nobody known are left out.

    Returns one row per period, group and `journey_stage`, with the columns of `nps` or `satisfaction`. Raises QuestionError for another measure.
    """
    yard, asked = _yardstick(query), replace(query, by=tuple(dict.fromkeys((*query.by, STAGE))), options=_options(query))
    found = yard.whole(_staged(tables, query), asked)
    keys = [name for name in ("period", *asked.by) if name in found.rows]
    return replace(found, rows=found.rows[[*keys, *STANDARD]])


def _yardstick(query: Query) -> Yardstick:
    measure = query.options.get("measure") or "nps"
    if measure not in ("nps", "mean"):
        raise QuestionError(f"no measure {measure!r}; there are nps, mean")
    return YARDSTICKS[measure]


def _options(query: Query) -> dict:
    return {"scale": None, **query.options, "weighting": "respondent"}


def _staged(tables: Tables, query: Query) -> dict[str, Frame]:
    """The tables, with the answers of known customers and their stage."""
    onboarding, renewal = (query.setting("journey", f"{name}_days", days) for name, days in (("onboarding", ONBOARDING_DAYS), ("renewal", RENEWAL_DAYS)))
    at, joined = nw.col("answered_on_d"), nw.col("joined_d")
    rows = tables["scores"].join(_dates(tables), on="customer_id", how="inner").join(_due(tables, renewal), on="answer_id", how="left")
    stage = (
        nw.when((nw.col("left_d") <= at).fill_null(False)).then(nw.lit("left"))
        .when(joined.is_null() | (joined > at)).then(nw.lit("prospect"))
        .when(at - joined < onboarding).then(nw.lit("onboarding"))
        .when(nw.col("is_due") == 1).then(nw.lit("renewal"))
        .otherwise(nw.lit("established"))
    )  # fmt: skip
    return {**{name: tables[name] for name in READS}, "scores": rows.with_columns(**{STAGE: stage}).drop("joined_d", "left_d", "is_due")}


def _dates(tables: Tables) -> Frame:
    """When each customer joined, and left: customer_id, joined_d, left_d; day numbers, null where it did not."""
    started = tables["subscriptions"].group_by("customer_id").agg(started_d=nw.col("starts_on_d").min())
    bought = tables["purchases"].group_by("customer_id").agg(bought_d=nw.col("purchased_on_d").min())
    rows = tables["accounts"].select("customer_id", "signed_on_d", left_d="lost_on_d")
    rows = rows.join(started, on="customer_id", how="left").join(bought, on="customer_id", how="left")
    return rows.select("customer_id", "left_d", joined_d=nw.min_horizontal("signed_on_d", "started_d", "bought_d"))


def _due(tables: Tables, days: int) -> Frame:
    """The answers that were given while an agreement of the customer was about to end: answer_id, is_due."""
    held = tables["subscriptions"].select("customer_id", "starts_on_d", ends_d=nw.coalesce("renewal_on_d", "ends_on_d")).filter(~nw.col("ends_d").is_null())
    given = tables["scores"].select("answer_id", "customer_id", at="answered_on_d").join(held, on="customer_id", how="inner")
    at = nw.col("at")
    running = given.filter(nw.col("starts_on_d") <= at, at < nw.col("ends_d"), nw.col("ends_d") - at <= days)
    return running.select("answer_id").unique().with_columns(is_due=nw.lit(1))


def behind(tables: Tables, query: Query) -> Frame:
    """The answers behind, each with its stage; none where the score is hidden."""
    return _yardstick(query).behind(_staged(tables, query), replace(query, options=_options(query)))


READS = ("scores", "accounts", "subscriptions", "purchases")
METRICS = (
    Metric(
        "stage_scores", stage_scores, "How customers score by where they stood when they answered: prospect, onboarding, established, about to renew, left.",
        "nps, or the mean, of the answers of each stage", "score", READS, behind, "higher",
        {"measure": "nps", "dimension": None, "question": None, "wave": None, "scale": None, "survey_weights": True}, "as nps and satisfaction",
    ),
)  # fmt: skip
