"""The filters every page shares, in the sidebar and in the URL.

The URL is read when a session opens, when it was edited, and when a link carries filters; after each run it is written
again, so that it can be copied at any moment. Choosing another page keeps the filters.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import streamlit as st

from metrics.period import Calendar
from ui import numbers
from ui.data import Reach
from ui.selection import AGAINST, BLANK, CUSTOM, DEFAULT, MOST_STEPS, NAMES, PERIODS, SEGMENTS, Rejected, Selection, as_params, grains_for, parse, period
from ui.words import KEY as LANGUAGE
from ui.words import in_badge, plain, settle, t, value_of

HALF = 80  # px that half of the sidebar has at least
WRITTEN, PAGE, NOTED = "_url", "_page", "_rejected"
Choices = Mapping[str, Mapping[str, str]]


def language() -> str:
    """Settle the language of this run, before anything is written in it."""
    return settle(next(iter(_url().get(LANGUAGE, ())), None) if _url_is_news() else None)


def take(choices: Choices, page: str) -> None:
    """Fill the widgets from the URL where it says something new. Call before `sidebar`."""
    if _url_is_news() and not (_moved(page) and not set(_url()) & set(NAMES)):
        selection, rejected = parse(_url(), choices)
        st.session_state[NOTED] = rejected
        _fill(selection)
    st.session_state[PAGE] = page


def sidebar(choices: Choices, reach: Reach, calendar: Calendar) -> Selection:
    """Draw the filters, write the URL, and return what is chosen."""
    with st.sidebar:
        st.selectbox(t("filters.period"), PERIODS, format_func=lambda name: t(f"filters.periods.{name}"), key="f_period")
        days = _custom(reach) if st.session_state["f_period"] == CUSTOM else (None, None)
        fitting = grains_for(period(Selection(st.session_state["f_period"], *days), reach.as_of, reach.first, calendar))
        if st.session_state["f_grain"] not in fitting:  # of a period chosen before, or of a link: the next coarser one
            st.session_state["f_grain"] = fitting[0]
        named = lambda name: t(f"filters.grains.{name}")  # noqa: E731
        pair = st.grid(columns=2, min_column_width=HALF)
        pair.selectbox(t("filters.grain"), fitting, format_func=named, key="f_grain", help=t("filters.grain_help", n=MOST_STEPS))
        pair.selectbox(t("filters.against"), AGAINST, format_func=lambda name: t(f"filters.comparisons.{name}"), key="f_against")
        with st.expander(t("filters.segments"), icon=":material/filter_alt:", expanded=any(st.session_state.get(f"f_{name}") for name in SEGMENTS)):
            for name in SEGMENTS:
                _segment(name, choices.get(name, {}))
    selection = _chosen(*days)
    write(selection)
    return selection


def _custom(reach: Reach):
    """First and last day, both included. Days that are not loaded can only come from a link, which may look ahead."""
    default = (reach.first, reach.as_of - dt.timedelta(days=1))
    first, last = st.session_state.setdefault("f_days", default)[:2] if len(st.session_state.get("f_days", default)) == 2 else default
    bounds = {"min_value": min(reach.first, first), "max_value": max(default[1], last)}
    chosen = st.sidebar.date_input(t("filters.days"), key="f_days", format="YYYY-MM-DD", **bounds)
    return chosen if len(chosen) == 2 else default


def _segment(name: str, offered: Mapping[str, str]) -> None:
    chosen = st.session_state.get(f"f_{name}", [])
    if not set(chosen) <= set(offered):  # a newer snapshot may have lost a value
        st.session_state[f"f_{name}"] = [value for value in chosen if value in offered]
    if offered:
        st.multiselect(
            t(f"filters.{name}"),
            list(offered),
            format_func=lambda value: label(name, offered, value),
            key=f"f_{name}",
            placeholder=t("filters.everyone"),
        )


def label(name: str, offered: Mapping[str, str], value: str) -> str:
    """What a filter's value is called on screen."""
    return value_of(SEGMENTS[name], None if value == BLANK else offered.get(value, value))


def _chosen(first, last) -> Selection:
    state = st.session_state
    where = tuple((name, tuple(state[f"f_{name}"])) for name in SEGMENTS if state.get(f"f_{name}"))
    return Selection(state["f_period"], first, last, state["f_grain"], state["f_against"], where)


def _fill(selection: Selection) -> None:
    st.session_state["f_period"] = selection.period
    st.session_state["f_grain"] = selection.grain
    st.session_state["f_against"] = selection.against
    if selection.period == CUSTOM:
        st.session_state["f_days"] = (selection.first, selection.last)
    for name in SEGMENTS:
        st.session_state[f"f_{name}"] = list(selection.values(name))


def ensure() -> None:
    """Give every widget a value on a session's first run."""
    if "f_period" not in st.session_state:
        _fill(DEFAULT)


def write(selection: Selection) -> None:
    """Put the selection and the language into the URL, beside what a page keeps there."""
    kept = {name: values for name, values in _url().items() if name not in (*NAMES, LANGUAGE)}
    params = {**kept, **as_params(selection), LANGUAGE: st.session_state[LANGUAGE]}
    listed = {name: [value] if isinstance(value, str) else list(value) for name, value in params.items()}
    if listed != _url():
        st.query_params.from_dict(params)
    st.session_state[WRITTEN] = listed


def clear() -> None:
    """Back to the defaults; a button's callback."""
    _fill(DEFAULT)
    st.session_state[NOTED] = []


def _url() -> dict[str, list[str]]:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def _url_is_news() -> bool:
    return _url() != st.session_state.get(WRITTEN)


def _moved(page: str) -> bool:
    return st.session_state.get(PAGE) not in (None, page)


def active(selection: Selection, choices: Choices) -> None:
    """Above the page: what is filtered, a button to clear it, and what in the URL had to be ignored."""
    rejected: list[Rejected] = st.session_state.get(NOTED, [])
    if rejected:
        st.warning(t("filters.rejected", what=", ".join(f"{plain(r.name)} = {plain(r.value)}" for r in rejected)), icon=":material/link_off:")
    if not selection.where:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for name, values in selection.where:
            shown = ", ".join(plain(label(name, choices.get(name, {}), value)) for value in values)
            st.badge(in_badge(f"{t(f'filters.{name}')}: {shown}"), color="blue")
        st.button(t("filters.clear"), on_click=clear, type="tertiary", icon=":material/filter_alt_off:", key="clear_filters")


def language_switch() -> None:
    """The language control at the foot of the sidebar."""
    import locales

    st.segmented_control(
        "Language · 语言", list(locales.LANGUAGES), format_func=locales.LANGUAGES.get, key=LANGUAGE, required=True, label_visibility="collapsed"
    )


def described(selection: Selection, period) -> str:
    """The chosen days in words: "Last 12 months · 1 Nov 2025 – 31 Oct 2026"."""
    days = t("format.from_to", first=numbers.day(period.start), last=numbers.day(period.last_day))
    return days if selection.period == CUSTOM else f"{t(f'filters.periods.{selection.period}')} · {days}"
