"""Answers for pages: from one snapshot, for one reader, computed once. Nothing here is arithmetic; metrics do that.

Every cached value has one key: a digest over snapshot, scope, metric and question. Text from people or sources is only
ever hashed into it, never an argument beside it. The reader is looked up at every call, because a fragment runs long
after its page was admitted.
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import json
import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import narwhals as nw
import pandas as pd

import warehouse
from access.guard import NotAdmitted, admitted_now
from access.kept import Kept
from access.scope import Scope
from metrics import CATALOGUE, decomposition, lists
from metrics.additive import Memory, remembering
from metrics.change import Change, changed, headline, questions
from metrics.metric import Metric, ask
from metrics.period import Calendar
from metrics.query import Query, QuestionError, collect, watched
from metrics.result import Answer
from metrics.shelf import shelved
from ui.view import View
from warehouse import store

# Answers are kept as they are, not pickled: reading a frame back costs more than most pages. Every reader gets a copy that shares
# the values until somebody writes to it (pandas copies on write), so what is kept never changes.
MOST_ANSWERS = 4000
MOST_ROWS = 5000  # of a list on screen; its files hold all
Value = TypeVar("Value")
_thread = threading.local()  # what this thread has open: tables belong to one thread


@dataclass(frozen=True)
class Computed:
    """An answer and the queries that gave it. key: of the question, for whoever may ask it. made: what has been made of the answer."""

    answer: Answer
    sql: tuple[str, ...]
    key: str
    made: dict = field(default_factory=dict, compare=False, repr=False)

    def once(self, name: Hashable, make: Callable[[], Value]) -> Value:
        """What `make()` gives, made at the first call of this name."""
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]


@dataclass(frozen=True)
class Behind:
    """Rows behind a number. total: how many there are; rows holds at most the number asked for."""

    rows: pd.DataFrame
    total: int


directory = warehouse.directory


def newest() -> store.Snapshot:
    """The newest published snapshot. Raises NoSnapshot when there is none yet, StoreError when it cannot be read."""
    return _newest.get(directory(), None, lambda: store.latest(directory()))


_newest = Kept()


def tables(snapshot: str):
    """The tables of a snapshot as the present reader may see them; for the calling thread only, which opens them once."""
    scope = admitted_now().scope
    key = (_place(str(directory())), snapshot, scope.digest)
    if getattr(_thread, "key", None) != key:
        _thread.tables, _thread.key = warehouse.open(directory(), snapshot, scope), key
    return _thread.tables


def metric(name: str) -> Metric:
    """A metric of the catalogue. Raises QuestionError naming those there are."""
    if name not in CATALOGUE:
        raise QuestionError(f"no metric {name!r}; there are {', '.join(CATALOGUE) or 'none'}")
    return CATALOGUE[name]


def derived(view: View, name: str, make: Callable[[pd.DataFrame], Value], *, grain=None, by=(), where=None, **options) -> Value:
    """What `make` makes of the rows of an answer, made once for all reruns: everybody gets the same, so nobody may write to it.

    make: a function of a module of `ui`, `charts` or `metrics`; it is the name under which the result is kept, and one that is defined anew
    at each run (in a page, or on the spot) would be kept each time.
    """
    found = _found(view, name, view.query(grain=grain, by=by, where=where, **options))
    return found.once(make, lambda: make(found.answer.rows))


def once(view: View, part: object, make: Callable[[], Value]) -> Value:
    """What `make()` gives for this view, its reader and language, made once; nobody may write to it. part: what it is, and on what else it depends."""
    parts = (_place(str(directory())), admitted_now().scope.digest, view.digest, repr(part))
    return _once(hashlib.sha256("\0".join(parts).encode()).hexdigest(), make)


@shelved(1000)
def _once(key: str, make: Callable[[], Value]) -> Value:
    return make()


def told(make: Callable[..., Value]) -> Callable[..., Value]:
    """What a part of a page shows, made of a view and plain values alone and made once; nobody may write to what comes back.

    make(view, *values): words, rows in order, figures. It reads answers, never the session, the app's own records or the clock: a rerun
    does not call it again. It may not refer to variables of a function around it.
    """
    part = (make.__code__.co_filename, make.__qualname__, hash(make.__code__))  # pages are all called __main__

    @functools.wraps(make)
    def get(view: View, *values) -> Value:
        return once(view, (*part, *values), lambda: make(view, *values))

    return get


def answer(view: View, name: str, *, grain=None, by=(), where=None, **options) -> Answer:
    """A metric under the page's filters; see View.query for the arguments.

    Raises QuestionError when it cannot be asked so.
    """
    return computed(view, name, view.query(grain=grain, by=by, where=where, **options)).answer


def standing(view: View, *, where=None, **options) -> Query:
    """The question of a card: one number over what has happened of the view's period. Its list and its papers ask the same."""
    return questions(view.query(where=where, **options), view.against)[0]


def compare(view: View, name: str, *, where=None, **options) -> Change:
    """The metric over the view's period beside the comparison the reader has chosen."""
    now, before = (_found(view, name, query) for query in questions(view.query(where=where, **options), view.against))
    return now.once(("beside", before.key), lambda: changed(headline(now.answer), headline(before.answer)))


def explain(view: View, name: str) -> list[dict]:
    """Why a metric changed, as facts to put into words; see metrics.decomposition.explain. Empty without a clear change."""
    if compare(view, name).verdict != "changed":
        return []
    key = digest(view.snapshot, admitted_now().scope, metric(name), view.query(), part=f"why {view.against}")
    return _explained(key, name, view.snapshot, view.query(), view.against)


def computed(view: View, name: str, query: Query) -> Computed:
    """The answer to any question, with the queries that gave it."""
    found = _found(view, name, query)
    return replace(found, answer=replace(found.answer, rows=found.answer.rows.copy(deep=False)))


def _found(view: View, name: str, query: Query) -> Computed:
    """The answer as it is kept, the same one for everybody."""
    asked = metric(name)
    return _computed(digest(view.snapshot, admitted_now().scope, asked, query), asked, view.snapshot, query)


def rows_behind(view: View, name: str, *, where=None, limit: int | None = MOST_ROWS, **options) -> Behind:
    """The rows behind a number, under the same filters; `total` equals the number's n. limit: None for all of them.

    Raises QuestionError for a metric that names no rows.
    """
    return listed(view, name, view.query(where=where, **options), limit)


def rows_of(view: View, name: str, customer: str, *, where=None, **options) -> pd.DataFrame:
    """Of the rows behind a number those of one customer, as far as the list names them: one could search the list for them, too."""
    asked, query = metric(name), view.query(where=where, **options)
    key = digest(view.snapshot, admitted_now().scope, asked, query, part=f"rows of {customer}")
    return _behind(key, asked, view.snapshot, query, MOST_ROWS, customer).rows.copy(deep=False)


def listed(view: View, name: str, query: Query, limit: int | None = MOST_ROWS) -> Behind:
    """The rows behind the answer to any question, with the customers' names. limit: None for all of them, which are not kept."""
    asked = metric(name)
    if asked.behind is None:
        raise QuestionError(f"{name} does not name the rows behind it")
    if limit is None:
        rows = collect(lists.in_order(asked, lists.rows(asked, tables(view.snapshot), query)))
        return Behind(rows, len(rows))
    key = digest(view.snapshot, admitted_now().scope, asked, query, part=f"rows {limit}")
    found = _behind(key, asked, view.snapshot, query, limit)
    return replace(found, rows=found.rows.copy(deep=False))


@shelved(MOST_ANSWERS)
def _computed(key: str, asked: Metric, snapshot: str, query: Query) -> Computed:
    with remembering(_memory(snapshot)), watched(warehouse.sql) as sql:
        found = ask(asked, tables(snapshot), query)
    return Computed(found, tuple(sql), key)


@shelved(1000)
def _explained(key: str, name: str, snapshot: str, query: Query, against: str) -> list[dict]:
    with remembering(_memory(snapshot)):
        return decomposition.explain(tables(snapshot), query, name, against=against)


@shelved(20)
def _remembered(key: str) -> Memory:
    return Memory(warehouse.sql)


def _memory(snapshot: str) -> Memory:
    """The sums already added up for readers of this scope."""
    return _remembered(digest(snapshot, admitted_now().scope, None, part="sums"))


@shelved(200)
def _behind(key: str, asked: Metric, snapshot: str, query: Query, limit: int, customer: str | None = None) -> Behind:
    frame = lists.rows(asked, tables(snapshot), query, customer)
    rows = collect(lists.in_order(asked, frame).head(limit))
    return Behind(rows, len(rows) if len(rows) < limit else int(collect(frame.select(n=nw.len()))["n"].iloc[0]))


def digest(snapshot: str, scope: Scope, asked: Metric | None, query: Query | None = None, part: str = "") -> str:
    """The one key of everything cached: a hash over canonical JSON."""
    parts = [_place(str(directory())), snapshot, scope.digest, asked and [asked.name, asked.digest], query and _plain(query), part]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


@cache
def _place(directory: str) -> str:
    """A directory by its whole name: looking it up costs more than the rest of a key."""
    return str(Path(directory).resolve())


def _plain(query: Query) -> list:
    period = query.period
    days = [period.start, period.end, period.as_of, period.calendar.fiscal_year_start, period.calendar.week_start]
    return [days, query.grain, query.by, sorted(query.where), sorted(query.options.items()), query.settings]


@dataclass(frozen=True)
class Reach:
    """Which days there are facts for: the first, and the first that is not fully loaded."""

    first: dt.date
    as_of: dt.date


def reach(snapshot: str) -> Reach | None:
    """The days with facts in a snapshot; None when no table of facts has a row."""
    return _reach(digest(snapshot, admitted_now().scope, None, part="reach"), snapshot)


@shelved(50)
def _reach(key: str, snapshot: str) -> Reach | None:
    rows = collect(tables(snapshot)["coverage"])
    if rows.empty:
        return None
    return Reach(min(rows["first_on"]), max(rows["last_on"]) + dt.timedelta(days=1))


def accounts_in(snapshot: str, scope: Scope) -> int:
    """How many customers another reader's scope holds. Only for who may see them all. Raises NotAdmitted."""
    if not admitted_now().scope.is_full:
        raise NotAdmitted("what others may see is shown only to who may see everything")
    return _accounts_in(digest(snapshot, scope, None, part="accounts"), snapshot, scope)


@shelved(200)
def _accounts_in(key: str, snapshot: str, scope: Scope) -> int:
    return int(collect(warehouse.open(directory(), snapshot, scope)["accounts"].select(n=nw.len()))["n"].iloc[0])


def calendar(settings: Mapping) -> Calendar:
    """Where fiscal years and weeks begin, from the sources file's `[calendar]`."""
    named = settings.get("calendar", {})
    return Calendar(named.get("fiscal_year_start", 1), named.get("week_start", 1))
