"""Clocks of a customer's journey: what we promise to do within a time, whether we did, and what is waiting now.

[metrics.clocks.first_follow_up]   # one of CLOCKS; what is left out stays as it is
within_hours = 72                  # 0: this clock is not kept
time = "calendar"                  # or "business": hours of [metrics.clocks] (metrics.worktime)
[metrics.clocks.after_quote]
words = ["quote", "报价"]           # adviser_call: channels that are calls; after_quote: stages that are a quote
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.funnel import count
from metrics.metric import Metric
from metrics.outreach import outreach
from metrics.period import EPOCH
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, collect, grouped, kept, named, segmented
from metrics.result import Answer, answer, growing
from metrics.stats import share_se, wilson
from metrics.stays import now_s
from metrics.worktime import worktime

HOUR = 3_600  # seconds
CALLS = ("call", "phone", "电话", "通话")
QUOTES = ("quote", "quotation", "proposal", "offer", "报价")
EVENT = ("customer_id", "owner_id", "row_id", "from_s", "from_on", "from_on_d", "from_on_m", "done_s", "done_on_d", "limit_s")
EXTRA = ("pending", "waiting")
TODAY = 24  # hours: what fell due since then is today's
MOST_WAITING = 5_000  # of a list on screen


@dataclass(frozen=True)
class Clock:
    """What begins, what ends it, and how long that may take. begun(tables, clock) → EVENT, one row per beginning; done_s null: not yet.

    within_s: 0 where every row says itself by when (promises) or nothing is asked. table: where row_id is from.
    """

    name: str
    table: str
    begun: Callable[[Tables, Query, Clock], Frame]
    within_hours: float
    is_business: bool = False
    words: tuple[str, ...] = ()

    @property
    def within_s(self) -> int:
        return round(self.within_hours * HOUR)


def clocks(tables: Tables, query: Query) -> Answer:
    """Share of what began in the period that was done in time, of each clock.

    first_follow_up, adviser_call: from the signing to our first contact, our first call. improvement_plan: from the solution of a complaint
    to its plan. after_quote: from a deal's entry into the quote to our next contact. promise: a next action, by the day it was promised for.
    Ours are contacts that went out, or have no direction. Exactly at the limit is in time. What began before the first contact on record is
    not counted; what is not over yet is in neither number, also where it is done already.

    Returns one row per `clock`: value, n = denominator = those whose time is over, numerator = those in time; low, high Wilson; extra:
    pending = not over and not done, waiting = of n, not done to this day. A clock of which nothing began has no row.
    Notes: kept, over, share = of all clocks and steps together; limits = clock → hours, or null for promises; business = clocks in working time.
    Read it so: 0.8 of 50, waiting 4, pending 3: 40 were in time, 6 came late, 4 are overdue, 3 have time left.
    """
    begun = _of_each(query, lambda clock: _counted(tables, query, clock))
    frame, keys = grouped(begun, "from_on", tables, _without_clocks(query))
    keys = list(dict.fromkeys((*keys, "clock")))
    is_over, is_open = nw.col("is_over"), nw.col("is_open")
    counts = {"n": count(is_over), "numerator": count(is_over & nw.col("in_time")), "pending": count(~is_over & is_open), "waiting": count(is_over & is_open)}
    rows = aggregate(frame, keys, **counts)
    rows["denominator"] = rows["n"]
    rows["low"], rows["high"] = wilson(rows["numerator"], rows["n"])
    rows["se"] = share_se(rows["numerator"], rows["n"])
    known = kept_clocks(query).values()
    kept, whole = (float(rows[name].fillna(0).sum()) for name in ("numerator", "n"))
    notes = {
        "kept": kept,
        "over": whole,
        "share": kept / whole if whole else None,
        "limits": {c.name: c.within_hours or None for c in known},
        "business": [c.name for c in known if c.is_business],
    }
    found = answer(rows, query, keys=tuple(key for key in keys if key != "bucket"), extra=EXTRA, notes=notes)
    return growing(found, found.rows["pending"].fillna(0) > 0)


def behind_clocks(tables: Tables, query: Query) -> Frame:
    """What the share is made of, the longest overdue first; a filter on `clock` chooses among them."""
    plain = replace(_without_clocks(query), by=(), grain=None)
    frame, _ = grouped(judged(tables, query), "from_on", tables, plain)
    rows = frame.filter(nw.col("is_over")).with_columns(hours=nw.col("waited_s") / HOUR, limit_hours=nw.col("limit_s") / HOUR)
    rows = named(rows.select("clock", "customer_id", "row_id", "from_on", "hours", "limit_hours", "in_time"), tables)
    rows = rows.join(tables["accounts"].select("customer_id", "owner", "region"), on="customer_id", how="left")
    return rows.sort("in_time", "from_on", "clock", "row_id", descending=[False, True, False, False])


def waiting(tables: Tables, query: Query, most: int = MOST_WAITING) -> pd.DataFrame:
    """What is not done at the end of what has happened: what fell due within the last day, then what is due soonest, then what is overdue for longer.

    clock, customer_id, customer, owner, row_id, from_on, due_at (instant, UTC), left_hours (of calendar time; below 0: overdue).
    The question's filters hold, its period's beginning does not matter. At most `most` rows, those whose limit is nearest.
    """
    until = replace(query, by=(), grain=None)
    frame = segmented(judged(tables, until).filter(nw.col("done_s").is_null()), tables, _without_clocks(until))
    left = nw.col("limit_s") - nw.col("passed_s")
    rows = named(frame.select("clock", "customer_id", "row_id", "from_s", "from_on", "limit_s", left_s=left), tables)
    rows = rows.join(tables["accounts"].select("customer_id", "owner"), on="customer_id", how="left")
    rows = rows.with_columns(away=nw.col("left_s").abs()).sort("away", "clock", "row_id").drop("away")
    return _dated(collect(rows.head(most)), query)


def standing(rows: pd.DataFrame, soon: float) -> dict[str, int]:
    """How many of `waiting` fell due within the last day (late), are due within so many hours (soon), and are overdue for longer (older)."""
    left = rows["left_hours"]
    return {
        "late": int(left.between(-TODAY, 0).sum()), "soon": int(left.between(0, soon, inclusive="right").sum()), "older": int((left < -TODAY).sum())
    }  # fmt: skip


def _dated(rows: pd.DataFrame, query: Query) -> pd.DataFrame:
    """The rows with the instant at which each is due."""
    due = rows["from_s"] + rows["limit_s"]
    business = rows["clock"].isin([clock.name for clock in kept_clocks(query).values() if clock.is_business])
    if business.any():
        hours = worktime(query, min(rows.loc[business, "from_on"]) - dt.timedelta(days=1))
        within = {clock.name: clock.within_s for clock in kept_clocks(query).values()}
        for name, part in rows[business].groupby("clock"):
            due.loc[part.index] = hours.due(part["from_s"].to_numpy("int64"), within[name])
    left = (due - now_s(query)) / HOUR
    told = rows.drop(columns=["from_s", "limit_s", "left_s"]).assign(due_at=pd.to_datetime(due, unit="s", utc=True), left_hours=left)
    place = np.select([told["left_hours"].between(-TODAY, 0), told["left_hours"] > 0], [0, 1], 2)
    ordered = told.assign(place=place, away=told["left_hours"].abs()).sort_values(["place", "away", "clock", "row_id"], ignore_index=True)
    return ordered.drop(columns=["place", "away"])


def _without_clocks(query: Query) -> Query:
    return replace(query, where=tuple(pair for pair in query.where if pair[0] != "clock"), by=tuple(column for column in query.by if column != "clock"))


def _of_each(query: Query, rows_of: Callable[[Clock], Frame]) -> Frame:
    """The rows of the clocks asked for with `clock`, their name: of those that a filter on it accepts, of all without one."""
    asked = next((set(values) for column, values in query.where if column == "clock"), set(CLOCKS))
    known = kept_clocks(query)
    chosen = [clock for name, clock in known.items() if name in asked] or [known["promise"]]
    frame = nw.concat([rows_of(clock).with_columns(clock=nw.lit(clock.name)) for clock in chosen])
    return frame.filter(nw.col("clock").is_in(sorted(asked))) if set(known) - asked else frame


def _counted(tables: Tables, query: Query, clock: Clock) -> Frame:
    """What shares are counted of: `_judged` with is_open (not done), without instants, whatever the question's period. Computed once for these tables."""
    about = clock.within_s, clock.is_business, clock.words, now_s(query), query.settings.get("calendar"), query.settings.get("metrics", {}).get("clocks")
    columns = ("customer_id", "owner_id", "from_on", "from_on_d", "from_on_m", "is_over", "in_time")
    return kept(tables, f"clock_{clock.name}", about, lambda: _judged(tables, query, clock).select(*columns, is_open=nw.col("done_s").is_null()))


def judged(tables: Tables, query: Query) -> Frame:
    """Every beginning of the clocks asked for: EVENT, clock, waited_s, passed_s (in the clock's own time), is_over, in_time."""
    return _of_each(query, lambda clock: _judged(tables, query, clock))


def _judged(tables: Tables, query: Query, clock: Clock) -> Frame:
    known = tables["coverage"].filter(nw.col("table") == "interactions").select(known_d="first_on_d")
    events = clock.begun(tables, query, clock).select(*EVENT).join(known, how="cross").filter(nw.col("from_on_d") >= nw.col("known_d")).drop("known_d")
    events = events.filter(nw.col("from_s") < now_s(query))
    events = events.with_columns(done_s=nw.when(nw.col("done_s") < now_s(query)).then(nw.col("done_s")))  # what comes later is not known yet
    timed = _in_working_time(events, tables, query) if clock.is_business else events.with_columns(
        waited_s=nw.col("done_s") - nw.col("from_s"), passed_s=now_s(query) - nw.col("from_s")
    )  # fmt: skip
    timed = timed.with_columns(**{name: nw.col(name).cast(nw.Int64) for name in ("waited_s", "passed_s", "limit_s")})
    told = timed.with_columns(is_over=nw.col("passed_s") >= nw.col("limit_s"), in_time=(nw.col("waited_s") <= nw.col("limit_s")).fill_null(False))
    return told.select(*EVENT, "waited_s", "passed_s", "is_over", "in_time")


def _in_working_time(events: Frame, tables: Tables, query: Query) -> Frame:
    reach = aggregate(events, [], first=nw.col("from_on_d").min())["first"][0]
    first = query.period.as_of if pd.isna(reach) else EPOCH + dt.timedelta(days=int(reach))
    hours = worktime(query, first)
    days = hours.frame(tables)
    rows = hours.counted(hours.counted(events, days, "from_s", "from_on_d", "began"), days, "done_s", "done_on_d", "ended")
    return rows.with_columns(waited_s=nw.col("ended") - nw.col("began"), passed_s=int(hours.worked(now_s(query))) - nw.col("began")).drop("began", "ended")


def _first_after(events: Frame, contacts: Frame, clock: Clock) -> Frame:
    """The beginnings with the first of these contacts after them."""
    met = events.select("row_id", "customer_id", "from_s").join(contacts.select("customer_id", "happened_at_s", "happened_on_d"), on="customer_id", how="inner")
    met = met.filter(nw.col("happened_at_s") >= nw.col("from_s"))
    first = met.group_by("row_id").agg(done_s=nw.col("happened_at_s").min(), done_on_d=nw.col("happened_on_d").min())
    return events.join(first, on="row_id", how="left").with_columns(limit_s=nw.lit(clock.within_s))


def _from(stem: str, at: str) -> dict[str, str]:
    return {"from_s": f"{at}_s", "from_on": f"{stem}_on", "from_on_d": f"{stem}_on_d", "from_on_m": f"{stem}_on_m"}


def _signed(tables: Tables) -> Frame:
    accounts = tables["accounts"].filter(~nw.col("signed_at").is_null())
    return accounts.select("customer_id", "owner_id", row_id=nw.col("customer_id"), **{k: nw.col(v) for k, v in _from("signed", "signed_at").items()})


def _follow_ups(tables: Tables, query: Query, clock: Clock) -> Frame:
    return _first_after(_signed(tables), outreach(tables), clock)


def _calls(tables: Tables, query: Query, clock: Clock) -> Frame:
    return _first_after(_signed(tables), outreach(tables).filter(_is_one_of("channel", clock.words)), clock)


def _is_one_of(column: str, words: tuple[str, ...]) -> nw.Expr:
    return nw.col(column).str.strip_chars().str.to_lowercase().is_in(list(words))


def _plans(tables: Tables, query: Query, clock: Clock) -> Frame:
    handled = tables["tickets"].filter(nw.col("kind") == "complaint", ~nw.col("solved_at").is_null())
    owners = tables["accounts"].select("customer_id", "owner_id")
    told = {**_from("solved", "solved_at"), "done_s": "plan_sent_at_s", "done_on_d": "plan_sent_on_d"}
    rows = handled.select("customer_id", row_id=nw.col("ticket_id"), limit_s=nw.lit(clock.within_s), **{k: nw.col(v) for k, v in told.items()})
    return rows.join(owners, on="customer_id", how="left")


def _quotes(tables: Tables, query: Query, clock: Clock) -> Frame:
    """A deal that was quoted twice begins twice."""
    entered = tables["deal_stages"].filter(_is_one_of("stage", clock.words), ~nw.col("entered_at").is_null())
    entered = entered.select("deal_id", **{k: nw.col(v) for k, v in _from("entered", "entered_at").items()})
    known = tables["deal_facts"].select("deal_id", "customer_id", "owner_id").filter(~nw.col("customer_id").is_null())
    rows = entered.join(known, on="deal_id", how="inner")
    return _first_after(rows.with_columns(row_id=nw.concat_str("deal_id", nw.col("from_s").cast(nw.String), separator="@")), outreach(tables), clock)


def _promises(tables: Tables, query: Query, clock: Clock) -> Frame:
    given = tables["interactions"].filter(~nw.col("next_due_at").is_null())
    told = {**_from("happened", "happened_at"), "done_s": "next_done_at_s", "done_on_d": "next_done_on_d"}
    within = nw.col("next_due_at_s") - nw.col("happened_at_s")
    return given.select("customer_id", "owner_id", row_id=nw.col("interaction_id"), limit_s=within, **{k: nw.col(v) for k, v in told.items()})


CLOCKS: Mapping[str, Clock] = {
    clock.name: clock
    for clock in (
        Clock("first_follow_up", "customers", _follow_ups, 72), Clock("adviser_call", "customers", _calls, 1, True, CALLS),
        Clock("improvement_plan", "tickets", _plans, 24), Clock("after_quote", "deals", _quotes, 72, words=QUOTES),
        Clock("promise", "interactions", _promises, 0),
    )
}  # fmt: skip
KEYS = ("within_hours", "time", "words")
OWN = ("hours", "weekdays", "holidays")  # of working time


def kept_clocks(query: Query) -> dict[str, Clock]:
    """The clocks as [metrics.clocks] sets them, without those that are not kept. Raises QuestionError with every fault."""
    found, faults = dict(CLOCKS), []
    for name, given in query.settings.get("metrics", {}).get("clocks", {}).items():
        if name in OWN:
            continue
        wrong = _faults(name, given)
        faults += wrong
        if not wrong:
            found[name] = _changed(found[name], given)
    if faults:
        raise QuestionError("; ".join(faults))
    return {name: clock for name, clock in found.items() if clock.within_hours > 0 or name == "promise"}


def _faults(name: str, given) -> list[str]:
    where = f"[metrics.clocks.{name}]"
    if name not in CLOCKS:
        return [f"{where}: there is no clock {name!r}; there are {', '.join(CLOCKS)}, and {', '.join(OWN)} beside them"]
    if not isinstance(given, Mapping):
        return [f"[metrics.clocks] {name} = {given!r}: a clock is a table of its own, {where} with {', '.join(KEYS)}"]
    hours, words = given.get("within_hours", 1), given.get("words", ["x"])
    checks = {
        f"{where} has no key {', '.join(map(repr, sorted(set(given) - set(KEYS))))}; there are {', '.join(KEYS)}": bool(set(given) - set(KEYS)),
        f"{where} within_hours is a number of hours (0: the clock is not kept), not {hours!r}": type(hours) not in (int, float) or not 0 <= hours < 100_000,
        f'{where} time is "calendar" or "business", not {given.get("time")!r}': given.get("time", "calendar") not in ("calendar", "business"),
        f"{where} words is a list of names, at least one, not {words!r}": not (words and isinstance(words, list) and all(isinstance(w, str) for w in words)),
        f"{where}: every promise says itself by when; it takes neither within_hours nor time": name == "promise" and bool(given),
    }
    return [text for text, is_wrong in checks.items() if is_wrong]


def _changed(clock: Clock, given: Mapping) -> Clock:
    told = {"within_hours": given.get("within_hours", clock.within_hours), "words": tuple(w.strip().lower() for w in given.get("words", clock.words))}
    return replace(clock, is_business=given.get("time", "business" if clock.is_business else "calendar") == "business", **told)


METRICS = (
    Metric(
        "clocks", clocks,
        definition="Share of what we promise to do within a time that was done in time: follow-up, call, plan, contact after a quote, next action.",
        formula="beginnings whose end came within the limit / beginnings whose limit is over",
        unit="share", reads=("accounts", "interactions", "tickets", "deal_stages", "deal_facts", "coverage"), behind=behind_clocks, better="higher",
        source="Wilson 1927 (limits)",
    ),
)  # fmt: skip
