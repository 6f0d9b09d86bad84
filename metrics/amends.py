"""From a detractor to a follow-up: is somebody who would not recommend us called back in the time we promise?

[metrics.detractor_follow_up]
within_hours = 48              # calendar hours from the answer to our first contact
"""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import pandas as pd

from metrics import nps
from metrics.funnel import count
from metrics.hiding import keys_of
from metrics.metric import Metric
from metrics.outreach import outreach
from metrics.period import day_number
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, grouped
from metrics.result import Answer, answer, growing
from metrics.stats import share_se, wilson
from metrics.stays import now_s

HOURS, HOUR = 48, 3_600  # usual; seconds
EXTRA = ("young", "waiting", "unnamed")
IS_DETRACTOR = nw.col("band") == "detractor"


def detractor_follow_up(tables: Tables, query: Query) -> Answer:
    """Share of the detractors' answers of the period after which we contacted their customer within `within_hours` calendar hours.

    scores: the valid answers of 0 to 6 to the NPS question. interactions: a contact after the answer that came from us
    (direction out, or none where a source keeps none); one that the customer began is no follow-up. Exactly at the limit is in time.
    An answer given less than `within_hours` before the first day that is not loaded is in neither number, also where somebody
    was called; nor is one from before the first interaction on record, or one that names no customer.
    Option within_hours; 0 (default) takes [metrics.detractor_follow_up] within_hours, else 48.

    Returns value, n = denominator = answers whose time is over, numerator = those followed up in time; low, high Wilson; extra:
    young = answers whose time is not over, waiting = answers of n after which nobody was contacted at all, unnamed = detractors
    whose customer is not known. Suppressed where the score of all answers is: a band is a part of it. No interaction on record: no_data.
    Read it so: 0.75 of 40, waiting 4, young 3: 30 were called within two days, 6 later, 4 not yet.
    """
    frame, keys = grouped(
        _judged(tables, nps.asked_about(tables, nps.with_wave(query)).filter(nps.is_valid(), IS_DETRACTOR), query), "answered_on", tables, query
    )
    is_due = nw.col("is_due")
    counts = {
        "n": count(is_due), "numerator": count(is_due & nw.col("in_time")), "young": count(nw.col("is_young")),
        "waiting": count(is_due & nw.col("contact_s").is_null()), "unnamed": count(nw.col("customer_id").is_null()),
    }  # fmt: skip
    rows = aggregate(frame, keys, **counts)
    rows["n"] = rows["n"].fillna(0)
    rows["denominator"] = rows["n"]
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["n"])
    rows["se"] = share_se(rows["numerator"], rows["n"])
    found = answer(rows, query, extra=EXTRA, notes={"within_hours": _hours(query)})
    found = growing(found, found.rows["young"].fillna(0) > 0)
    return replace(found, rows=_hidden(found.rows, _whole(tables, query)))


def _whole(tables: Tables, query: Query) -> pd.DataFrame:
    """The score of all answers, along the same keys."""
    return nps.nps(tables, replace(nps.of_all_bands(query), options={**nps.OPTIONS, **_own(query)})).rows


def _own(query: Query) -> dict:
    return {name: value for name, value in query.options.items() if name in nps.OPTIONS}


def _hidden(rows: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """The rows without the figures of groups whose score is hidden."""
    keys = keys_of(rows)
    states = whole[[*keys, "state"]].rename(columns={"state": "of_all"})
    joined = rows.merge(states, on=keys, how="left") if keys else rows.assign(of_all=states["of_all"].iloc[0])
    is_hidden = joined.pop("of_all").eq("suppressed")
    figures = [name for name in joined.columns[len(keys) :] if name not in ("state", "complete")]
    joined[figures] = joined[figures].mask(is_hidden)
    return joined.assign(state=joined["state"].mask(is_hidden, "suppressed"))


def _hours(query: Query) -> int:
    """The time we promise. Raises QuestionError for what is no length."""
    given = query.options.get("within_hours") or query.setting("detractor_follow_up", "within_hours", HOURS)
    if type(given) is not int or given < 1:
        raise QuestionError(f"within_hours is a whole number from 1 on (0 as an option: as in [metrics.detractor_follow_up], else {HOURS}), not {given!r}")
    return given


def _judged(tables: Tables, answers: Frame, query: Query) -> Frame:
    """Detractors' answers with contact_s (our first contact after them; null: none yet), is_due, in_time and is_young."""
    limit = _hours(query) * HOUR
    ours = outreach(tables).filter(nw.col("happened_at_s") < now_s(query))
    after = answers.select("answer_id", "customer_id", "answered_at_s").join(ours.select("customer_id", "happened_at_s"), on="customer_id", how="inner")
    first = after.filter(nw.col("happened_at_s") > nw.col("answered_at_s")).group_by("answer_id").agg(contact_s=nw.col("happened_at_s").min())
    is_counted = ~nw.col("customer_id").is_null() & (nw.col("answered_on_d") >= _first_d(tables))
    is_over = nw.col("answered_at_s") <= now_s(query) - limit
    in_time = (nw.col("contact_s") - nw.col("answered_at_s") <= limit).fill_null(False)
    return answers.join(first, on="answer_id", how="left").with_columns(is_due=is_counted & is_over, in_time=in_time, is_young=is_counted & ~is_over)


def _first_d(tables: Tables) -> int:
    """The number of the day of the first interaction on record; beyond all days where there is none."""
    known = aggregate(tables["coverage"].filter(nw.col("table") == "interactions"), [], first_d=nw.col("first_on_d").min())["first_d"][0]
    return day_number(pd.Timestamp.max.date()) if pd.isna(known) else int(known)


def followed(tables: Tables, query: Query) -> Frame:
    """The detractors behind the share, those nobody contacted in time first, with the hours it took."""
    answers = nps.behind(tables, replace(query, by=(), grain=None, options=_own(query))).filter(IS_DETRACTOR)
    due = _judged(tables, answers, query).filter(nw.col("is_due"))
    rows = due.with_columns(contact_hours=(nw.col("contact_s") - nw.col("answered_at_s")) / HOUR)
    return rows.drop("is_due", "is_young", "contact_s").sort("in_time", "answered_on", "answer_id")


METRICS = (
    Metric(
        "detractor_follow_up", detractor_follow_up,
        definition="Share of detractors' answers (0-6) after which we contacted their customer within 48 hours (or as set); younger answers are not counted.",
        formula="detractors' answers with a contact from us at most N hours later / detractors' answers at least N hours old",
        unit="share", reads=("scores", "interactions", "coverage"), behind=followed, better="higher",
        options={"within_hours": 0, "dimension": None, "question": None, "wave": None}, source="Wilson 1927 (limits)",
    ),
)  # fmt: skip
