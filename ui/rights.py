"""Settings, roles: who may see what. One rule per person or group; without a rule a person sees nothing."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import streamlit as st

import warehouse
from access import grants, identity, journal
from access.grants import SEGMENTS, NotAGrant
from access.guard import NotAdmitted, admitted_now
from access.reader import Reader, acting
from access.roles import ROLES, may
from records import database, rules
from records.database import RecordsError
from records.models import Rule
from ui import data, entrance, numbers, offered, page
from ui.table import Column, table
from ui.view import View
from ui.words import plain, t

KINDS = ("user", "group")
DENIED = "denied"  # a rule without a role
COLUMNS = {
    "kind": Column("rights.kind"), "subject": Column("rights.subject"), "role": Column("access.role"), "reach": Column("access.reach"),
    "changed_at": Column("rights.changed_at"), "changed_by": Column("rights.changed_by"),
}  # fmt: skip


def rights_tab(view: View) -> None:
    """The list of rules, and a form to add one, or to change or remove the one selected."""
    page.sentence(t("rights.says" if identity.is_configured() else "rights.says_local"))
    known = rules.rules(database.connect(data.directory())) if database.exists(data.directory()) else []
    chosen = table(view, pd.DataFrame([_told(rule) for rule in known], columns=[*COLUMNS]), COLUMNS, key="rights", select=True) if known else None
    if not known:
        st.caption(t("rights.none"))
        st.code(f"python -m access grant ann@example.com administrator all --data {data.directory()}", language="bash")
    one = next((rule for rule in known if chosen and _told(rule)["subject"] == chosen["subject"] and _told(rule)["kind"] == chosen["kind"]), None)
    _form(one)


def _told(rule: Rule) -> dict:
    role = t(f"access.roles.{rule.role}") if rule.role in ROLES else t("rights.denied") if rule.role is None else rule.role
    held = grants.Grant(rule.role or "", rule.reach, rule.column, tuple(rule.values))
    return {
        "kind": t(f"rights.kinds.{rule.subject_kind}"), "subject": rule.subject, "role": role, "reach": entrance.reach_in_words(held) if rule.role else "",
        "changed_at": rule.changed_at, "changed_by": rule.changed_by or t("rights.here"),
    }  # fmt: skip


def _form(rule: Rule | None) -> None:
    """What is typed stays there until it has been saved."""
    mark = f"{rule.number}_{rule.version}" if rule else "new"
    with st.container(border=True):
        st.subheader(t("rights.change") if rule else t("rights.add"), anchor=False)
        left, right = st.columns(2)
        kind = left.selectbox(t("rights.kind"), KINDS, KINDS.index(rule.subject_kind) if rule else 0, lambda k: t(f"rights.kinds.{k}"), key=f"rule_kind_{mark}")
        subject = right.text_input(t("rights.subject"), rule.subject if rule else "", key=f"rule_subject_{mark}", placeholder=t(f"rights.subjects.{kind}"))
        roles, reaches = (*ROLES, DENIED), rules.REACHES
        role = left.selectbox(
            t("access.role"), roles, roles.index(rule.role or DENIED) if rule else 0, key=f"rule_role_{mark}",
            format_func=lambda name: t("rights.denied") if name == DENIED else t(f"access.roles.{name}"),
        )  # fmt: skip
        reach = right.selectbox(
            t("access.reach"), reaches, reaches.index(rule.reach) if rule else 0, lambda r: t(f"access.reaches.{r}"), key=f"rule_reach_{mark}",
            disabled=role == DENIED,
        )  # fmt: skip
        column, values = _segment(rule, mark) if reach == "segment" and role != DENIED else (None, [])
        given = {"subject_kind": kind, "subject": subject, "role": None if role == DENIED else role, "reach": reach, "column": column, "values": values}
        _reaches(given)
        _buttons(rule, given)


def _segment(rule: Rule | None, mark: str) -> tuple[str, list[str]]:
    left, right = st.columns(2)
    columns = list(SEGMENTS)
    at = columns.index(rule.column) if rule and rule.column in columns else 0
    column = left.selectbox(t("access.column"), columns, at, lambda name: t(f"access.columns.{name}"), key=f"rule_column_{mark}")
    there = offered.values_of(data.newest().id, column)
    held = [value for value in (rule.values if rule else ()) if value in there]
    return column, right.multiselect(t("rights.values"), there, held, key=f"rule_values_{mark}_{column}", placeholder=t("rights.values_choose"))


def _reaches(given: dict) -> None:
    """How many customers a rule would open, before it is saved."""
    is_personal = given["reach"] in ("own", "department")
    if given["role"] is None or (is_personal and (given["subject_kind"] == "group" or not given["subject"].strip())):
        return
    try:
        grant = grants.checked(given["role"], given["reach"], given["column"], given["values"])
    except NotAGrant:
        return
    scope = acting(data.directory(), given["subject"].strip() or None, grant).scope
    n = data.accounts_in(data.newest().id, scope)
    st.caption(t("rights.reaches", n=numbers.count(n), total=numbers.count(data.accounts_in(data.newest().id, admitted_now().scope))))


def _buttons(rule: Rule | None, given: dict) -> None:
    with st.container(horizontal=True):
        if st.button(t("rights.save"), type="primary", key="rule_save", disabled=not given["subject"].strip()):
            _do(rule, given)
        if rule and st.button(t("rights.remove"), key="rule_remove", icon=":material/delete:"):
            _do(rule, None)


def _do(rule: Rule | None, given: dict | None) -> None:
    """Save or remove (given: None), note it, and let it hold at once."""
    try:
        reader = _editor()
        _written(reader, rule, given)
    except (NotAGrant, RecordsError) as error:
        st.error(plain(error), icon=":material/report:")
        return
    grants.forget()
    st.rerun()


def _editor() -> Reader:
    """The reader, who must be allowed to change rules at this very moment."""
    reader = admitted_now()
    if not may(reader, "edit_rules"):
        raise NotAdmitted("changing who may see what is for administrators")
    return reader


def _written(reader: Reader, rule: Rule | None, given: dict | None) -> None:
    engine, by, at = database.opened(warehouse.directory()), reader.name, dt.datetime.now(dt.UTC)
    if given is not None:
        grants.checked(given["role"], given["reach"], given["column"], given["values"])
    said = given or {"subject_kind": rule.subject_kind, "subject": rule.subject, "role": None}
    if given is None:
        rules.remove(engine, rule.number, rule.version)
    elif rule is None:
        rules.grant(engine, Rule(**given), by, at)
    else:
        rules.change(engine, rule.number, rule.version, by=by, at=at, **given)
    what = "rule_removed" if given is None else "rule_added" if rule is None else "rule_changed"
    detail = {"kind": said["subject_kind"], "given": said["role"], "reach": said.get("reach"), "values": said.get("values")}
    journal.note(reader.name, reader.grant.role, what, said["subject"], **detail)
