"""Where exactly are we weak? Weak areas, every dimension by segment, and the way down from a dimension to a customer's own words."""

import pandas as pd
import streamlit as st

import charts
from access.guard import guard
from charts import theme
from ui import behind, data, descent, driving, numbers, offered, page, scores, themes, voices, weak
from ui.figure import clickable, figure
from ui.level import ALL, NAMES, PERIOD, parse
from ui.table import Column, table
from ui.words import plain, t, value_of

guard("drill")

CELLS = {
    "group": Column("nps.group"), "asked": Column("nps.dimension"), "told": Column("drill.score"), "limits": Column("drill.limits"), "on": Column("nps.scale"),
    "verdict": Column("nps.verdict"), "n": Column("nps.n", "count"),
}  # fmt: skip
WAVES = {
    "wave": Column("nps.wave"), "sent_from": Column("drill.sent"), "value": Column("metrics.response_rate.name", "progress"),
    "n": Column("nps.delivered", "count"), "numerator": Column("nps.responses", "count"), "undelivered": Column("nps.undelivered", "count"),
    "told": Column("drill.score"), "limits": Column("drill.limits"), "answers": Column("nps.n", "count"),
}  # fmt: skip
SILENT = {
    "name": Column("nps.customer"), "region": Column("filters.region"), "grade": Column("filters.grade"), "owner": Column("filters.owner"),
    "revenue": Column("nps.revenue_year", "money"), "invitations": Column("nps.invitations", "count"), "last_asked_on": Column("nps.last_asked_on"),
    "last_answered_on": Column("nps.last_answered_on"),
}  # fmt: skip
RESPONSES = {
    "value": Column("metrics.response_rate.name", "share"), "customer_share": Column("nps.customer_share", "share"),
    "revenue_share": Column("nps.revenue_share", "share"), "n": Column("nps.delivered", "count"), "numerator": Column("nps.responses", "count"),
}  # fmt: skip
MOST_PILLS = 10  # more to choose from is a list

view = page.begin("drill")


def asked() -> dict[str, list[str]]:
    """What this page keeps in the URL."""
    return {name: st.query_params.get_all(name) for name in NAMES if name in st.query_params}


def share(value) -> str:
    return numbers.shown(value, "share")


def changed(name: str) -> None:
    """A control was moved: the URL says so, and the page follows the URL."""
    value = st.session_state[f"drill_{name}"]
    kept = {key: values for key, values in asked().items() if key not in (name, "measure" if name == "about" else name)}
    unsaid = {"about": usual, "wave": PERIOD, "measure": None}[name]
    named = {name: [value]} if value not in (unsaid, None) else {}
    st.query_params.from_dict({**view.params(), **kept, **named})


def controls(level, dimensions, waves):
    """What is searched: a dimension, the waves, and how low is measured."""
    if not level.is_open:
        names = {dimension: plain(scores.name(view, dimension)) for dimension in dimensions}
        chosen = {"format_func": names.get, "key": "drill_about", "on_change": changed, "args": ("about",)}
        st.session_state["drill_about"] = level.dimension
        if len(names) > MOST_PILLS:
            st.selectbox(t("drill.about"), list(names), **{**chosen, "format_func": lambda dimension: scores.name(view, dimension)})
        else:
            st.pills(t("drill.about"), list(names), required=True, **chosen)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        called = {PERIOD: t("drill.in_period"), ALL: t("drill.all_waves")}
        st.session_state["drill_wave"] = level.wave
        st.selectbox(
            t("drill.which_waves"), [PERIOD, ALL, *reversed(waves)], format_func=lambda wave: called.get(wave, wave), key="drill_wave", on_change=changed,
            args=("wave",), width=260,
        )  # fmt: skip
        if not level.is_open and level.dimension not in words_only:
            measures = ("nps", "low_share") if scores.is_nps(view, level.dimension) else ("mean", "low_share")
            st.session_state["drill_measure"] = level.measure if level.measure in measures else measures[0]
            st.segmented_control(
                t("drill.measure"), measures, format_func=lambda name: t(f"drill.measures.{name}"), key="drill_measure", on_change=changed, args=("measure",),
                required=True,
            )  # fmt: skip


@page.part("drill.weak")
def areas(view, level, usual):
    """The list of weak areas."""
    with page.section("drill.weak", help="drill.weak_help"):
        weak.section(view, level, usual)


@page.part("drill.map")
def heat(view, level, usual):
    """Every dimension by the groups of one column; a cell opens."""
    with page.section("drill.map", help="drill.map_help"):
        columns = offered.survey_segments(view.snapshot)
        dimensions = scores.scored(view)
        if not columns or not dimensions:
            st.caption(t("nps.no_segments"))
            return
        names = {column: plain(scores.column(column)) for column in columns}
        default = weak.dividing(view, level, columns)
        column = st.pills(t("nps.divide"), columns, default=default, format_func=names.get, key="drill_column", required=True, label_visibility="collapsed")
        rows = scores.matrix(view, level, column)
        if rows.empty:
            st.caption(t("drill.none.what"))
            return
        low = rows[rows["is_low"].fillna(False).astype(bool) & (rows["group"] != scores.WHOLE)]
        firm = low.sort_values("n", ascending=False)
        if low.empty:
            page.sentence(t("drill.map_fine"))
        else:
            said = {"n": numbers.count(len(low)), "of": numbers.count(len(rows[(rows["state"] == "value") & (rows["group"] != scores.WHOLE)]))}
            first = firm.iloc[0].to_dict()
            page.sentence(t("drill.map_says", **said, group=plain(first["called"]), asked=plain(first["asked"]), value=scores.said(first)))
        hidden = rows[rows["state"] == "suppressed"]
        if len(hidden):
            st.caption(t("drill.map_hidden", n=len(hidden)))
        opened(level, usual, column, rows)


def opened(level, usual, column, rows):
    """The map itself."""
    records = rows.to_dict("records")
    names = {**dict(zip(rows["group"], rows["called"], strict=True)), **dict(zip(rows["dimension"], rows["asked"], strict=True))}
    spec = charts.spots(rows, "dimension", "group", scores.said, cell_in_words, names=names)
    told = rows.assign(
        told=[scores.said(row) if row["state"] == "value" else None for row in records], limits=[scores.interval(row) for row in records],
        on=[scores.scale(row) for row in records], verdict=[verdict(row) for row in records], group=rows["called"],
    )  # fmt: skip
    shown = {row["cell"]: f"{row['called']} · {row['asked']}" for row in records if row["state"] == "value"}
    chosen = clickable(
        view,
        spec,
        t("drill.map_alt"),
        shown,
        key=f"drill_map_{column}",
        prompt="drill.choose_cell",
        rows=told,
        columns=CELLS,
        metrics=(data.metric("satisfaction"),),
    )
    if chosen:
        row = next(row for row in records if row["cell"] == chosen)
        into = level.closed().into(dimension=row["dimension"], measure=None)
        scores.go(view, into if row["group"] == scores.WHOLE else into.within({column: row["group"] or None}), usual)


def verdict(row) -> str | None:
    if row["state"] != "value":
        return None
    return t("nps.low_one" if row["is_low"] else "nps.not_low")


def cell_in_words(row) -> str:
    """On hover: where, the score on its scale, its interval and how many answered."""
    said = {"group": row["called"], "asked": row["asked"], "value": scores.said(row), "scale": scores.scale(row), "limits": scores.interval(row)}
    return t("drill.cell", **said, n=numbers.count(row["n"]))


@page.part("drill.drivers")
def drivers(view, level, usual):
    """Which dimensions weigh most, and how they score."""
    with page.section("drill.drivers", help="drill.drivers_help"):
        driving.section(view, level, usual)


@page.part("drill.waves")
def calendar(view, level, usual):
    """Each wave: when it was sent, who answered, and its score. All of them, whatever the period."""
    with page.section("drill.waves", help="drill.waves_help"):
        whole = scores.everything(view)
        sent = data.answer(whole, "response_rate", by=("wave", "sent_from")).rows
        told = descent.by_wave(view, level.closed())
        if not waves:
            st.caption(t("nps.no_waves"))
            return
        records = told.to_dict("records")
        given = told.assign(told=[words_of(row) for row in records], limits=[scores.interval(row) for row in records], answers=told["n"])
        kept = [column for column in WAVES if column in sent]
        rows = pd.DataFrame({"wave": waves}).merge(sent[kept], on="wave", how="left").merge(given[["wave", "told", "limits", "answers"]], on="wave", how="left")
        said = {"n": numbers.count(len(rows)), "what": plain(scores.name(view, level.dimension))}
        page.sentence(t("drill.waves_say", **said))
        metrics = (data.metric("response_rate"), scores.metric_of(view, level))
        table(view, rows.iloc[::-1], WAVES, key="drill_waves_list", metrics=metrics)


def words_of(row) -> str:
    return scores.said(row) if row["state"] == "value" else t(f"states.{row['state']}")


@page.part("drill.response")
def response(view, level):
    """Who answers in the waves looked at, people beside revenue, and who is silent though valuable."""
    wave = None if level.wave in (PERIOD, ALL) else level.wave
    looked = scores.looked(view, level)
    with page.section("drill.response", help="nps.response_help"):
        answer = data.answer(looked, "response_rate", wave=wave)
        total = answer.rows.iloc[0]
        if total["state"] != "value":
            st.caption(t("nps.nobody_asked"))
            return
        said = {"rate": share(total["value"]), "n": numbers.count(total["n"]), "undelivered": numbers.count(total["undelivered"])}
        page.sentence(t("nps.response_says", **said, customers=share(total["customer_share"]), revenue=share(total["revenue_share"])))
        scores.uninvited(answer.notes)
        divided(looked, wave)
    with page.section("nps.silent", help="nps.silent_help"):
        found = data.answer(looked, "silent_accounts", wave=wave).rows.iloc[0]
        if found["state"] != "value":
            st.caption(t("nps.nobody_asked"))
            return
        money = numbers.shown(found["revenue"], "money", view.currency)
        page.sentence(t("nps.silent_says", n=numbers.count(found["n"]), of=numbers.count(found["denominator"]), money=money))
        behind.rows(looked, "silent_accounts", SILENT, key="drill_silent", wave=wave)


def divided(looked, wave):
    """Answered invitations by an attribute of the customer: the silent groups first."""
    columns = ("grade", "region", "industry", "size")
    names = {column: plain(scores.column(column)) for column in columns}
    column = st.pills(t("nps.divide"), columns, default="grade", format_func=names.get, key="drill_silent_column", required=True, label_visibility="collapsed")
    rows = data.answer(looked, "response_rate", by=(column,), wave=wave).rows
    keys = rows[column].astype(object).where(rows[column].notna(), "").astype(str)
    rows = rows.assign(**{column: keys}).sort_values("value", na_position="last", ignore_index=True)
    called = {key: value_of(column, key) for key in rows[column]}
    sides = [("customer_share", t("nps.of_customers"), theme.ACCENT), ("revenue_share", t("nps.of_revenue"), theme.CAUTION)]
    columns = {column: Column("nps.group"), **RESPONSES}
    spec = charts.pairs(rows, column, sides, share, names=called)
    told = rows.assign(**{column: rows[column].map(called)})
    figure(looked, spec, t("nps.response_alt"), key="drill_response", rows=told, columns=columns, metrics=(data.metric("response_rate"),))


def search(level):
    """The page at its start: weak areas, the map, what drives the overall score, what is written, waves and who answers."""
    areas(view, level, usual)
    heat(view, level, usual)
    drivers(view, level, usual)
    themes.section(view, level, usual)
    calendar(view, level, usual)
    response(view, level)


def inside(level):
    """The page at an open level."""
    descent.breadcrumb(view, level, usual)
    if level.account:
        voices.account(view, level, usual)
    elif level.dimension in words_only:
        voices.words(view, level, usual)
        themes.section(view, level, usual)
    elif descent.headline(view, level):
        descent.course(view, level, usual)
        descent.questions(view, level, usual)
        descent.segments(view, level, usual)
        voices.people(view, level, usual)
        themes.section(view, level, usual)


dimensions, words_only, waves = scores.scored(view), scores.worded(view), scores.waves(view)
usual = next(iter(dimensions), None)
level, is_odd = parse(asked(), [*dimensions, *words_only], offered.survey_segments(view.snapshot), waves, usual)
if is_odd:
    st.warning(t("drill.odd"), icon=":material/link_off:")
if usual is None and not words_only:
    page.empty("drill.nothing")
else:
    controls(level, [*dimensions, *words_only], waves)
    if level.is_open:
        inside(level)
    elif level.dimension in words_only:
        voices.words(view, level, usual)
        themes.section(view, level, usual)
    else:
        search(level)
