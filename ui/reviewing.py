"""Records of high-value customers that are looked through by hand: who is due, what fails, what was found, and the note of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd
import streamlit as st

from access import journal
from access.guard import NotAdmitted, admitted_now
from access.kept import Kept
from access.roles import may
from metrics import people
from metrics.health_policy import policy_or_default
from records import database, reviews
from records.database import RecordsError
from records.judged import Review
from ui import cases, customers, data, faults, numbers, page, spoken
from ui.navigation import customer_link
from ui.table import Column, Listing, listing, table
from ui.view import View
from ui.words import plain, t

METRIC, ACTION = "high_value_faults", "review_data"
COLUMNS = {
    "customer": Column("retention.customer"), "tier": Column("segments.grade"), "amount": Column("review.amount", "money", "review.amount_help"),
    "n_faults": Column("review.faults", "count"), "what": Column("review.what"), "is_due": Column("review.due", help="review.due_help"),
    "reviewed_on": Column("review.reviewed_on"), "who": Column("review.who"), "verdict": Column("review.verdict"), "note": Column("review.note"),
}  # fmt: skip
TURNS = "_review_turns"  # counts the notes of this session, so that each has fresh fields


@data.told
def high_value(view: View) -> pd.DataFrame:
    """High-value customers (the first 5,000 of them) in words, as if nobody had looked through any; `checks`: their failing checks' codes."""
    rows = data.rows_behind(view, METRIC).rows
    return rows.assign(tier=rows["tier"].map(spoken.grade), what=[_named(view, checks) for checks in rows["checks"]])


@data.told
def _listed(view: View, said: tuple[tuple, ...], only_due: bool) -> Listing:
    """The queue, those that are due first. said: of customers that were looked through, as `_said` says it."""
    rows = high_value(view)
    known, never = {customer: rest for customer, *rest in said}, (True, None, "", t("review.never"), "")
    found = [known.get(customer, never) for customer in rows["customer_id"]]
    rows = rows.assign(**{name: [one[place] for one in found] for place, name in enumerate(("is_due", "reviewed_on", "who", "verdict", "note"))})
    rows = rows.sort_values(["is_due", "n_faults"], ascending=False, kind="stable", ignore_index=True)
    return listing(view, rows[rows["is_due"]] if only_due else rows, COLUMNS)


def _said(view: View) -> tuple[tuple, ...]:
    """What the newest reviews say, of each customer: whether it is due, when and by whom it was looked through, what was found, and the note."""
    days, now = _days(view), dt.datetime.now(dt.UTC)
    return tuple(
        (customer, reviews.is_due(one, days, now), one.at, _who(one), t(f"review.verdicts.{one.verdict}"), one.note) for customer, one in _newest(view).items()
    )


def _newest(view: View) -> dict[str, Review]:
    """The newest review of every account that the reader may see, under the account that a customer belongs to now."""
    found = _kept.read(data.directory(), reviews.reviews)
    accounts = customers.about(view.snapshot, people.accounts, *sorted({one.customer_id for one in found})) if found else {}
    newest: dict[str, Review] = {}
    for one in found:
        if one.customer_id in accounts:
            newest.setdefault(accounts[one.customer_id], one)
    return newest


_kept = Kept()


def _days(view: View) -> int:
    return policy_or_default(view.settings).review_days


def _named(view: View, checks: str) -> str:
    return " · ".join(faults.called(check, view.settings) for check in checks.split(",")) if checks else ""


def _who(one: Review) -> str:
    return one.who or t("register.here")


def told(view: View) -> str:
    """How many are due, how many were never looked at, and how many have faults: of all of them, also where the list holds only the first."""
    (n, failing, grades), newest, days, now = _whole(view), _newest(view), _days(view), dt.datetime.now(dt.UTC)
    asked = replace(view.query(), where=(*view.query().where, ("customer_id", tuple(sorted(newest)))))
    seen = list(data.listed(view, METRIC, asked, len(newest)).rows["customer_id"]) if newest else []
    fresh = sum(not reviews.is_due(newest[customer], days, now) for customer in seen)
    said = {"n": numbers.count(n), "due": numbers.count(n - fresh), "never": numbers.count(n - len(seen))}
    return t("review.says", **said, grades=grades, faults=numbers.count(failing), days=numbers.count(days))


@data.told
def _whole(view: View):
    """How many high-value customers there are, how many of them have faults, and which grades are of high value."""
    found = data.answer(view, METRIC).rows.iloc[0]
    return found["n"], found["numerator"], " · ".join(dict.fromkeys(high_value(view)["tier"]))


def section(view: View) -> None:
    """The queue; a line that is selected opens what can be said of it."""
    if high_value(view).empty:
        st.caption(t("review.nobody"))
        return
    page.sentence(told(view))
    only = st.toggle(t("review.only_due"), value=True, key="review_only_due")
    chosen = table(view, _listed(view, _said(view), only), key="review_queue", metrics=(data.metric(METRIC),), select=True)
    if chosen is None:
        st.caption(t("review.choose"))
        return
    st.markdown(f"**{plain(chosen['customer'])}** · {chosen['what'] or t('review.no_faults')}")
    customer_link(view, chosen["customer_id"], t("health.open_customer"))
    if may(admitted_now(), ACTION):
        _form(view, chosen)


def _form(view: View, chosen: dict) -> None:
    turn = f"{chosen['customer_id']}_{st.session_state.get(TURNS, 0)}"
    verdict = st.segmented_control(
        t("review.found"), reviews.VERDICTS, default=reviews.CORRECT, format_func=lambda name: t(f"review.verdicts.{name}"), required=True,
        key=f"review_verdict_{turn}", help=t("review.found_help"),
    )  # fmt: skip
    note = st.text_input(t("review.note"), key=f"review_note_{turn}", placeholder=t("review.note_hint"))
    is_silent = verdict == reviews.WRONG and not note.strip()
    if is_silent:
        st.caption(t("review.say_what"))
    if st.button(t("review.save"), type="primary", key=f"review_save_{turn}", disabled=is_silent):
        _save(view, chosen, verdict, note)


def _save(view: View, chosen: dict, verdict: str, note: str) -> None:
    """Note the review, by a reader who at this very moment may, and may see this customer."""
    reader, customer = admitted_now(), chosen["customer_id"]
    if not may(reader, ACTION) or not cases.is_theirs(view, customer):
        raise NotAdmitted("this record is not the reader's to review")
    failed = chosen["checks"].split(",") if chosen["checks"] else []
    try:
        reviews.reviewed(
            database.opened(data.directory()), {customer: failed}, verdict, note, by=reader.name, at=dt.datetime.now(dt.UTC), snapshot=view.snapshot
        )
    except RecordsError as error:
        st.error(plain(error), icon=":material/report:")
        return
    journal.note(reader.name, reader.grant.role, "record_reviewed", customer, snapshot=view.snapshot, verdict=verdict)
    st.session_state[TURNS] = st.session_state.get(TURNS, 0) + 1
    _kept.forget()
    st.rerun()
