"""How fresh is it, and what was refused?"""

import datetime as dt
from functools import partial

import streamlit as st

from access.guard import guard
from access.roles import may
from ui import data, intake, numbers, page, refusals, syncing
from ui.table import Column, listing, table
from ui.words import code_of, plain, t

reader = guard("sources")

SOURCES = {
    "source": Column("sources.source"), "is_late": Column("sources.late"), "synced_at": Column("sources.synced"), "age_hours": Column("sources.age", "hours"),
    "rows": Column("sources.rows", "count"), "refused": Column("sources.refused", "count"), "tables": Column("sources.tables", "count"),
    "failed": Column("sources.failed", "count"),
}  # fmt: skip
TABLES = {
    "source": Column("sources.source"), "table": Column("sources.table"), "entity": Column("sources.entity"), "status": Column("sources.status"),
    "read_at": Column("sources.read_at"), "rows": Column("sources.rows", "count"), "read": Column("sources.read", "count"),
    "new": Column("sources.new", "count"), "changed": Column("sources.changed", "count"), "deleted": Column("sources.deleted", "count"),
    "refused": Column("sources.refused", "count"), "cursor": Column("sources.cursor"),
}  # fmt: skip
REASONS = {"source": Column("sources.source"), "table": Column("sources.table"), "reason": Column("sources.reason"), "n": Column("sources.rows", "count")}
REFUSED = {
    "key": Column("sources.key"), "row": Column("sources.row", "count"), "reasons": Column("sources.reasons"), "raw": Column("sources.raw"),
    "first_seen": Column("sources.first_seen"), "last_seen": Column("sources.last_seen"),
}  # fmt: skip
COVERAGE = {
    "source": Column("sources.source"), "table": Column("sources.table"), "column": Column("sources.column"), "filled": Column("sources.filled", "progress"),
    "is_required": Column("sources.required"),
}  # fmt: skip
HISTORY = {
    "started_at": Column("sources.started"), "source": Column("sources.source"), "table": Column("sources.table"), "mode": Column("sources.mode"),
    "status": Column("sources.status"), "seconds": Column("sources.seconds", "seconds"), "read": Column("sources.read", "count"),
    "new": Column("sources.new", "count"), "changed": Column("sources.changed", "count"), "deleted": Column("sources.deleted", "count"),
    "rejected": Column("sources.refused", "count"), "error": Column("sources.error"),
}  # fmt: skip

view = page.opened("sources")
state = intake.intake(dt.datetime.now(dt.UTC))


def worded(rows):
    """Statuses and ways of reading in the reader's words."""
    groups = {"status": "sources.statuses", "mode": "sources.modes"}
    return rows.assign(**{name: rows[name].map(partial(code_of, group), na_action="ignore") for name, group in groups.items() if name in rows})


@page.part("sources.figures")
def figures(state):
    """The state of everything in one line of numbers."""
    shown = {
        "sources.sources": numbers.count(len(state.sources)),
        "sources.late_sources": numbers.count(state.n_late),
        "sources.tables_failed": numbers.count(len(state.failures)),
        "sources.refused_rows": numbers.count(state.n_refused),
    }
    grid = page.boxes(len(shown))
    for label, value in shown.items():
        grid.metric(t(label), value)


@page.part("sources.sync")
def sync_now(state):
    """The button, and what the sync that it started is doing."""
    job, holder = syncing.job(), intake.busy()
    if job is not None and job.is_running:
        running(job)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        ready = syncing.sources_file() is not None and holder is None
        if st.button(t("sources.sync_now"), type="primary", icon=":material/sync:", disabled=not ready, key="sources_sync"):
            syncing.start()
            st.rerun()
        if holder is not None:
            st.caption(t("sources.busy", host=plain(holder["host"]), since=plain(holder["since"])))
        elif not ready:
            st.caption(t("sources.no_file"))
    if job is not None:
        ended(job)


@page.fragment(run_every=1)
def running(job):
    """Progress, once a second, until the sync ends."""
    if not job.is_running:
        st.rerun()
    step = job.step
    what = t(f"sources.stages.{step.stage}", what=plain(step.what), n=numbers.count(step.n)) if step else t("sources.starting")
    st.progress(job.share, text=what)
    if st.button(t("sources.stop"), icon=":material/stop_circle:", key="sources_stop", disabled=job.cancel.is_set()):
        job.cancel.set()


def ended(job):
    """How the last sync of this server ended."""
    if job.error:
        st.error(plain(job.error), icon=":material/sync_problem:")
    elif job.code:
        st.error(t("errors.unexpected", what=t("sources.sync"), code=job.code), icon=":material/sync_problem:")
    elif job.outcome.is_complete:
        st.success(t("sources.published" if job.outcome.is_published else "sources.unchanged"), icon=":material/check_circle:")
    else:
        st.warning(t("sources.incomplete"), icon=":material/sync_problem:")
    for warning in job.outcome.warnings if job.outcome else ():
        st.warning(plain(warning))


@page.part("sources.by_source")
def by_source(view, state):
    with page.section("sources.by_source"):
        table(view, intake.told(view, ("sources", state.at), lambda: listing(view, state.sources, SOURCES)), key="sources_sources")
    with page.section("sources.by_table"):
        table(view, intake.told(view, "tables", lambda: listing(view, worded(state.tables), TABLES)), key="sources_tables")
        for failure in worded(state.failures).itertuples() if len(state.failures) else ():
            st.error(t("sources.table_failed", table=plain(f"{failure.source}.{failure.table}"), why=plain(failure.error or failure.status)))


@page.part("sources.quarantine")
def quarantine(view, state):
    """Refused rows by reason; choosing a reason opens the rows."""
    with page.section("sources.quarantine", help="sources.quarantine_help"):
        rules, reasons = data.once(view, ("refused by reason", state.snapshot.id), lambda: by_reason(view, state.snapshot))
        if not rules:
            st.caption(t("sources.nothing_refused"))
            return
        chosen = table(view, reasons, key="sources_reasons", select=True)
        if chosen is None:
            st.caption(t("sources.choose_reason"))
            return
        refused = partial(intake.refused, state.snapshot, chosen["source"], chosen["table"], rules[chosen["reason"]], refusals.sentence)
        table(view, refused(), REFUSED, key="sources_refused", total=chosen["n"], whole=partial(refused, limit=chosen["n"]))


def by_reason(view, snapshot):
    """The rules that rows break, in words, and how many rows break each."""
    rows = intake.reasons(snapshot)
    return {refusals.rule(rule): rule for rule in rows["reason"]}, listing(view, rows.assign(reason=rows["reason"].map(refusals.rule)), REASONS)


@page.part("sources.coverage")
def coverage(view, state):
    with page.section("sources.coverage", help="sources.coverage_help"):
        rows = data.once(view, ("coverage", state.snapshot.id), lambda: listing(view, intake.coverage(state.snapshot), COVERAGE))
        table(view, rows, key="sources_coverage")


@page.part("sources.history")
def history(view):
    with page.section("sources.history"):
        table(view, intake.told(view, "history", lambda: listing(view, worded(intake.history()), HISTORY)), key="sources_history")


if state.snapshot is None and state.tables.empty:
    page.nothing_published()
if may(reader, "sync"):
    sync_now(state)
if not state.tables.empty:
    figures(state)
    by_source(view, state)
if state.snapshot is not None:
    quarantine(view, state)
    coverage(view, state)
history(view)
