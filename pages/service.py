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
from ui.figure import clickable, figure
from ui.table import Column
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


def said_open(now) -> tuple[dict, dict]:
    """What is open now: the row of the answer, and its words."""
    found = data.answer(now, "open_tickets").rows.iloc[0]
    return found, {"n": numbers.count(found["n"]), "day": numbers.day(now.period.last_day)}


def answer_first(view, answered, solved) -> None:
    """The page's question answered in two sentences."""
    first, second = answered.rows.iloc[0], solved.rows.iloc[0]
    within = {"hours": numbers.count(answered.notes["within_hours"]), "days": numbers.count(solved.notes["within_days"])}
    _, still_open = said_open(today(view))
    page.sentence(t("service.says", answered=share(first["value"]), solved=share(second["value"]), **within) + " " + t("service.says_open", **still_open))
    if second["young"] > 0:
        st.caption(t("service.left_out", n=numbers.count(second["young"]), days=within["days"]))


@page.part("service.over_time")
def over_time(view):
    """One of the three numbers, step by step."""
    with page.section("service.over_time", help="service.over_time_help"):
        names = {card.metric: name_of(data.metric(card.metric)) for card in CARDS}
        how = {"format_func": names.get, "key": "service_metric", "required": True, "label_visibility": "collapsed"}
        chosen = st.pills(t("service.choose"), list(names), default=CARDS[0].metric, **how)
        metric, answer = data.metric(chosen), data.answer(view, chosen, grain=view.grain)
        if not answer.rows["value"].notna().any():
            st.caption(t("service.no_series"))
            return
        label, tick = (share, TICK) if metric.unit == "share" else (numbers.count, "d")
        spec = charts.line(answer.rows, label, grain=view.grain, tick=tick, step=lambda day: numbers.step(day, view.grain))
        columns = {"period": Column("service.step"), **(SHARES if metric.unit == "share" else COUNTS), "complete": Column("service.complete")}
        figure(view, spec, page.course(names[chosen], answer, metric, view), key="service_series", rows=answer.rows, columns=columns, metrics=(metric,))


@page.part("service.groups")
def groups(view):
    """Both shares of each group, of whichever column of the tickets the reader chooses; a group opens its tickets."""
    with page.section("service.groups", help="service.groups_help"):
        known = {column: data.answer(view, "tickets_solved", by=(column,)).rows for column in GROUPS}
        names = {column: t(f"service.{column}") for column, rows in known.items() if rows[column].notna().any()}
        how = {"format_func": names.get, "key": "service_column", "required": True, "label_visibility": "collapsed"}
        column = st.pills(t("service.divide"), list(names), default="kind", **how)
        extremes(known[column], column)
        left, right = st.columns(2)
        with left:
            by_answer = forest(view, "tickets_answered", column, "service.choose_answered")
        with right:
            by_solution = forest(view, "tickets_solved", column, "service.choose_solved")
        for metric, chosen in (("tickets_answered", by_answer), ("tickets_solved", by_solution)):
            if chosen is not None:
                st.markdown(f"**{name_of(data.metric(metric))} · {plain(value_of(column, chosen))}**")
                behind.rows(view, metric, behind.TICKETS, key=f"service_{metric}_rows", where={column: chosen or None})


def extremes(rows, column: str) -> None:
    """The groups solved in time most and least often, where that is more than chance; of those large enough to be ranked."""
    firm = rows[(rows["n"] >= K_TESTABLE) & rows["value"].notna()].sort_values("value", ascending=False)
    if len(firm) < 2:
        return
    best, worst = firm.iloc[0], firm.iloc[-1]
    if not differ(best, worst):
        page.sentence(t("service.groups_alike"))
        return
    called = {"best": plain(value_of(column, best[column])), "worst": plain(value_of(column, worst[column]))}
    page.sentence(t("service.groups_says", **called, high=share(best["value"]), low=share(worst["value"])))


def forest(view, name: str, column: str, prompt: str) -> str | None:
    """A share of each group with its interval; the group chosen."""
    metric, whole = data.metric(name), data.answer(view, name).rows.iloc[0]
    st.markdown(f"**{name_of(metric)}**")
    rows = data.answer(view, name, by=(column,)).rows.sort_values("value", ascending=False, na_position="last")
    names = {None: t("filters.blank"), **{value: value_of(column, value) for value in rows[column].dropna()}}
    reference = {"reference": whole["value"], "reference_label": t("service.all", value=share(whole["value"]))} if whole["state"] == "value" else {}
    spec = charts.forest(rows, column, share, names=names, tick=TICK, **reference)
    options = {value: names[value] for value in rows[column].astype(object).where(rows[column].notna(), None)}
    shown = rows.assign(**{column: [value_of(column, value) for value in rows[column]]})
    columns = {column: Column(f"service.{column}"), **SHARES}
    alt = t("service.groups_alt", metric=name_of(metric))
    return clickable(view, spec, alt, options, key=f"service_{name}", prompt=prompt, rows=shown, columns=columns, metrics=(metric,))


@page.part("service.open")
def waiting(view):
    """What is open now, the oldest first."""
    with page.section("service.open", help="service.open_help"):
        now = today(view)
        found, words = said_open(now)
        if not found["n"] > 0:
            page.sentence(t("service.none_open", day=words["day"]))
            return
        page.sentence(t("service.open_says", **words, median=numbers.bare(found["median_days"]), oldest=numbers.count(found["oldest_days"])))
        rows = data.answer(now, "open_tickets", by=("kind",)).rows.sort_values("value", ascending=False)
        names = {kind: value_of("kind", kind) for kind in rows["kind"]}
        shown, columns = rows.assign(kind=rows["kind"].map(names)), {"kind": Column("service.kind"), **COUNTS}
        spec, metric = charts.bars(rows, "kind", numbers.count, names=names), data.metric("open_tickets")
        chosen = clickable(
            now, spec, t("service.open_alt"), names, key="service_kind", prompt="service.choose_kind", rows=shown, columns=columns, metrics=(metric,)
        )
        behind.rows(now, "open_tickets", OPEN, key="service_open", where={"kind": chosen} if chosen else None)


@page.part("service.satisfaction")
def satisfaction(view):
    """What the surveys' questions about the service say."""
    with page.section("service.satisfaction", help="service.satisfaction_help"):
        rows = data.answer(view, "satisfaction", by=("dimension",)).rows
        rows = rows[[is_about_service(dimension, view.query()) for dimension in rows["dimension"]]]
        if rows.empty:
            st.caption(t("service.no_satisfaction"))
            return
        for found in rows.to_dict("records"):
            page.sentence(rated(found))
        if (rows["state"] == "value").any():
            scored(view, rows.loc[rows["state"] == "value", "dimension"].iloc[0])


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


def scored(view, dimension: str) -> None:
    """The mean of one dimension over time."""
    metric, answer = data.metric("satisfaction"), data.answer(view, "satisfaction", grain=view.grain, dimension=dimension)
    spec = charts.line(answer.rows, score, grain=view.grain, tick=".1f", step=lambda day: numbers.step(day, view.grain), height=240)
    alt = page.course(plain(dimension), answer, metric, view)
    figure(view, spec, alt, key="service_scores", rows=answer.rows, columns={"period": Column("service.step"), **SCORES}, metrics=(metric,))


answered, solved = data.answer(view, "tickets_answered"), data.answer(view, "tickets_solved")
has_tickets = answered.rows["n"].iloc[0] > 0 or solved.rows["young"].iloc[0] > 0
if has_tickets:
    answer_first(view, answered, solved)
row(view, CARDS)
if has_tickets:
    over_time(view)
    groups(view)
else:
    page.empty("service.none")
waiting(view)
satisfaction(view)
