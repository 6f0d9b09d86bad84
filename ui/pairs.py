"""The queue of records that may be one customer: the list, one pair side by side, what is decided and taken back. Decisions count from the next sync on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from access import journal
from access.guard import NotAdmitted, admitted_now
from access.kept import Kept
from access.reader import Reader
from access.roles import may
from metrics.identity_findings import KINDS
from metrics.pairs import AT_ONCE, ORDERS, named, waiting
from records import database, identities
from records.database import RecordsError
from records.identities import OPEN, Overtaken
from records.judged import IdentityDecision
from ui import customers, data, numbers, page, pair_sheet
from ui.table import Column, Listing, listing, table
from ui.view import View
from ui.words import plain, t

METRIC, ACTION = "identity_findings", "edit_identities"
QUEUE = {
    "name_a": Column("identity.one"), "name_b": Column("identity.other"), "why": Column("identity.why"),
    "at_stake": Column("identity.at_stake", "money", "identity.at_stake_help"), "source_a": Column("identity.source_one"),
    "source_b": Column("identity.source_other"), "is_late": Column("identity.postponed"),
}  # fmt: skip
FINDINGS = {
    "finding": Column("identity.finding"), "source": Column("sources.source"), "value": Column("identity.findings_n", "count"),
    "n": Column("identity.records_n", "count"),
}  # fmt: skip
RECORDS = {"record_id": Column("health.record_id"), "record": Column("health.record"), "source": Column("sources.source"), "detail": Column("identity.detail")}
DECIDED = {
    "at": Column("identity.decided_at"), "who": Column("identity.who"), "decision": Column("identity.decision"), "one": Column("identity.one"),
    "other": Column("identity.other"), "note": Column("identity.note"),
}  # fmt: skip
SHORTCUTS = {"same": "Alt+Y", "apart": "Alt+N", "later": "Alt+L"}  # of the keyboard
ICONS = {"same": ":material/join:", "apart": ":material/call_split:", "later": ":material/schedule:"}
MOST_DECIDED = 200
ASKED, TURN = "_identity_asked", "_identity_turn"

_kept = Kept()


@dataclass(frozen=True)
class Asked:
    """What a reader wants to say of two records, on what they were shown. seen: number of the newest word on the pair there was; note: the key of its field."""

    one: str
    other: str
    decision: str
    seen: int
    note: str = ""


def words() -> list[IdentityDecision]:
    """The newest word on every pair, the oldest first."""
    return _kept.read(data.directory(), identities.newest)


def decisions() -> list[IdentityDecision]:
    """Those that hold."""
    return [one for one in words() if one.decision != OPEN]


def may_decide() -> bool:
    return may(admitted_now(), ACTION)


def section(view: View) -> None:
    """Findings, the queue with one pair opened, and what was decided."""
    settled(view)
    _findings(view)
    _queue(view)
    _decided(view)


def _findings(view: View) -> None:
    """What is wrong with who is who, by kind and source; a line that is selected shows its records."""
    rows = _found(view)
    if rows is None:
        st.caption(t("identity.no_findings"))
        return
    chosen = table(view, rows, key="identity_findings", metrics=(data.metric(METRIC),), select=True)
    if chosen is not None:
        where = {} if pd.isna(chosen["of"]) else {"source": chosen["of"]}
        found = data.rows_behind(view, METRIC, where=where, finding=chosen["known"])
        table(view, found.rows, RECORDS, key="identity_records", total=found.total)


@data.told
def _found(view: View) -> Listing | None:
    """The list of findings in words; None where there are none."""
    rows = data.answer(view, METRIC).rows
    if rows.empty:
        return None
    rows = rows.sort_values("finding", key=lambda names: names.map(KINDS.index), kind="stable", ignore_index=True)
    return listing(view, rows.assign(known=rows["finding"], of=rows["source"], finding=[kind(name) for name in rows["finding"]]), FINDINGS)


def kind(finding: str) -> str:
    return t(f"identity.kinds.{pair_sheet.slug(finding)}")


def _queue(view: View) -> None:
    """The list, by probability or by money; its first pair is open unless another one is selected."""
    words = {name: t(f"identity.orders.{name}") for name in ORDERS}
    order = st.segmented_control(t("identity.order"), list(words), default="probable", format_func=words.get, required=True, key="identity_order")
    rows, first, total, pages = _listed(view, order)
    if not total:
        st.caption(t("identity.none"))
        return
    page.sentence(t("identity.says_waiting", n=total))
    if pages > 1:
        st.number_input(t("identity.page", n=numbers.count(AT_ONCE)), 1, pages, key="identity_page", width=200)
    chosen = table(view, rows, key="identity_queue", total=total, select=True)
    if first:
        _opened(view, chosen or first)


def _listed(view: View, order: str) -> tuple[Listing, dict | None, int, int]:
    """The page of the list that the reader is at, its first pair, how many there are in all, and how many pages. A page that is no more is the last one."""
    said, asked = decisions(), st.session_state.get("identity_page", 1)
    decided = tuple(_pair(one) for one in said if one.decision in ("same", "apart"))
    later = tuple(_pair(one) for one in said if one.decision == "later")
    found = _page(view, order, decided, later, asked - 1)
    pages = max(-(-found[2] // AT_ONCE), 1)
    if asked > pages:
        st.session_state["identity_page"] = pages
        found = _page(view, order, decided, later, pages - 1)
    return *found, pages


@data.told
def _page(view: View, order: str, decided: tuple[str, ...], later: tuple[str, ...], place: int) -> tuple[Listing, dict | None, int]:
    """A page of the pairs that are not decided, its first one, and how many there are in all."""
    rows, total = customers.about(view.snapshot, waiting, order, decided, later, place)
    rows = rows.assign(why=[pair_sheet.said(row) for row in rows.to_dict("records")])
    return listing(view, rows, QUEUE), rows.iloc[0].to_dict() if len(rows) else None, total


def _pair(one: IdentityDecision) -> str:
    return f"{one.record_a}|{one.record_b}"


def _opened(view: View, pair: dict) -> None:
    with st.container(border=True):
        st.markdown(f"**{plain(pair['name_a'])}** · **{plain(pair['name_b'])}**")
        amounts = [numbers.shown(pair[f"revenue_{side}"], "money", view.currency) for side in "ab" if numbers.is_number(pair[f"revenue_{side}"])]
        money = t("identity.revenues", one=amounts[0], other=amounts[1]) if len(amounts) == 2 else ""
        page.sentence(t("identity.and").join(part for part in (plain(pair_sheet.said(pair)), money) if part))
        if may_decide():
            _buttons(view, pair)
        pair_sheet.sheet(view, pair)


def _buttons(view: View, pair: dict) -> None:
    """One customer, two, or later; the next pair opens by itself."""
    note = f"identity_note_{pair['pair']}_{st.session_state.get(TURN, 0)}"
    st.text_input(t("identity.note"), key=note, placeholder=t("identity.note_hint"))
    with st.container(horizontal=True):
        for name, key in SHORTCUTS.items():
            kind = "primary" if name == "same" else "secondary"
            asked = _asked(pair["record_a"], pair["record_b"], name, note)
            st.button(t(f"identity.do.{name}"), key=f"identity_{name}", type=kind, icon=ICONS[name], shortcut=key, on_click=_ask, args=(asked,))
    st.caption(t("identity.next_sync"))


def _decided(view: View) -> None:
    """What was decided, the newest first; a line that is selected can be taken back."""
    said = decisions()[::-1][:MOST_DECIDED]
    if not said:
        return
    with st.expander(t("identity.decided", n=numbers.count(len(said)))):
        rows = _told(view, said)
        chosen = table(view, rows, DECIDED, key="identity_decided", select=True)
        if chosen is None or not may_decide():
            st.caption(t("identity.choose_decided"))
        else:
            asked = _asked(chosen["record_a"], chosen["record_b"], OPEN)
            st.button(t("identity.undo"), key="identity_undo", icon=":material/undo:", shortcut="Alt+U", on_click=_ask, args=(asked,))


def _told(view: View, said: list[IdentityDecision]) -> pd.DataFrame:
    names = customers.about(view.snapshot, named, sorted({record for one in said for record in (one.record_a, one.record_b)}))
    return pd.DataFrame(
        {
            "at": one.at, "who": one.who or t("register.here"), "decision": t(f"identity.decisions.{one.decision}"), "note": one.note,
            "one": names.get(one.record_a, one.record_a), "other": names.get(one.record_b, one.record_b), "record_a": one.record_a, "record_b": one.record_b,
        }
        for one in said
    )  # fmt: skip


def parting(view: View, record: dict) -> None:
    """On a customer's page: says that a linked record is another customer's after all. record: of metrics.customer.records."""
    if may_decide() and isinstance(record["via"], str) and record["rule"] != "source":
        asked = _asked(record["record_id"], record["via"], "apart")
        st.button(t("identity.part", name=plain(record["name"])), key="identity_part", icon=":material/call_split:", on_click=_ask, args=(asked,))
        st.caption(t("identity.next_sync"))


def because(record: dict) -> str:
    """Why a record belongs to its customer, by what linked it."""
    pair = {record["record_id"], record["via"]}
    decided = next((one for one in decisions() if one.decision == "same" and {one.record_a, one.record_b} == pair), None)
    return pair_sheet.because(record, decided)


def _asked(one: str, other: str, decision: str, note: str = "") -> Asked:
    one, other = min(one, other), max(one, other)
    return Asked(one, other, decision, next((said.number for said in words() if (said.record_a, said.record_b) == (one, other)), 0), note)


def _ask(asked: Asked) -> None:
    """Runs at the click, before the list is read anew: what is saved is about the pair that the reader saw."""
    st.session_state[ASKED] = asked, st.session_state.get(asked.note, "") if asked.note else ""


def settled(view: View) -> None:
    """Save what was asked for since the page was drawn, and say what came of it. Who decides on an older state is told, and nothing is saved."""
    asked, note = st.session_state.pop(ASKED, (None, ""))
    if asked is None:
        return
    reader = _editor()
    try:
        made = {"by": reader.name, "at": dt.datetime.now(dt.UTC), "note": note, "seen": asked.seen}
        identities.decide(database.opened(data.directory()), asked.one, asked.other, asked.decision, **made)
    except Overtaken as overtaken:
        who = plain(overtaken.newer.who or t("register.here"))
        st.warning(t("identity.overtaken", who=who, decision=t(f"identity.decisions.{overtaken.newer.decision}")), icon=":material/group:")
    except RecordsError as error:
        st.error(plain(error), icon=":material/report:")
    else:
        journal.note(reader.name, reader.grant.role, "identity_decided", f"{asked.one}|{asked.other}", snapshot=view.snapshot, decision=asked.decision)
        st.success(t(f"identity.done.{asked.decision}"), icon=":material/check:")
        st.session_state[TURN] = st.session_state.get(TURN, 0) + 1
    _kept.forget()


def _editor() -> Reader:
    """The reader, who must at this very moment be allowed to say who is one customer."""
    reader = admitted_now()
    if not may(reader, ACTION):
        raise NotAdmitted("saying which records are one customer is not for this reader")
    return reader
