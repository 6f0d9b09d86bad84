"""Tickets: are customers answered and helped in the time we promise, and what is still open?

[metrics.tickets]
within_hours = 24              # calendar hours from the opening to the first answer
within_days = 7                # days of 24 hours from the opening to the solution

Nothing here reads an amount, a contact or an owner: the page made of it is shown to partners.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import narwhals as nw
import pandas as pd

from metrics.funnel import count
from metrics.metric import Metric
from metrics.period import day_number
from metrics.pipeline import counted, stock_day
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, grouped, named, segmented
from metrics.result import Answer, answer, growing
from metrics.stats import share_se, wilson
from metrics.stays import now_s
from metrics.windows import exploded

HOUR, DAY = 3_600, 86_400  # seconds
CAME_BACK = nw.col("reopened_count").fill_null(0) > 0
ANSWERED_S = nw.coalesce("first_response_at_s", "solved_at_s")  # who was helped has been answered
HELD_S = nw.when(~CAME_BACK).then(nw.col("solved_at_s"))  # when the solution came that held
COLUMNS = ("ticket_id", "customer_id", "customer", "kind", "priority", "channel", "opened_on", "answered_hours", "solved_days", "reopened_count", "state")


@dataclass(frozen=True)
class Promise:
    """A time we promise. option: its name there and in [metrics.tickets]; usual: its length, each unit_s seconds long.

    kept_s: the instant that keeps it. recorded: the column without which nothing can be said of it.
    """

    option: str
    usual: int
    unit_s: int
    kept_s: nw.Expr
    recorded: str

    def length(self, query: Query) -> int:
        """In hours or days. Raises QuestionError for what is no length."""
        given = query.options.get(self.option) or query.setting("tickets", self.option, self.usual)
        if type(given) is not int or given < 1:
            raise QuestionError(f"{self.option} is a whole number from 1 on (0 as an option: as in [metrics.tickets], else {self.usual}), not {given!r}")
        return given

    def is_due(self, query: Query) -> nw.Expr:
        """Whether the time of a ticket was over when the data were loaded."""
        return nw.col("opened_at_s") <= now_s(query) - self.length(query) * self.unit_s

    def is_kept(self, query: Query) -> nw.Expr:
        """Exactly at the limit is in time."""
        return (self.kept_s - nw.col("opened_at_s") <= self.length(query) * self.unit_s).fill_null(False)


ANSWER = Promise("within_hours", 24, HOUR, ANSWERED_S, "first_response_at_s")
SOLUTION = Promise("within_days", 7, DAY, HELD_S, "solved_at_s")


def tickets_answered(tables: Tables, query: Query) -> Answer:
    """Share of the tickets opened in the period that were answered within `within_hours` calendar hours.

    tickets: one row per ticket; reads opened_at, first_response_at, solved_at. A ticket that was solved without a first
    response on record was answered when it was solved. Whoever opened a ticket less than `within_hours` before the first
    day that is not loaded may still be answered in time: such a ticket is in neither number, also where it was answered.
    Option within_hours; 0 (default) takes [metrics.tickets] within_hours, else 24. Exactly at the limit is in time.

    Returns value, n = denominator = tickets whose time is over, numerator = those answered in time; low, high Wilson; extra:
    young = tickets left out because their time is not over, waiting = tickets of n without any answer, reopened = of n. What
    has young ones is not `complete`: its base still grows.
    No ticket, or not one with a first response on record (the source does not keep them): no_data, never 0.
    Notes: within_hours.
    Read it so: 0.91 of 200, waiting 4, young 6: 182 were answered within a day, 14 later, 4 not yet; 6 are younger than a day.
    """
    return _kept(tables, query, ANSWER, waiting=ANSWERED_S.is_null())


def tickets_solved(tables: Tables, query: Query) -> Answer:
    """Share of the tickets opened in the period that were solved within `within_days` days of 24 hours, for good.

    tickets: reads opened_at, solved_at, reopened_count. A reopened ticket counts as not closed: its first solution did not
    hold, and no source says when the customer came back, so it never counts as solved in time, however early its solved_at.
    Whether it is open today is another question, which its solved_at answers (see `open_tickets`).
    Option within_days; 0 (default) takes [metrics.tickets] within_days, else 7. Exactly at the limit is in time.

    Returns value, n = denominator = tickets whose time is over, numerator = those solved in time and never reopened; low,
    high Wilson; extra: young as for `tickets_answered`, waiting = tickets of n without a solution today, reopened = tickets
    of n that came back. No ticket, or not one with a solution on record: no_data, never 0. Notes: within_days.
    Read it so: 0.75 of 200, waiting 10, reopened 12: 150 were solved within a week and stayed so.
    """
    return _kept(tables, query, SOLUTION, waiting=nw.col("solved_at_s").is_null())


def _kept(tables: Tables, query: Query, promise: Promise, waiting: nw.Expr) -> Answer:
    """For how many a promise was kept, of the tickets of the period whose time is over."""
    frame, keys = grouped(tables["tickets"], "opened_on", tables, query)
    is_due = promise.is_due(query)
    rows = aggregate(
        frame, keys, n=count(is_due), numerator=count(is_due & promise.is_kept(query)), young=count(~is_due),
        waiting=count(is_due & waiting), reopened=count(is_due & CAME_BACK),
    )  # fmt: skip
    rows["n"] = rows["n"].fillna(0)
    rows["denominator"] = rows["n"]
    if not _is_recorded(tables, promise):
        rows["numerator"] = float("nan")
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["n"])
    rows["se"] = share_se(rows["numerator"], rows["n"])
    found = answer(rows, query, extra=("young", "waiting", "reopened"), notes={promise.option: promise.length(query)})
    return growing(found, found.rows["young"].fillna(0) > 0)


def _is_recorded(tables: Tables, promise: Promise) -> bool:
    """Whether any ticket at all says when the promise was kept: a source that never does cannot show that we are late."""
    known = tables["tickets"].filter(~nw.col(promise.recorded).is_null()).head(1)
    return aggregate(known, [], n=nw.len())["n"][0] > 0


def answered(tables: Tables, query: Query) -> Frame:
    """The tickets behind the share answered in time, the late ones first."""
    return _judged(tables, query, ANSWER)


def solved(tables: Tables, query: Query) -> Frame:
    """The tickets behind the share solved in time, the late ones first."""
    return _judged(tables, query, SOLUTION)


def _judged(tables: Tables, query: Query, promise: Promise) -> Frame:
    frame, _ = grouped(tables["tickets"], "opened_on", tables, replace(query, by=(), grain=None))
    due = frame.filter(promise.is_due(query)).with_columns(in_time=promise.is_kept(query))
    return _told(due, tables, "in_time").sort("in_time", "opened_on", "ticket_id")


def _told(tickets: Frame, tables: Tables, *more: str) -> Frame:
    """Tickets for people: answered_hours, solved_days (null: not yet), and how each stands today: open, reopened (and solved again) or solved."""
    opened = nw.col("opened_at_s")
    state = nw.when(nw.col("solved_at_s").is_null()).then(nw.lit("open")).when(CAME_BACK).then(nw.lit("reopened")).otherwise(nw.lit("solved"))
    lengths = {"answered_hours": (ANSWERED_S - opened) / HOUR, "solved_days": (nw.col("solved_at_s") - opened) / DAY}
    return named(tickets.with_columns(state=state, **lengths), tables).select(*COLUMNS, *more)


def open_tickets(tables: Tables, query: Query) -> Answer:
    """How many tickets are open at the end of the period, whenever they were opened; as a series, at the end of each step.

    tickets: reads opened_on, solved_on. A ticket is open until its solved_at, which is its last solution: a reopened
    ticket whose source empties solved_at is open again. While the period runs, the end is the last day that is loaded.
    coverage: before the first ticket on record there is no_data; after it, nothing open is 0.
    Returns value = n = open tickets; extra: oldest_days and median_days, their ages in whole days on the last day (0: opened
    on it). se is 0 (is_counted): a stock.
    Read it so: 12, oldest_days 58, median_days 3: half of the 12 are open for three days or less, one for 58.
    """
    ends = _ends(query)
    rows = aggregate(
        _open(tables, query, list(ends)), ["end_d", *query.by], n=nw.len(), oldest_days=nw.col("age_days").max(), median_days=nw.col("age_days").median()
    )
    rows = counted(_with_zeros(rows, ends, query, _first_d(tables)))
    return answer(rows, query, extra=("oldest_days", "median_days", "is_counted"))


def _ends(query: Query) -> dict[int, int]:
    """The number of the day before which each stock is taken → its step of the series; the steps that have begun."""
    end = stock_day(query)
    if query.grain is None:
        return {day_number(end): 0}
    steps = enumerate(query.period.buckets(query.grain), query.period.bucket_number(query.period.start, query.grain))
    return {day_number(min(step.end, end)): number for number, step in steps if step.start < end} or {day_number(end): -1}


def _open(tables: Tables, query: Query, ends: list[int]) -> Frame:
    """Each ticket once per end (`end_d`) at which it is open, with age_days."""
    tickets = segmented(tables["tickets"], tables, query)
    tickets = tickets.filter(nw.col("opened_on_d") < max(ends), is_unsolved(nw.lit(min(ends))))
    rows = exploded(tickets, tables, ends, "end_d").filter(nw.col("opened_on_d") < nw.col("end_d"), is_unsolved(nw.col("end_d")))
    return rows.with_columns(age_days=nw.col("end_d") - 1 - nw.col("opened_on_d"))


def is_unsolved(end_d: nw.Expr) -> nw.Expr:
    return nw.col("solved_on_d").is_null() | (nw.col("solved_on_d") >= end_d)


def _first_d(tables: Tables) -> float:
    """The number of the day of the first ticket on record; infinite where there is none."""
    known = aggregate(tables["coverage"].filter(nw.col("table") == "tickets"), [], first_d=nw.col("first_on_d").min())["first_d"][0]
    return float("inf") if pd.isna(known) else float(known)


def _with_zeros(rows: pd.DataFrame, ends: dict[int, int], query: Query, first_d: float) -> pd.DataFrame:
    """Every group at every end, 0 where nothing is open; no value at an end before the first ticket."""
    by = list(query.by)
    groups = rows[by].drop_duplicates() if by else pd.DataFrame(index=[0])
    every = groups.merge(pd.DataFrame({"end_d": list(ends), "bucket": list(ends.values())}), how="cross")
    every = every.merge(rows, on=["end_d", *by], how="left")
    every["n"] = every["n"].fillna(0)
    return every.assign(value=every["n"].astype("float64").where(every["end_d"] > first_d))


def still_open(tables: Tables, query: Query) -> Frame:
    """The tickets open at the end of the period, the oldest first, each with its age_days on that day."""
    rows = _open(tables, replace(query, by=(), grain=None), list(_ends(replace(query, grain=None))))
    return _told(rows, tables, "age_days").sort("age_days", "ticket_id", descending=[True, False])


METRICS = (
    Metric(
        "tickets_answered", tickets_answered,
        definition="Share of the tickets opened in the period that were answered within 24 hours (or as set); tickets younger than that are not counted.",
        formula="tickets answered at most N hours after their opening / tickets opened at least N hours ago",
        unit="share", reads=("tickets",), behind=answered, better="higher", options={"within_hours": 0}, source="Wilson 1927 (limits)",
    ),
    Metric(
        "tickets_solved", tickets_solved,
        definition="Share of the tickets opened in the period that were solved within 7 days (or as set) and never reopened; younger tickets are not counted.",
        formula="tickets solved at most N days after their opening and never reopened / tickets opened at least N days ago",
        unit="share", reads=("tickets",), behind=solved, better="higher", options={"within_days": 0}, source="Wilson 1927 (limits)",
    ),
    Metric(
        "open_tickets", open_tickets, definition="Tickets that are open at the end of the period, whenever they were opened.",
        formula="tickets opened before the end and not solved before it", unit="count", reads=("tickets", "coverage"), behind=still_open, better="lower",
    ),
)  # fmt: skip
