"""What an auditor writes: findings with an owner and a day, the questionnaire, and the name under the document."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

import pandas as pd
import streamlit as st

from access import identity, journal
from access.guard import admitted_now
from access.roles import may
from metrics.audit_policy import policy
from metrics.maturity import LEVELS, QUESTIONS, answered, reached
from records import audits, database
from records.audited import Audit, AuditFinding
from records.database import RecordsError
from records.editing import Conflict
from ui import audit_words as words
from ui import data, numbers, page
from ui.audit_paper import level
from ui.audits import content_of, forget, today
from ui.recognised import why
from ui.table import Column, table
from ui.view import View
from ui.words import plain, t

FINDINGS = {
    "check": Column("audit.check"), "state": Column("audit.status"), "owner": Column("audit.owner"), "due": Column("audit.due"), "note": Column("audit.note"),
    "quarter": Column("audit.from_quarter"),
}  # fmt: skip
CHOSEN = ("open", "done", "accepted")  # what somebody may set; "carried" comes by itself


def _noted(action: str, object: str, **detail) -> None:
    reader = admitted_now()
    journal.note(reader.name, reader.grant.role, action, object, **detail)
    forget()


def taken(view: View, file: str) -> None:
    """A document leaves the server."""
    reader = admitted_now()
    journal.note(reader.name, reader.grant.role, "exported", file, snapshot=view.snapshot)


def _who() -> dict:
    return {"by": admitted_now().name, "at": dt.datetime.now(dt.UTC)}


def finding(view: View, made: Audit, line: Mapping, there: AuditFinding | None) -> None:
    """Ask somebody to see to a line; or what has been asked, to change it."""
    if there is not None:
        change(view, there, words.title(line))
        return
    if not may(admitted_now(), "edit_audits") or line["verdict"] not in ("fail", "warn"):
        return
    with st.form(f"finding_{line['key']}", border=True):
        st.markdown(f"**{t('audit.find')}**")
        given = _asked(view, made, f"finding_{line['key']}", line["owner"])
        if st.form_submit_button(t("audit.find"), icon=":material/flag:") and _open(view, made, [line], given["owner"], given["due_on"], given["note"]):
            st.rerun()


def _asked(view: View, made: Audit, key: str, owner: str) -> dict:
    """Owner, day and note of a finding about to be opened."""
    due = today(view) + dt.timedelta(days=policy(content_of(made)["settings"]).due_days)
    who, when = st.columns(2)
    return {
        "owner": who.text_input(t("audit.owner"), value=owner, key=f"{key}_owner"),
        "due_on": when.date_input(t("audit.due"), value=due, key=f"{key}_due", format="YYYY-MM-DD"),
        "note": st.text_input(t("audit.note"), key=f"{key}_note"),
    }


def _open(view: View, made: Audit, lines: Iterable[Mapping], owner: str, due_on: dt.date | None, note: str = "") -> bool:
    """Open a finding for each line; whether it was done."""
    engine, opened = database.opened(data.directory()), 0
    for line in lines:
        given = {"owner": line["owner"] or owner, "due_on": due_on, "status": audits.OPEN, "note": note}
        if faults := audits.faults(given, today(view)):
            st.error(" ".join(t(f"audit.faults.{name}") for name in faults), icon=":material/error:")
            return False
        try:
            audits.open_finding(engine, made.number, line["key"], line["verdict"], owner=given["owner"], due_on=due_on, note=note, today=today(view), **_who())
        except Conflict as conflict:
            st.warning(t("audit.sign_conflict", why=plain(why(conflict))), icon=":material/group:")
            return False
        _noted("finding_opened", f"{made.quarter}: {line['key']}", owner=given["owner"])
        opened += 1
    st.toast(t("audit.found") if opened == 1 else t("audit.found_all", n=numbers.count(opened)), icon=":material/flag:")
    return True


def find_all(view: View, made: Audit, lines: list[Mapping]) -> None:
    """One button for all lines that fail and that nobody has been asked about."""
    if not lines or not may(admitted_now(), "edit_audits"):
        return
    with st.popover(t("audit.find_all", n=numbers.count(len(lines))), icon=":material/flag:"), st.form("find_all", border=False):
        st.caption(t("audit.find_all_help"))
        given = _asked(view, made, "find_all", "")
        if st.form_submit_button(t("audit.find_all", n=numbers.count(len(lines)))) and _open(view, made, lines, **given):
            st.rerun()


def change(view: View, found: AuditFinding, title: str) -> None:
    """What has been asked of whom; for who may, to hand it on or to close it."""
    state = t(f"audit.statuses.{found.status}")
    state = t("audit.late", status=state) if audits.is_overdue(found, today(view)) else state
    st.markdown(f"**{plain(title)}** · {state} · {plain(found.owner)} · {plain(numbers.day(found.due_on))}")
    if not may(admitted_now(), "edit_audits") or found.status == audits.CARRIED:
        return
    key = f"finding_{found.number}_{found.version}"
    with st.form(key, border=True):
        who, when, how = st.columns(3)
        given = {
            "owner": who.text_input(t("audit.owner"), value=found.owner, key=f"{key}_owner"),
            "due_on": when.date_input(t("audit.due"), value=found.due_on, key=f"{key}_due", format="YYYY-MM-DD"),
            "status": how.selectbox(
                t("audit.status"), CHOSEN, index=CHOSEN.index(found.status), key=f"{key}_status", format_func=lambda code: t(f"audit.statuses.{code}")
            ),
            "note": st.text_input(t("audit.note"), value=found.note, key=f"{key}_note"),
        }
        if st.form_submit_button(t("audit.save")):
            _changed(view, found, given)


def _changed(view: View, found: AuditFinding, given: Mapping) -> None:
    if faults := audits.faults(given, today(view) if given["due_on"] != found.due_on else None):
        st.error(" ".join(t(f"audit.faults.{name}") for name in faults), icon=":material/error:")
        return
    try:
        _, differing = audits.change_finding(database.opened(data.directory()), found.number, found.version, today=today(view), **_who(), **given)
    except RecordsError as error:
        st.warning(t("audit.sign_conflict", why=plain(why(error))), icon=":material/group:")
        return
    _noted("finding_changed", f"{found.number}: {found.check}", changed=differing, status=given["status"])
    st.toast(t("audit.saved"), icon=":material/check:")
    st.rerun()


def findings(view: View, every: Iterable[Audit], found: list[AuditFinding], lines: Iterable[Mapping]) -> None:
    """All findings that somebody has still to see to, and those of this audit; one that is chosen can be changed."""
    quarters = {one.number: words.quarter(one.quarter) for one in every}
    late = [one for one in found if audits.is_overdue(one, today(view))]
    going = [one for one in found if one.status == audits.OPEN]
    page.sentence(t("audit.findings_says", n=numbers.count(len(found)), open=numbers.count(len(going)), late=numbers.count(len(late))))
    rows = pd.DataFrame([_told(view, one, quarters, lines) for one in found])
    chosen = table(view, rows, FINDINGS, key="audit_findings", select=True)
    if chosen is None:
        st.caption(t("audit.choose_finding"))
        return
    change(view, next(one for one in found if one.number == chosen["number"]), chosen["check"])


def _told(view: View, found: AuditFinding, quarters: Mapping[int, str], lines: Iterable[Mapping]) -> dict:
    state = t(f"audit.statuses.{found.status}")
    return {
        "number": found.number, "check": words.titled(found.check, lines), "owner": found.owner, "due": found.due_on, "note": found.note,
        "state": t("audit.late", status=state) if audits.is_overdue(found, today(view)) else state, "quarter": quarters.get(found.audit, ""),
    }  # fmt: skip


def questionnaire(view: View, made: Audit) -> None:
    """The questions with their answers; for who may, and until it is signed, to answer."""
    whole = reached(made.maturity)
    told = {"answered": numbers.count(answered(made.maturity)), "all": numbers.count(len(QUESTIONS))}
    page.sentence(t("audit.maturity_says", level=level(whole)) if whole else t("audit.maturity_open", **told))
    if made.signed_at is not None or not may(admitted_now(), "edit_audits"):
        for name in QUESTIONS:
            st.markdown(
                f"{t(f'audit.questions.{name}')}  \n**{level(made.maturity.get(name, {}).get('level'))}** {plain(made.maturity.get(name, {}).get('note', ''))}"
            )
        return
    st.caption(" · ".join(f"{t(f'audit.levels.{number}')}: {t(f'audit.levels_help.{number}')}" for number in LEVELS))
    with st.form(f"maturity_{made.number}_{made.version}", border=False):
        given = {name: _question(made, name) for name in QUESTIONS}
        if st.form_submit_button(t("audit.save")):
            _answered(made, given)


def _question(made: Audit, name: str) -> dict:
    there, key = made.maturity.get(name, {}), f"maturity_{name}"
    asked, noted = st.columns([3, 2], vertical_alignment="bottom")
    chosen = asked.radio(
        t(f"audit.questions.{name}"), list(LEVELS), index=list(LEVELS).index(there["level"]) if there.get("level") else None, horizontal=True, key=key,
        format_func=lambda number: t(f"audit.levels.{number}"),
    )  # fmt: skip
    note = noted.text_input(t("audit.note"), value=there.get("note", ""), key=f"{key}_note", label_visibility="collapsed", placeholder=t("audit.note"))
    return {"level": chosen, "note": note.strip()}


def _answered(made: Audit, given: Mapping) -> None:
    try:
        audits.answer(database.opened(data.directory()), made.number, made.version, given, **_who())
    except RecordsError as error:
        st.warning(t("audit.sign_conflict", why=plain(why(error))), icon=":material/group:")
        return
    _noted("audit_answered", f"{made.quarter} ({made.number})")
    st.toast(t("audit.saved"), icon=":material/check:")
    st.rerun()


def signing(view: View, made: Audit, present: Audit | None) -> None:
    """The name under it. present: the signed audit of the quarter that this one would replace."""
    if made.signed_at is not None:
        return
    if not may(admitted_now(), "sign_audits"):
        st.caption(t("audit.sign_not_you" if identity.is_configured() else "audit.sign_not_you_local"))
        return
    with st.form(f"sign_{made.number}", border=True):
        name = st.text_input(t("audit.sign_name"), key="sign_name")
        comment = st.text_area(t("audit.sign_comment"), key="sign_comment", height=80)
        is_sure = st.checkbox(t("audit.sign_sure"), key="sign_sure")
        if st.form_submit_button(t("audit.sign"), type="primary", icon=":material/signature:"):
            _sign(made, name if is_sure else "", comment, present)


def _sign(made: Audit, name: str, comment: str, present: Audit | None) -> None:
    replaced = present.number if present is not None else None
    try:
        done = audits.sign(database.opened(data.directory()), made.number, made.version, name=name, comment=comment, succeeds=replaced, **_who())
    except audits.NotSigned as refused:
        st.error(" ".join(t(f"audit.refusals.{reason}") for reason in refused.reasons), icon=":material/block:")
        return
    except Conflict as conflict:
        st.warning(t("audit.sign_conflict", why=plain(why(conflict))), icon=":material/group:")
        return
    _noted("audit_signed", f"{made.quarter} ({made.number})", name=done.signed_by, seal=done.seal[:12])
    st.toast(t("audit.sign_done"), icon=":material/signature:")
    st.rerun()
