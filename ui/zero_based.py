"""Zero-based decisions on screen: the features that few use, what is decided about each this quarter and was last; and the pages of this dashboard."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import streamlit as st

import charts
from access import openings as counting
from access.guard import admitted_now
from access.kept import Kept
from metrics.feature_use import threshold
from records import database, features, openings
from records.decided import FeatureDecision
from ui import data, navigation, numbers, page, under_used, zero_based_form
from ui.figure import figure
from ui.table import Column, Listing, listing, table
from ui.under_used import Used
from ui.view import View
from ui.words import t

PAGE_DAYS = 90  # looked back at the openings of pages
ALL = {
    "called": Column("zero_based.feature"), "value": Column("zero_based.share", "share", "zero_based.share_help"), "low": Column("segments.low", "share"),
    "high": Column("segments.high", "share"), "numerator": Column("zero_based.users", "count"), "uses_per_user": Column("zero_based.uses_per_user", "ratio"),
    "before": Column("zero_based.before", "share"), "last_on": Column("zero_based.last_on"), "days_since": Column("zero_based.days_since", "count"),
    "is_young": Column("zero_based.young", help="zero_based.young_help"),
}  # fmt: skip
LIST = {
    "called": Column("zero_based.feature"), "state": Column("regrades.decision"), "previously": Column("zero_based.previously"),
    **{name: column for name, column in ALL.items() if name not in ("called", "is_young")}, "decided": Column("zero_based.decided"),
}  # fmt: skip
HISTORY = {
    "at": Column("register.at"), "who": Column("register.who"), "feature": Column("zero_based.feature"), "quarter": Column("regrades.quarter"),
    "decision": Column("regrades.decision"), "share": Column("zero_based.share", "share"), "reason": Column("zero_based.reason"),
    "owner": Column("zero_based.owner"), "due_on": Column("zero_based.due_on"),
}  # fmt: skip
PAGES = {
    "page": Column("zero_based.page"), "readers": Column("zero_based.readers", "count"), "share": Column("zero_based.page_share", "share"),
    "openings": Column("zero_based.openings", "count"), "last_on": Column("zero_based.last_on"), "is_few": Column("zero_based.by_few"),
}  # fmt: skip


@page.part("zero_based.title")
def part(view: View) -> None:
    """Which features are used by few, what is decided about them, and which pages of this dashboard are opened. For readers of everything."""
    with page.section("zero_based.title", help="zero_based.help"):
        if not admitted_now().scope.is_full:
            st.caption(t("zero_based.not_yours"))
            return
        zero_based_form.settled(view)
        whose = under_used.whose(view)
        if whose:
            _features(view, whose)
        else:
            page.empty("zero_based.none")
        _pages(view)


def _features(view: View, whose: list[str]) -> None:
    words = {of: t(f"zero_based.whose.{of}") for of in whose}
    of = whose[0]
    if len(whose) > 1:
        of = st.segmented_control(
            t("zero_based.of"), whose, default=of, format_func=words.get, key="zero_based_of", required=True, label_visibility="collapsed"
        )
    now, found = under_used.used(view, of), under_used.decided()
    if now.rows.empty:
        page.empty("zero_based.unused", day=now.day)
        return
    held = features.holding(found, now.quarter.end)
    said = _says(now, held)
    page.sentence(said)
    figure(view, _drawn(now), said, key="zero_based_use", rows=now.rows, columns=ALL, metrics=(data.metric("feature_use"),))
    if not now.few.empty:
        _few(view, now, found)
    if found:
        with st.expander(t("zero_based.history"), key="zero_based_history_box", on_change="rerun") as box:
            if box.open:
                table(view, pd.DataFrame([_event(one) for one in found]), HISTORY, key="zero_based_history")


def _says(now: Used, held: dict[str, FeatureDecision]) -> str:
    few, undecided = now.few, now.few[~now.few["about"].isin(list(held))]
    values = {"n": numbers.count(len(few)), "all": numbers.count(len(now.rows)), "undecided": numbers.count(len(undecided))}
    return t(f"zero_based.says.{now.of}", **values, users=numbers.count(now.rows["n"].max()), day=now.day, threshold=numbers.bare(now.threshold, "share"))


def _drawn(now: Used) -> dict:
    names = dict(zip(now.rows["about"], now.rows["called"], strict=True))
    return charts.bars(now.rows, "about", lambda value: numbers.shown(value, "share"), names=names, strong=tuple(now.few["about"]) or ("",))


def _few(view: View, now: Used, found: list[FeatureDecision]) -> None:
    """The features that few use, undecided first; who may, decides about the one selected."""
    held, before = features.holding(found, now.quarter.end), features.before(found, now.quarter.end)
    states = {about: held[about].decision if about in held else "undecided" for about in now.few["about"]}
    rows = now.few.assign(
        state=[t(f"zero_based.states.{states[about]}") for about in now.few["about"]], is_decided=[about in held for about in now.few["about"]],
        decided=[under_used.said(view, held.get(about)) for about in now.few["about"]],
        previously=[under_used.said(view, before.get(about)) for about in now.few["about"]],
    ).sort_values(["is_decided", "value"], kind="stable")  # fmt: skip
    columns = {name: column for name, column in LIST.items() if name not in {"decided": not held, "previously": not before} or rows[name].any()}
    chosen = table(view, rows, columns, key="zero_based", select=under_used.may_decide(), metrics=(data.metric("feature_use"),))
    if chosen:
        zero_based_form.panel(view, now, chosen, found)
    elif under_used.may_decide():
        st.caption(t("zero_based.select"))


def _event(one: FeatureDecision) -> dict:
    return {
        "at": one.at, "who": one.who or t("register.here"), "feature": under_used.feature_of(one.feature), "quarter": one.ends_on - under_used.DAY,
        "decision": t(f"zero_based.states.{one.decision}"), "share": one.share, "reason": one.reason, "owner": one.owner, "due_on": one.due_on,
    }  # fmt: skip


# the pages of this dashboard


def _pages(view: View) -> None:
    """Which pages readers open, those that fewest open first; what was never opened as well."""
    st.subheader(t("zero_based.pages"), anchor=False)
    counting.write()
    least = threshold(view.query())
    today, place = under_used.today(view), data.directory()
    found = _kept.get(place, (view.digest, today, least), lambda: _told(view, today, least))
    if found is None:
        st.caption(t("zero_based.no_openings"))
        return
    says, listed = found
    page.sentence(says)
    table(view, listed, key="page_use")


_kept = Kept()


def _told(view: View, today: dt.date, least: float) -> tuple[str, Listing] | None:
    """The openings in a sentence and as a list; None where there are none."""
    rows, everybody = opened(today, least)
    if not everybody:
        return None
    few = rows[rows["is_few"]]
    values = {"few": numbers.count(len(few)), "n": numbers.count(len(rows)), "readers": numbers.count(everybody), "days": numbers.count(PAGE_DAYS)}
    return t("zero_based.pages_say", **values, threshold=numbers.bare(least, "share")), listing(view, rows, PAGES)


def opened(today: dt.date, least: float) -> tuple[pd.DataFrame, int]:
    """The pages of the navigation with their openings in the last days, and how many readers opened any. least: the share below which it is few."""
    place, days = data.directory(), (today - dt.timedelta(days=PAGE_DAYS), today + 2 * under_used.DAY)
    if not database.exists(place):
        return pd.DataFrame(), 0
    engine = database.connect(place)
    everybody, found = openings.readers(engine, *days), {one.page: one for one in openings.use(engine, *days)}
    rows = [_page(entry.name, found.get(entry.name), everybody, least) for entry in navigation.ENTRIES]
    return pd.DataFrame(rows).sort_values(["readers", "openings", "page"], ignore_index=True), everybody


def _page(name: str, use: openings.PageUse | None, everybody: int, least: float) -> dict:
    readers = use.readers if use else 0
    share = readers / everybody if everybody else 0.0
    last = use.last_on if use else None
    return {"page": t(f"{name}.short"), "readers": readers, "share": share, "openings": use.openings if use else 0, "last_on": last, "is_few": share < least}
