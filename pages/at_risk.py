"""Whom do I call today? The customers with flags: mine first, then by the revenue behind them; why, what changed, what to do, and what is done."""

from dataclasses import replace

import streamlit as st

import charts
from access.guard import admitted_now, guard
from access.reach import owned
from metrics.policies import KINDS, policy
from records.cases import Standing
from ui import backtest, calling, case_form, case_sheet, cases, data, likely, numbers, page, reasons
from ui.figure import figure, ready
from ui.navigation import customer_link
from ui.table import Column, listing, table
from ui.words import plain, t

guard("at_risk")

FIRST = 5  # customers told in full, above the list
LIST = {
    "customer": Column("at_risk.columns.customer"), "case": Column("cases.title"),
    "is_mine": Column("at_risk.columns.mine"), "revenue": Column("at_risk.columns.revenue", "money"),
    "why": Column("at_risk.columns.why"), "action": Column("at_risk.columns.action"), "since": Column("at_risk.columns.since"),
    "changed": Column("at_risk.columns.changed"), **likely.COLUMNS,
    "score": Column("at_risk.columns.score", "points"), "level": Column("at_risk.columns.level"),
    "contact_on": Column("at_risk.columns.contact"), "renewal_on": Column("at_risk.columns.renewal"),
    "complaints": Column("at_risk.columns.complaints", "count"), "owner": Column("filters.owner"), "grade": Column("filters.grade"),
    "region": Column("filters.region"),
}  # fmt: skip
COUNTS = {"kind": Column("at_risk.columns.kind"), "value": Column("at_risk.columns.customers", "count"), "denominator": Column("at_risk.columns.all", "count")}

view = page.begin("at_risk")
now = calling.today(view)
mine = tuple(sorted(owned(data.directory(), admitted_now().name)))


def answer_first(now) -> bool:
    """How many are at risk, and what they bring; whether there is anybody."""
    told = calling.said(now)
    if told is None:
        page.empty(calling.nobody(now), day=numbers.day(now.period.last_day))
        return False
    page.sentence(told)
    st.caption(likely.caption(now))
    return True


def chosen_kinds() -> list[str]:
    """Flags that the list is narrowed to; kept in the URL."""
    names = {kind: t(f"at_risk.flags.{kind}") for kind in KINDS}
    asked = [kind for kind in st.query_params.get_all("flag") if kind in names]
    how = {"format_func": names.get, "selection_mode": "multi", "default": asked, "key": "at_risk_flags"}
    chosen = st.pills(t("at_risk.choose"), list(names), **how)
    if chosen != asked:
        st.query_params["flag"] = chosen
    return chosen


def only_mine() -> bool:
    """Whether the list holds the reader's own customers alone; kept in the URL."""
    if not mine:
        return False
    is_on = st.toggle(t("at_risk.only_mine"), value=st.query_params.get("mine") == "1", key="at_risk_mine")
    if is_on:
        st.query_params["mine"] = "1"
    elif "mine" in st.query_params:
        del st.query_params["mine"]
    return is_on


def chosen_state() -> str:
    """How the customers of the list stand with their cases; kept in the URL."""
    names = {name: t(f"cases.states.{name}") for name in cases.STATES}
    asked = st.query_params.get("cases") if st.query_params.get("cases") in names else cases.STATES[0]
    chosen = st.segmented_control(t("cases.status"), list(names), default=asked, format_func=names.get, key="at_risk_cases", required=True)
    if chosen != asked:
        st.query_params["cases"] = chosen
    return chosen


@page.part("at_risk.list")
def whom(now):
    """The list, its head told in full; whoever is chosen there has a case opened, or worked on."""
    with page.section("at_risk.list", help="at_risk.list_help"):
        known, theirs = policy(now.query()), cases.known(now)
        standings = cases.standings(now, theirs)
        chosen, state, alone = chosen_kinds(), chosen_state(), only_mine()
        narrowed, said = (mine, tuple(sorted(chosen)), alone, cases.narrowed(state, standings)), cases.in_words(now, standings)
        found = on_screen(now, *narrowed, tuple(said.items()), bool(theirs))
        if found is None:
            st.caption(t("at_risk.no_match"))
            return
        if left := cases.hidden(state, standings):
            st.caption(left)
        first, rows, total = found
        for row, name, said_of_it in first:
            with st.container(border=True, gap="xsmall"):
                if not customer_link(now, row["customer_id"], name):
                    st.markdown(name)
                st.markdown(said_of_it)
                case_form.folded(now, row["customer_id"], row, standings.get(row["customer_id"], cases.NOBODY).case, known, row["customer_id"])
        st.markdown(f"**{t('at_risk.everybody')}**")
        metrics = tuple(data.metric(name) for name in ("at_risk", "revenue_at_risk", "customer_health"))
        everything = lambda: with_cases(in_words(now, *narrowed, None).rows, said)  # noqa: E731
        row = table(now, rows, key="at_risk", metrics=metrics, total=total, whole=everything, select=True)
        st.caption(t("cases.select")) if row is None else chosen_row(now, row, standings.get(row["customer_id"], cases.NOBODY), known)


@data.told
def on_screen(now, owners, chosen, alone, among, said, has_cases):
    """The customers told in full (the row, its name, what is told), the list with what is `said` of cases, and how many there are; None where nobody is."""
    found = put_into_words(now, owners, chosen, alone, among)
    if found.rows.empty:
        return None
    rows = with_cases(found.rows, dict(said))
    columns = {name: column for name, column in LIST.items() if (owners or name != "is_mine") and (has_cases or name != "case")}
    first = rows.head(FIRST).to_dict("records")
    return [(row, f"**{plain(row['customer'])}**", in_full(now, row)) for row in first], listing(now, rows, columns), found.total


@data.told
def put_into_words(now, owners, chosen, alone, among):
    """The list as far as it stands on screen, without cases: whatever is said of them, it stays."""
    return in_words(now, owners, chosen, alone, among, calling.ON_SCREEN)


def with_cases(rows, said):
    """The list with each customer's case. said: of `cases.in_words`."""
    return rows.assign(case=[said.get(customer, "") for customer in rows["customer_id"]])


def in_words(now, owners, chosen, alone: bool, among, limit: int | None) -> data.Behind:
    """The list with its reasons, actions and likelihoods in words."""
    found = calling.listed(now, set(owners), chosen, alone, limit, **among)
    return found if found.rows.empty else replace(found, rows=likely.beside(now, reasons.told(found.rows, policy(now.query()), set(owners))))


def chosen_row(now, row: dict, stands: Standing, known) -> None:
    """The customer selected in the list: its page, and what may be done."""
    customer_link(now, row["customer_id"], t("behind.open_customer", name=plain(row["customer"])))
    if stands.case or cases.may_edit():
        with st.container(border=True):
            case_form.panel(now, row["customer_id"], row, stands.case, known, "row")


@page.part("cases.list")
def all_cases(now):
    """Every case of the reader's customers, also of those who are not at risk any more."""
    with page.section("cases.list", help="cases.list_help"):
        known, theirs = policy(now.query()), cases.known(now)
        if not theirs:
            st.caption(t("cases.none"))
            return
        picked = case_sheet.listed(now, theirs, cases.standings(now, theirs), known)
        if picked is None:
            return
        account, case = picked
        customer_link(now, account, t("behind.open_customer", name=plain(case_sheet.called(now, account))))
        with st.container(border=True):
            case_form.panel(now, account, calling.row_of(now, account), case, known, f"case{case.number}")


@page.part("cases.effect")
def effect(now):
    """What became of the closed cases, by play."""
    with page.section("cases.effect", help="cases.effect_help"):
        case_sheet.effect(now, cases.known(now))


def in_full(now, row) -> str:
    """One customer: what it brings, why it is here, what it is likely to do, what to do; below, smaller, what changed and what else to know."""
    said = [f":gray[{about(now, row)}]", plain(row["why"]), *likely.told(row), f":material/arrow_forward: **{plain(row['action'])}**"]
    beside = [t("at_risk.changed", what=plain(row["changed"]))] if row["changed"] else []
    beside += [t("at_risk.since", day=numbers.day(row["since"]))] if row["since"] else []
    beside.append(t("at_risk.contact", day=numbers.day(row["contact_on"])) if row["contact_on"] else t("at_risk.no_contact"))
    beside += [t("at_risk.renewal", day=numbers.day(row["renewal_on"]))] if row["renewal_on"] else []
    beside += [t("at_risk.complaints", n=numbers.count(row["complaints"]))] if row["complaints"] else []
    lines = [" · ".join(beside), *([f":material/medical_services: {plain(row['case'])}"] if row["case"] else [])]
    return "  \n".join([*said, *(f":small[:gray[{line}]]" for line in lines)])


def about(now, row) -> str:
    """Revenue, grade, owner and score of a customer in a line."""
    parts = [numbers.shown(row["revenue"], "money", now.currency), plain(row["grade"])]
    parts += [plain(row["owner"])] if isinstance(row["owner"], str) else []
    parts += [t("at_risk.score", score=numbers.shown(row["score"], "points"), level=plain(row["level"]))] if numbers.is_number(row["score"]) else []
    return " · ".join(parts)


@page.part("at_risk.by_flag", parallel=True)
def by_flag(now):
    """How many customers have each flag; what is not recorded is named."""
    with page.section("at_risk.by_flag", help="at_risk.by_flag_help"):
        rows, spec, unknown = counted(now)
        figure(now, spec, t("at_risk.by_flag_alt"), key="at_risk_by_flag", rows=rows, columns=COUNTS, metrics=(data.metric("flags"),))
        if unknown:
            st.caption(unknown)


@data.told
def counted(now):
    """The flags, the most frequent first, their figure, and which of them are not recorded; None where all are."""
    answer = data.answer(now, "flags")
    rows = answer.rows.sort_values("value", ascending=False, kind="stable")
    names = {kind: t(f"at_risk.flags.{kind}") for kind in rows["kind"]}
    missing = t("at_risk.and").join(t(f"at_risk.flags.{kind}") for kind in answer.notes["unknown"])
    unknown = t("at_risk.unknown_flags", names=missing) if missing else None
    return rows.assign(kind=rows["kind"].map(names)), ready(charts.bars(rows, "kind", numbers.count, names=names)), unknown


if answer_first(now):
    whom(now)
    by_flag(now)
backtest.section(now)
all_cases(now)
effect(now)
