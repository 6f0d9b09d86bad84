"""The frame of a page: its title, what it looks at, and parts that can fail without taking the page down."""

from __future__ import annotations

import functools
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

import streamlit as st

from access.guard import SESSION, NotAdmitted, is_stale
from connectors.errors import SourceError
from metrics.period import Period, PeriodError
from metrics.query import QuestionError
from ui import data, filters, freshness, numbers, offered, printing, view
from ui.recognised import recognised, why
from ui.view import View
from ui.words import plain, t
from warehouse.errors import StoreError

log = logging.getLogger("rapport.pages")
BOX, BESIDE = 200, 320  # px that a box with a number needs, and a part beside another
EXPECTED = (QuestionError, PeriodError, StoreError, SourceError)  # their text is written for readers


def begin(name: str) -> View:
    """The page's title (a question), the days and filters it looks at, and how fresh the data are.

    Ends the run with what to do next when nothing has been published yet; when it cannot be read, app.py has said so.
    """
    _headed(name)
    looked = view.current()
    if looked is None:
        if view.is_readable():
            nothing_published()
        st.stop()
    st.caption("  \n".join(filter(None, (_what(looked), freshness.line(looked)))))
    filters.active(looked.selection, offered.choices(looked.snapshot))
    return looked


def _headed(name: str, title: str | None = None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(title or t(f"{name}.title"), anchor=False)
        printing.control()


def opened(name: str, title: str | None = None) -> View:
    """The title of a page that filters do not touch; there may be nothing published yet. title: where it names what is looked at."""
    _headed(name, title)
    looked = view.current()
    if looked is not None and (line := freshness.line(looked)):
        st.caption(line)
    return looked or view.unpublished()


def nothing_published() -> None:
    """What to do before the first sync."""
    empty("empty.no_snapshot", command=f"python -m connectors sync --sources sources.toml --data {data.directory()}")


def _what(looked: View) -> str:
    """The days shown and the days they are compared with."""
    running = "" if looked.period.complete else " · " + t("format.running")
    return t("format.compared", now=filters.described(looked.selection, looked.period), before=days(compared(looked))) + running


def compared(looked: View) -> Period:
    """The period the view is compared with."""
    return looked.period.previous() if looked.against == "previous" else looked.period.year_before()


def days(period: Period) -> str:
    """First and last day in words."""
    return t("format.from_to", first=numbers.day(period.start), last=numbers.day(period.last_day))


def empty(key: str, command: str | None = None, **values) -> None:
    """An empty state: what happened (`<key>.what`) and what to do next (`<key>.next`), never a blank chart."""
    with st.container(border=True):
        st.markdown(f"**{t(key + '.what', **values)}**")
        st.caption(t(key + ".next", **values))
        if command:
            st.code(command, language="bash")


@contextmanager
def safely(what: str) -> Iterator[None]:
    """Show what failed instead of letting it take the page along. `what`: the part's name in the reader's language."""
    try:
        yield
    except NotAdmitted:
        st.warning(t("access.ended"), icon=":material/lock:")
    except EXPECTED as error:
        st.warning(t("errors.expected", what=plain(what), why=plain(why(error))), icon=":material/report:")
    except Exception:
        code = secrets.token_hex(3)
        log.exception("part %r failed, shown to the reader as %s", what, code)
        st.error(t("errors.unexpected", what=plain(what), code=code), icon=":material/error:")


def fragment(parallel: bool = False, **options) -> Callable:
    """st.fragment for everything that shows data: who lost the right since the page was drawn gets the page drawn anew instead.

    parallel: computed beside what follows it, until it has been drawn once: a thread of its own costs more than numbers that are there.
    """

    def decorate(draw: Callable) -> Callable:
        @functools.wraps(draw)
        def guarded(*args, **kwargs):
            if is_stale():
                st.rerun()
            return draw(*args, **kwargs)

        return _beside_once(draw, guarded, options) if parallel else st.fragment(guarded, **options)

    return decorate


def _beside_once(draw: Callable, guarded: Callable, options: dict) -> Callable:
    """A fragment beside what follows it the first time that it is drawn, and in its turn from then on."""

    @functools.wraps(draw)
    def noted(*args, **kwargs):
        key = _key(draw, args, kwargs)
        token = _is_awaited.set(key not in _drawn)
        try:
            guarded(*args, **kwargs)
        finally:
            _is_awaited.reset(token)
        if len(_drawn) >= MOST_DRAWN:
            _drawn.clear()
        _drawn.add(key)

    # pages are read anew at every run: one of the two is enough
    made = functools.cache(lambda is_parallel: st.fragment(noted, parallel=is_parallel, **options))
    return functools.wraps(draw)(lambda *args, **kwargs: made(_key(draw, args, kwargs) not in _drawn)(*args, **kwargs))


_drawn: set[int] = set()  # what this process has drawn before: its numbers are there, or come again soon
_is_awaited: ContextVar[bool] = ContextVar("is_awaited", default=True)
MOST_DRAWN = 20_000
AWAITED = "_awaited"  # of a session that has waited for anything


def _key(draw: Callable, args: tuple, kwargs: dict) -> int:
    """What a part shows: the same part of the same view for the same rights. It decides how to draw, never what is shown."""
    plain = (part.digest if isinstance(part, View) else repr(part) for part in (*args, *kwargs.values()))
    return hash((draw.__module__, draw.__qualname__, st.session_state.get(SESSION), *plain))


def was_drawn(draw: Callable, *args) -> bool:
    """Whether a parallel part has been drawn before for these arguments and rights, by whomever."""
    return _key(draw, args, {}) in _drawn


def awaited(height: int, is_known: bool = False):
    """Room for what is computed inside a fragment, grey while it takes long; a parallel one that has been drawn before is not waited for.

    is_known: nor is what the caller knows to be there, in a place of its own.
    """
    if is_known:
        return nullcontext()
    if _is_awaited.get():
        st.session_state[AWAITED] = True
        return st.skeleton(height=height)
    if AWAITED in st.session_state:
        st.empty()  # the same place, so that what follows stays where it is
    return nullcontext()


def part(title: str, *, parallel: bool = False) -> Callable:
    """A part of a page that fails, and reruns for its own widgets, by itself.

    title: glossary key of its heading, also what an error calls it. The function's arguments are fixed until the page
    reruns; pass the view and plain values. parallel: computed beside what follows it, for slow parts; such a part may not
    write outside of itself.
    """

    def decorate(draw: Callable) -> Callable:
        @functools.wraps(draw)
        def alone(*args, **kwargs):
            with safely(t(title)):
                draw(*args, **kwargs)

        return fragment(parallel=parallel)(alone)

    return decorate


@contextmanager
def section(title: str, help: str | None = None) -> Iterator[None]:
    """A bordered block under a heading. title, help: glossary keys."""
    with st.container(border=True):
        st.header(t(title), help=t(help) if help else None, anchor=False)
        yield


def boxes(most: int):
    """Boxes side by side, at most so many in a row, fewer where they would be too narrow: `grid = boxes(3)`, then `with grid.cell():` for each."""
    return st.grid(columns=most, min_column_width=BOX, border=True)


def beside():
    """Two parts side by side, the second under the first where there is no room for both: `with beside(): one(view); other(view)`."""
    return st.grid(columns=2, min_column_width=BESIDE)


def sentence(*texts: str | None) -> None:
    """The answer first: one sentence with numbers, above the chart; several are a paragraph each. Build them with `t`; numbers come from `ui.numbers`."""
    st.markdown("\n\n".join(text for text in texts if text))


def failed_checks(answer) -> None:
    """Reconciliations that do not hold are shown, never swallowed."""
    for check in answer.checks:
        if not check.ok:
            st.error(t("errors.check", name=plain(recognised("checks.names", check.name)), detail=plain(check.detail)), icon=":material/balance:")


def course(name: str, answer, metric, looked: View) -> str:
    """A series in one sentence, for screen readers: where it began, where it is, its lowest and highest."""
    known = answer.rows[answer.rows["value"].notna()]
    if known.empty:
        return t("chart.course_empty", name=name)

    def at(row) -> str:
        return f"{numbers.shown(row['value'], metric.unit, looked.currency)} ({numbers.step(row['period'], looked.grain)})"

    ends = {"first": known.iloc[0], "last": known.iloc[-1], "least": known.loc[known["value"].idxmin()], "most": known.loc[known["value"].idxmax()]}
    return t("chart.course", name=name, **{end: at(row) for end, row in ends.items()})
