"""Can we trust our CRM this quarter? One audit: every check judged, quarter by quarter, with evidence, findings, documents and a name under it."""

import pandas as pd
import streamlit as st

from access.guard import admitted_now, guard
from access.roles import may
from metrics.audit import counts, period_of
from records import audits as kept
from ui import audit_files, audit_forms, audit_matrix, audit_paper, audits, behind, data, numbers, page, zero_based
from ui import audit_words as words
from ui.recognised import why
from ui.table import Column, table
from ui.view import NO_SNAPSHOT
from ui.words import plain, t

guard("audit")

CHECKS = {
    "verdict": Column("audit.verdict"), "title": Column("audit.check"), "value": Column("audit.value"), "expected": Column("audit.expected"),
    "reason": Column("audit.reason"), "owner": Column("audit.owner"), "status": Column("audit.status"), "due": Column("audit.due"),
    "area": Column("audit.area"),
}  # fmt: skip
DIFFERENCES = {"check": Column("audit.check"), "field": Column("audit.field"), "was": Column("audit.was"), "now": Column("audit.now")}
RECORDS = {
    "record": Column("health.record"), "record_id": Column("health.record_id"), "email": Column("health.email"), "phone": Column("health.phone"),
    "tax_no": Column("health.tax_no"), "source": Column("sources.source"), "entity": Column("health.entity"),
}  # fmt: skip

view = page.opened("audit")


def make(view, quarter):
    """Compute and keep it, saying how far it is."""
    called = words.quarter(quarter.name)
    with st.status(t("audit.making", quarter=called), expanded=False) as box:
        told = lambda done, whole: box.update(label=t("audit.made_step", quarter=called, done=numbers.count(done), all=numbers.count(whole)))  # noqa: E731
        made = audits.make(view, quarter, told)
    return made


@page.part("audit.title")
def begin(view, quarter):
    """The one button, where there is no audit yet."""
    st.info(t("audit.not_made", quarter=words.quarter(quarter.name)), icon=":material/fact_check:")
    st.caption(t("audit.not_made_help"))
    if may(admitted_now(), "edit_audits") and st.button(
        t("audit.make", quarter=words.quarter(quarter.name)), type="primary", icon=":material/fact_check:", key="audit_make"
    ):
        make(view, quarter)
        st.rerun(scope="app")


@page.part("audit.title")
def answer_first(view, quarter, made, is_newer):
    """What it says, who stands for it, and what has to be known before."""
    content = audits.content_of(made)
    first, *rest = words.answer(content)
    page.sentence(f"{first} {' '.join(map(plain, rest))}")
    st.caption(plain(audit_paper.standing(view, made)))
    if made.comment:
        st.caption(t("audit.comment_says", text=plain(made.comment)))
    if not kept.is_intact(made):
        st.error(t("audit.broken"), icon=":material/gpp_bad:")
    for text in audit_paper.warnings(content):
        st.warning(plain(text), icon=":material/priority_high:")
    if is_newer:
        st.info(t("audit.newer_draft"), icon=":material/edit_note:")
    if may(admitted_now(), "edit_audits") and st.button(t("audit.make_again"), icon=":material/refresh:", key="audit_again"):
        make(view, quarter)
        st.rerun(scope="app")


@page.part("audit.summary")
def areas(view, found):
    """How each area stands."""
    with page.section("audit.summary"):
        audit_matrix.areas(found)


@page.part("audit.list")
def checks(view, made, found):
    """Every line, the worst first; the one selected opens."""
    with page.section("audit.list", help="audit.list_help"):
        content, own = audits.content_of(made), {one.check: one for one in found if one.audit == made.number}
        lines = {line["key"]: line for line in words.ordered(content["checks"])}
        rows = pd.DataFrame([audit_paper.checked(line, own.get(key)) for key, line in lines.items()])
        chosen = table(view, rows, CHECKS, key="audit_checks", select=True)
        audit_forms.find_all(view, made, [line for key, line in lines.items() if line["verdict"] == "fail" and key not in own])
        if chosen is None:
            st.caption(t("audit.choose"))
            return
        line = lines[chosen["key"]]
        st.subheader(plain(words.title(line)), anchor=False)
        page.sentence(plain(words.reason(line)))
        st.caption(plain(" · ".join(text for text in (words.verdict(line["verdict"]), words.expected(line), words.limit(line)) if text)))
        audit_forms.finding(view, made, line, own.get(line["key"]))
        rows_behind(view, content, line)


def rows_behind(view, content, line):
    """The rows behind a line, from the audit's own snapshot."""
    try:
        parts = [part for part in audits.evidence(view, content, line) if part.total]
    except audits.BROKEN as error:
        st.warning(t("audit.no_evidence_left", why=plain(str(error))), icon=":material/folder_off:")
        return
    if not parts:
        st.caption(t("audit.no_evidence"))
    for number, part in enumerate(parts):
        said = ", ".join(audit_paper.narrowing(part)) or words.metric(part.metric)
        many = {"shown": numbers.count(len(part.rows)), "total": numbers.count(part.total)}
        st.caption(t("audit.evidence_of", title=plain(said), **many))
        key = f"audit_rows_{number}"
        columns = RECORDS if part.metric == "data_health" else {name: told for name, told in behind.columns_of(part.rows).items() if name in part.rows}
        shown = part.rows if part.metric == "data_health" else behind.worded(part.rows)
        behind.leading(view, shown, columns, key=key, metrics=(data.metric(part.metric),), total=part.total)
    st.caption(t("audit.evidence_later"))


@page.part("audit.map")
def matrix(view, quarters, quarter, every, shown):
    """Quarter by quarter; those that are lacking can be computed."""
    with page.section("audit.map", help="audit.map_help"):
        page.sentence(t("audit.map_says", n=numbers.count(len({one.quarter for one in every}))))
        audit_matrix.quarters(audit_paper.in_quarters(audits.in_matrix(every, shown)))
        lacking = audits.lacking(every, quarters, quarter)
        if lacking and may(admitted_now(), "edit_audits") and st.button(t("audit.fill"), icon=":material/history:", key="audit_fill"):
            for one in lacking:
                make(view, one)
            st.rerun(scope="app")


@page.part("audit.findings")
def findings(view, every, found, made):
    """What somebody was asked to see to, and how it stands."""
    with page.section("audit.findings", help="audit.findings_help"):
        told = [one for one in found if one.audit == made.number or one.status == kept.OPEN]
        if not told:
            st.caption(t("audit.no_findings"))
            return
        audit_forms.findings(view, every, told, audits.content_of(made)["checks"])


@page.part("audit.maturity")
def maturity(view, made):
    """The questionnaire."""
    with page.section("audit.maturity", help="audit.maturity_help"):
        audit_forms.questionnaire(view, made)


@page.part("audit.papers")
def papers(view, made, every, found):
    """The document in three shapes, written when they are asked for."""
    with page.section("audit.papers", help="audit.papers_help"):
        if not may(admitted_now(), "export"):
            return
        if not st.toggle(t("audit.prepare"), key=f"audit_papers_{made.number}"):
            return
        with st.spinner(t("audit.preparing")):
            paper = audits_paper(view, made, every, found)
            name = f"audit_{made.quarter}"
            html, excel = audit_files.as_html(paper), audit_files.as_excel(paper)
        with st.container(horizontal=True):
            file(view, "HTML", html, f"{name}.html", "text/html")
            try:
                file(view, "PDF", audit_files.as_pdf(paper, made.signed_at or made.created_at), f"{name}.pdf", "application/pdf")
            except audit_files.NoFont as error:
                st.warning(t("audit.no_pdf", why=plain(str(error))), icon=":material/font_download_off:")
            file(view, "Excel", excel, f"{name}.xlsx", audit_files.EXCEL)


def file(view, label, content, name, kind):
    """A button that hands a file out; the access log knows who took it."""
    key = f"audit_file_{label}"
    st.download_button(label, content, name, kind, icon=":material/download:", key=key, on_click=audit_forms.taken, args=(view, name))


def audits_paper(view, made, every, found):
    """The document with the evidence of what does not pass."""
    content, rows, unknown = audits.content_of(made), {}, {}
    for line in content["checks"]:
        if line["verdict"] not in ("fail", "warn"):
            continue
        try:
            rows[line["key"]] = audits.evidence(view, content, line, audit_files.MOST)
        except audits.BROKEN as error:
            unknown[line["key"]] = str(error)
    return audit_paper.paper(view, made, audits.in_matrix(every, made), found, rows, unknown)


@page.part("audit.verify")
def verify(view, made):
    """The same again, from its own snapshot; and what differs."""
    with page.section("audit.verify", help="audit.verify_help"):
        st.caption(" · ".join(f"{label}: {plain(text)}" for label, text in audit_paper.head(made, audits.content_of(made))))
        if since := audits.configured_since(view, made):
            st.caption(t("audit.configured_since", n=numbers.count(len(since)), named=plain(", ".join(since))))
        if not st.button(t("audit.verify"), icon=":material/published_with_changes:", key="audit_verify"):
            return
        with st.spinner(t("audit.making", quarter=words.quarter(made.quarter))):
            found = audits.again(view, made)
        if found.state == "gone":
            st.warning(t("audit.verify_gone", why=plain(why(Exception(found.why)))), icon=":material/folder_off:")
        elif found.state == "same":
            st.success(t("audit.verify_same", hash=found.hash), icon=":material/verified:")
            st.caption(t("audit.verify_frozen"))
        else:
            differing(view, made, found)


def differing(view, made, found):
    """Line by line what is different, and why it may be."""
    st.warning(t("audit.verify_differs", n=numbers.count(len(found.differences))), icon=":material/difference:")
    table(view, pd.DataFrame(audits.told(made, found)), DIFFERENCES, key="audit_differences")
    because = [t(f"audit.causes.{one['cause']}", name=plain(one["name"])) for one in found.causes]
    st.caption(f"{t('audit.because')}: {', '.join(because)}" if because else t("audit.verify_unexplained"))


@page.part("audit.sign")
def sign(view, made, present):
    """The name under it."""
    with page.section("audit.sign", help="audit.sign_help"):
        if made.signed_at is not None:
            page.sentence(plain(audit_paper.standing(view, made)))
            st.caption(f"{t('audit.seal')}: {made.seal}")
        audit_forms.signing(view, made, present)


def unused(view, quarter, loaded):
    """What few use, decided anew each quarter: of the quarter that is looked at, whether or not it is audited yet."""
    zero_based.part(view.over(period_of(quarter, loaded, data.calendar(view.settings))))


def main(view):
    """The quarter that is chosen, its audit, and all that belongs to it."""
    quarters = audits.offered(view)
    loaded = data.reach(view.snapshot).as_of
    names = {one.name: words.named_quarter(one, loaded) for one in quarters}
    usual = audits.usual(view, quarters)
    chosen = st.selectbox(t("audit.quarter"), list(names), index=usual, format_func=names.get, key="audit_quarter", width=260)
    quarter = next(one for one in quarters if one.name == chosen)
    every, found = audits.every(), audits.findings()
    present, draft = audits.standing(every, quarter)
    is_newer = present is not None and draft is not None
    made = draft if draft is not None and (present is None or st.toggle(t("audit.show_draft"), key="audit_draft")) else present
    if made is None:
        begin(view, quarter)
        unused(view, quarter, loaded)
        return
    content = audits.content_of(made)
    answer_first(view, quarter, made, is_newer)
    areas(view, [{"name": words.area(name), "counts": counts(lines)} for name, lines in audits.by_area(content).items()])
    checks(view, made, found)
    findings(view, every, found, made)
    matrix(view, quarters, quarter, every, made)
    maturity(view, made)
    unused(view, quarter, loaded)
    papers(view, made, every, found)
    verify(view, made)
    sign(view, made, present)


if view.snapshot == NO_SNAPSHOT:
    page.nothing_published()
else:
    main(view)
