"""What is wrong in the data, and who fixes it? Checks by source, their failing rows, what no source fills, and what was refused."""

import streamlit as st

import charts
from access.guard import guard
from ui import data, faults, intake, numbers, page, pairs, refusals, reviewing
from ui.figure import figure, ready
from ui.navigation import customer_link, link
from ui.table import Column, listing, table
from ui.words import plain, t

guard("health")

CHECKS = {
    "verdict": Column("health.verdict"), "check": Column("health.check"), "source": Column("sources.source"), "entity": Column("health.entity"),
    "value": Column("health.share", "share"), "numerator": Column("health.failing", "count"), "n": Column("health.checked", "count"),
    "threshold": Column("health.threshold", "share", "health.threshold_help"), "owner": Column("health.owner"), "dimension": Column("health.dimension"),
    "low": Column("service.low", "share"), "high": Column("service.high", "share"), "involved": Column("health.involved", "count", "health.involved_help"),
}  # fmt: skip
SCORES = {
    "dimension": Column("health.dimension"), "source": Column("sources.source"), "value": Column("health.score", "share"),
    "failing": Column("health.failing", "count"), "n": Column("health.checked", "count"),
}  # fmt: skip
ROWS = {
    "record_id": Column("health.record_id"), "record": Column("health.record"), "customer": Column("retention.customer"),
    "email": Column("health.email"), "phone": Column("health.phone"), "tax_no": Column("health.tax_no"),
}  # fmt: skip
FILLED = {
    "source": Column("sources.source"), "table": Column("sources.table"), "column": Column("sources.column"), "filled": Column("sources.filled", "progress"),
    "is_required": Column("sources.required"), "is_unused": Column("health.unused"),
}  # fmt: skip
UNMAPPED = {"source": Column("sources.source"), "table": Column("health.table"), "column": Column("health.column")}
REFUSED = {"source": Column("sources.source"), "table": Column("sources.table"), "reason": Column("sources.reason"), "n": Column("sources.rows", "count")}
DAY, CHECKED = Column("health.day"), Column("health.checked", "count")
COURSE = {
    "dimension": {"period": DAY, "dimension": Column("health.dimension"), "value": Column("health.score", "share"), "n": CHECKED},
    "source": {"period": DAY, "source": Column("sources.source"), "value": Column("health.share", "share"), "n": CHECKED},
}

view = page.begin("health")
METRIC = data.metric("data_health")


def share(value) -> str:
    return numbers.shown(value, "share")


@page.part("health.map")
def scored(view):
    """The share that passed, by dimension and source."""
    with page.section("health.map", help="health.map_help"):
        rows, says, spec = by_dimension(view)
        page.sentence(says)
        figure(view, spec, says, key="health_scores", rows=rows, columns=SCORES, metrics=(METRIC,))


@data.told
def by_dimension(view):
    """The scores of dimensions and sources, the lowest in a sentence, and their figure."""
    rows = faults.scores(faults.checks(view))
    low = rows.sort_values("value").iloc[0]
    said = {"dimension": faults.dimension(low["dimension"]), "source": plain(low["source"]), "share": share(low["value"])}
    names = {name: faults.dimension(name) for name in rows["dimension"]}
    hover = lambda cell: t("health.of_base", n=numbers.count(cell["failing"]), base=numbers.count(cell["n"]))  # noqa: E731
    spec = charts.heat(rows, "source", "dimension", share, names=names, hover=hover)
    return rows.assign(dimension=rows["dimension"].map(names)), t("health.map_says", **said), ready(spec)


@page.part("health.list")
def checks(view):
    """Every check, the worst first; the one selected opens."""
    with page.section("health.list", help="health.list_help"):
        chosen = table(view, every_check(view), key="health_checks", metrics=(METRIC,), select=True)
        if chosen is None:
            st.caption(t("health.choose"))
            return
        failing(view, chosen)


@data.told
def every_check(view):
    """The list of checks in words."""
    return listing(view, faults.worded(view, faults.checks(view)), CHECKS)


def failing(view, chosen):
    """The rows that fail a check, masked as the reader's role asks."""
    where = {"source": chosen["source"], "entity": chosen["kind"]}
    found = data.rows_behind(view, "data_health", where=where, check=chosen["known"])
    st.markdown(f"**{plain(chosen['check'])}** · {plain(chosen['source'])} · {chosen['entity']}")
    whole = lambda: data.rows_behind(view, "data_health", where=where, check=chosen["known"], limit=None).rows  # noqa: E731
    row = table(view, found.rows, ROWS, key="health_rows", metrics=(METRIC,), total=found.total, whole=whole, select=True)
    if row is not None and chosen["known"] not in faults.ORPHANED:
        customer_link(view, row["customer_id"], t("health.open_customer"))


@page.part("review.title")
def by_hand(view):
    """High-value customers whose records somebody looks through."""
    with page.section("review.title", help="review.help"):
        reviewing.section(view)


@page.part("identity.title")
def told_apart(view):
    """Which records are one customer: findings, and pairs that wait for a decision."""
    with page.section("identity.title", help="identity.help"):
        pairs.section(view)


@page.part("health.course")
def course(view):
    """The same checks on earlier snapshots, when they are asked for: each has to be opened. All dimensions, or one check by source."""
    with page.section("health.course", help="health.course_help"):
        if not st.toggle(t("health.compare"), key="health_course"):
            return
        known = faults.choices(view, faults.checks(view))
        whole = t("health.dimensions_all")
        one = st.selectbox(t("health.course_of"), [None, *known], format_func=lambda pair: known.get(pair, whole), key="health_course_pick")
        rows = faults.course(view, one)
        if rows.empty:
            st.caption(t("health.no_course"))
            return
        by = "source" if one else "dimension"
        names = {name: name if one else faults.dimension(name) for name in rows[by]}
        spec = charts.line(rows, share, grain="day", by=by, names=names, tick=".0%", step=numbers.day)
        said = t("health.course_of_check", check=known[one]) if one else t("health.course_alt")
        figure(view, spec, said, key="health_line", rows=rows.assign(**{by: rows[by].map(names)}), columns=COURSE[by], metrics=(METRIC,))


@page.part("health.fields_filled")
def fields(view):
    """In how many rows each field has a value; the empty ones first."""
    with page.section("health.fields_filled", help="health.fields_help"):
        newest = data.newest()
        rows = data.once(view, ("fields filled", newest.id), lambda: listing(view, faults.filled(newest), FILLED))
        table(view, rows, key="health_fields")


@page.part("health.not_mapped")
def unmapped(view):
    """What the sources have beside the fields that are known."""
    with page.section("health.not_mapped", help="health.not_mapped_help"):
        newest = data.newest()
        rows = data.once(view, ("not mapped", newest.id), lambda: listing(view, intake.unmapped(newest), UNMAPPED))
        if rows.rows.empty:
            st.caption(t("health.all_mapped"))
            return
        table(view, rows, key="health_unmapped")


@page.part("health.refused")
def refused(view):
    """What was never let in, by reason."""
    with page.section("health.refused", help="sources.quarantine_help"):
        newest = data.newest()
        rows = data.once(view, ("rows refused", newest.id), lambda: by_reason(view, newest))
        if rows is None:
            st.caption(t("sources.nothing_refused"))
            return
        table(view, rows, key="health_refused")
        link(view, "sources", t("health.to_sources"))


def by_reason(view, newest):
    """The list of what was refused, by reason; None where nothing was."""
    rows = intake.reasons(newest)
    return None if rows.empty else listing(view, rows.assign(reason=rows["reason"].map(refusals.rule)), REFUSED)


@page.part("health.title")
def answer_first(view):
    """What is worst and whose; or that nothing can be said yet."""
    if faults.is_unjudged(view):
        st.info(t("health.unjudged"), icon=":material/sync:")
    if worst := faults.worst(view):
        page.sentence(worst)


answer_first(view)
if faults.checks(view).empty:
    page.empty("health.nothing")
else:
    scored(view)
    checks(view)
    by_hand(view)
    told_apart(view)
    course(view)
fields(view)
unmapped(view)
refused(view)
