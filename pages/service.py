"""How is the service going? The one page that partners have: no amounts, no contacts, no owners."""

import streamlit as st

import charts
from access.guard import guard
from metrics.change import differ
from metrics.result import K_TESTABLE
from metrics.survey import is_about_service
from ui import behind, data, numbers, page
from ui.calling import today
from ui.cards import Card, row
from ui.figure import clickable, figure, ready
from ui.table import Column, listing
from ui.words import name_of, plain, t, value_of

guard("service")

CARDS = (Card("tickets_answered"), Card("tickets_solved"), Card("open_tickets", label="service.open_at_end"))
TICK = ".1~%"  # shares close to each other, as 99.5% and 100%
GROUPS = ("kind", "priority", "channel")
SHARES = {
    "value": Column("service.in_time", "share"), "low": Column("service.low", "share"), "high": Column("service.high", "share"),
    "n": Column("service.n", "count"), "young": Column("service.young", "count"), "waiting": Column("service.waiting", "count"),
    "reopened": Column("service.came_back", "count"),
}  # fmt: skip
COUNTS = {
    "value": Column("metrics.open_tickets.name", "count"), "median_days": Column("service.median", "days"), "oldest_days": Column("service.oldest", "count"),
}  # fmt: skip
OPEN = {name: column for name, column in behind.TICKETS.items() if name not in ("in_time", "solved_days", "state")}
SCORES = {
    "value": Column("service.mean", "score"), "low": Column("service.low", "score"), "high": Column("service.high", "score"),
    "top2": Column("service.top2", "share"), "n": Column("service.answers", "count"),
}  # fmt: skip

view = page.begin("service")


def share(value) -> str:
    return numbers.shown(value, "share")


def open_now(now) -> dict:
    """How many are open now, and which day that is, in words."""
    found = data.answer(now, "open_tickets").rows.iloc[0]
    return {"n": numbers.count(found["n"]), "day": numbers.day(now.period.last_day)}


@data.told
def _first(view):
    """The page's question answered in two sentences, and what they leave out; None where there are no tickets."""
    answered, solved = data.answer(view, "tickets_answered"), data.answer(view, "tickets_solved")
    first, second = answered.rows.iloc[0], solved.rows.iloc[0]
    if not (first["n"] > 0 or second["young"] > 0):
        return None
    within = {"hours": numbers.count(answered.notes["within_hours"]), "days": numbers.count(solved.notes["within_days"])}
    says = t("service.says", answered=share(first["value"]), solved=share(second["value"]), **within)
    left_out = t("service.left_out", n=numbers.count(second["young"]), days=within["days"]) if second["young"] > 0 else None
    return says + " " + t("service.says_open", **open_now(today(view))), left_out


@page.part("service.over_time")
def over_time(view):
    """One of the three numbers, step by step."""
    with page.section("service.over_time", help="service.over_time_help"):
        names = {card.metric: name_of(data.metric(card.metric)) for card in CARDS}
        how = {"format_func": names.get, "key": "service_metric", "required": True, "label_visibility": "collapsed"}
        chosen = st.pills(t("service.choose"), list(names), default=CARDS[0].metric, **how)
        course, metric = _course(view, chosen), data.metric(chosen)
        if course is None:
            st.caption(t("service.no_series"))
            return
        rows, spec, alt = course
        columns = {"period": Column("service.step"), **(SHARES if metric.unit == "share" else COUNTS), "complete": Column("service.complete")}
        figure(view, spec, alt, key="service_series", rows=rows, columns=columns, metrics=(metric,))


@data.told
def _course(view, name):
    """A number's series, its figure and what that says; None where it has no value."""
    metric, answer = data.metric(name), data.answer(view, name, grain=view.grain)
    if not answer.rows["value"].notna().any():
        return None
    label, tick = (share, TICK) if metric.unit == "share" else (numbers.count, "d")
    spec = charts.line(answer.rows, label, grain=view.grain, tick=tick, step=lambda day: numbers.step(day, view.grain))
    return answer.rows, ready(spec), page.course(name_of(metric), answer, metric, view)


@page.part("service.groups")
def groups(view):
    """Both shares of each group, of whichever column of the tickets the reader chooses; a group opens its tickets."""
    with page.section("service.groups", help="service.groups_help"):
        names = _columns(view)
        how = {"format_func": names.get, "key": "service_column", "required": True, "label_visibility": "collapsed"}
        column = st.pills(t("service.divide"), list(names), default="kind", **how)
        says = _extremes(view, column)
        if says:
            page.sentence(says)
        left, right = st.columns(2)
        with left:
            by_answer = forest(view, "tickets_answered", column, "service.choose_answered")
        with right:
            by_solution = forest(view, "tickets_solved", column, "service.choose_solved")
        for metric, chosen in (("tickets_answered", by_answer), ("tickets_solved", by_solution)):
            if chosen is not None:
                st.markdown(f"**{name_of(data.metric(metric))} · {plain(value_of(column, chosen))}**")
                behind.rows(view, metric, behind.TICKETS, key=f"service_{metric}_rows", where={column: chosen or None})


@data.told
def _columns(view):
    """The columns that some ticket has a value of, and what they are called."""
    known = {column: data.answer(view, "tickets_solved", by=(column,)).rows[column] for column in GROUPS}
    return {column: t(f"service.{column}") for column, values in known.items() if values.notna().any()}


@data.told
def _extremes(view, column):
    """The groups solved in time most and least often, where that is more than chance; of those large enough to be ranked."""
    rows = data.answer(view, "tickets_solved", by=(column,)).rows
    firm = rows[(rows["n"] >= K_TESTABLE) & rows["value"].notna()].sort_values("value", ascending=False)
    if len(firm) < 2:
        return None
    best, worst = firm.iloc[0], firm.iloc[-1]
    if not differ(best, worst):
        return t("service.groups_alike")
    called = {"best": plain(value_of(column, best[column])), "worst": plain(value_of(column, worst[column]))}
    return t("service.groups_says", **called, high=share(best["value"]), low=share(worst["value"]))


def forest(view, name: str, column: str, prompt: str) -> str | None:
    """A share of each group with its interval; the group chosen."""
    metric = data.metric(name)
    st.markdown(f"**{name_of(metric)}**")
    rows, spec, opens = _divided(view, name, column)
    columns = {column: Column(f"service.{column}"), **SHARES}
    alt = t("service.groups_alt", metric=name_of(metric))
    return clickable(view, spec, alt, opens, key=f"service_{name}", prompt=prompt, rows=rows, columns=columns, metrics=(metric,))


@data.told
def _divided(view, name, column):
    """A share of each group, the figure, and which groups can be opened."""
    whole = data.answer(view, name).rows.iloc[0]
    rows = data.answer(view, name, by=(column,)).rows.sort_values("value", ascending=False, na_position="last")
    names = {None: t("filters.blank"), **{value: value_of(column, value) for value in rows[column].dropna()}}
    reference = {"reference": whole["value"], "reference_label": t("service.all", value=share(whole["value"]))} if whole["state"] == "value" else {}
    spec = charts.forest(rows, column, share, names=names, tick=TICK, **reference)
    opens = {value: names[value] for value in rows[column].astype(object).where(rows[column].notna(), None)}
    return rows.assign(**{column: [value_of(column, value) for value in rows[column]]}), ready(spec), opens


@page.part("service.open")
def waiting(view):
    """What is open now, the oldest first."""
    with page.section("service.open", help="service.open_help"):
        now = today(view)
        says, drawn = _open(now)
        page.sentence(says)
        if drawn is None:
            return
        rows, spec, names = drawn
        metric = data.metric("open_tickets")
        further = {"rows": rows, "columns": {"kind": Column("service.kind"), **COUNTS}, "metrics": (metric,)}
        chosen = clickable(now, spec, t("service.open_alt"), names, key="service_kind", prompt="service.choose_kind", **further)
        where = {"kind": chosen} if chosen else None
        everything = lambda: behind.worded(data.rows_behind(now, "open_tickets", where=where, limit=None).rows)  # noqa: E731
        tickets, total = _tickets(now, chosen or None)
        behind.leading(now, tickets, key="service_open", total=total, metrics=(metric,), whole=everything)


@data.told
def _open(now):
    """What is open in a sentence; beside it each kind's tickets, their figure, and what kinds are called: None where nothing is open."""
    found, words = data.answer(now, "open_tickets").rows.iloc[0], open_now(now)
    if not found["n"] > 0:
        return t("service.none_open", day=words["day"]), None
    says = t("service.open_says", **words, median=numbers.bare(found["median_days"]), oldest=numbers.count(found["oldest_days"]))
    rows = data.answer(now, "open_tickets", by=("kind",)).rows.sort_values("value", ascending=False)
    names = {kind: value_of("kind", kind) for kind in rows["kind"]}
    return says, (rows.assign(kind=rows["kind"].map(names)), ready(charts.bars(rows, "kind", numbers.count, names=names)), names)


@data.told
def _tickets(now, kind):
    """The list of what is open, of one kind or of all, and how many there are."""
    found = data.rows_behind(now, "open_tickets", where={"kind": kind} if kind else None)
    return listing(now, behind.worded(found.rows), OPEN), found.total


@page.part("service.satisfaction")
def satisfaction(view):
    """What the surveys' questions about the service say."""
    with page.section("service.satisfaction", help="service.satisfaction_help"):
        says, dimension = _rated(view)
        if not says:
            st.caption(t("service.no_satisfaction"))
            return
        for sentence in says:
            page.sentence(sentence)
        if dimension is not None:
            rows, spec, alt = _scored(view, dimension)
            columns = {"period": Column("service.step"), **SCORES}
            figure(view, spec, alt, key="service_scores", rows=rows, columns=columns, metrics=(data.metric("satisfaction"),))


@data.told
def _rated(view):
    """The dimensions about the service in a sentence each, and the first of them that has a value."""
    rows = data.answer(view, "satisfaction", by=("dimension",)).rows
    found = [one for one in rows.to_dict("records") if is_about_service(one["dimension"], view.query())]
    return [rated(one) for one in found], next((one["dimension"] for one in found if one["state"] == "value"), None)


def rated(found: dict) -> str:
    """One dimension's mean in a sentence, or why there is none."""
    called = plain(value_of("dimension", found["dimension"]))
    if found["state"] != "value":
        return t("service.satisfaction_hidden", dimension=called, state=t(f"states.{found['state']}"))
    scale = {end: numbers.bare(found[f"scale_{side}"]) for end, side in (("low", "min"), ("high", "max"))}
    figures = {"mean": score(found["value"]), "top2": share(found["top2"]), "n": numbers.count(found["n"])}
    return t("service.satisfaction_says", dimension=called, **scale, **figures)


def score(value) -> str:
    return numbers.shown(value, "score")


@data.told
def _scored(view, dimension):
    """The mean of one dimension over time, the figure and what it says."""
    metric, answer = data.metric("satisfaction"), data.answer(view, "satisfaction", grain=view.grain, dimension=dimension)
    spec = charts.line(answer.rows, score, grain=view.grain, tick=".1f", step=lambda day: numbers.step(day, view.grain), height=240)
    return answer.rows, ready(spec), page.course(plain(dimension), answer, metric, view)


first = _first(view)
if first is not None:
    says, left_out = first
    page.sentence(says)
    if left_out:
        st.caption(left_out)
row(view, CARDS)
if first is not None:
    over_time(view)
    groups(view)
else:
    page.empty("service.none")
waiting(view)
satisfaction(view)
