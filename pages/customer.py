"""Who is this customer? Basics, transactions, service and preferences side by side, and everything that happened as one list."""

from functools import reduce

import streamlit as st

import charts
from access.guard import guard
from metrics import customer
from metrics.policies import policy
from ui import behind, calling, case_form, case_sheet, cases, customers, data, freshness, health, numbers, page, pairs, reasons, regrades, view
from ui.figure import figure
from ui.navigation import customer_link
from ui.table import Column, table
from ui.words import code_of, has, plain, t, value_of

guard("customer")

FACTS = ("kind", "grade", "industry", "region", "size", "owner", "department", "parent", "channel", "tags")
DAYS = ("first_contact_on", "signed_on", "lost_on")
REACHED = ("email", "phone", "tax_no")
MOST_PEOPLE, MOST_SAID = 6, 3
GROUPS = {
    "money": ("invoice", "credit_note", "payment", "failed_payment"), "agreements": ("agreement_begun", "agreement_over"),
    "deals": ("deal_created", "deal_stage", "deal_won", "deal_lost"), "conversations": ("interaction",), "tickets": ("ticket_opened", "ticket_solved"),
    "answers": ("answer",),
}  # fmt: skip
RECORDS = {
    "source": Column("customer.columns.source"), "because": Column("customer.columns.because"), "name": Column("customer.columns.name"),
    "source_id": Column("customer.columns.source_id"), "record_id": Column("customer.columns.row"),
}  # fmt: skip
MONTHS = {
    "period": Column("customer.transactions.month"), "value": Column("customer.transactions.revenue", "money"),
    "complete": Column("customer.transactions.complete"),
}  # fmt: skip
AGREEMENTS = {
    "what": Column("customer.columns.product"), "amount": Column("customer.columns.a_month", "score"), "currency": Column("customer.columns.currency"),
    "due_on": Column("customer.columns.renewal"), "state": Column("customer.columns.state"), "happened_on": Column("customer.columns.since"),
}  # fmt: skip
DEALS = {
    "row_id": Column("funnel.deal"), "state": Column("customer.columns.state"), "amount": Column("customer.columns.amount", "score"),
    "currency": Column("customer.columns.currency"), "happened_on": Column("customer.columns.created"), "done_on": Column("customer.columns.closed"),
    "who": Column("filters.owner"),
}  # fmt: skip
PRODUCTS = {
    "product": Column("customer.columns.product"), "revenue": Column("customer.transactions.revenue", "money"), "category": Column("customer.columns.category"),
    "last_month": Column("customer.columns.last_month"),
}  # fmt: skip
TICKETS = {name: behind.TICKETS[name] for name in ("kind", "opened_on", "age_days", "priority", "channel", "ticket_id")}
CHANNELS = {
    "channel": Column("customer.columns.channel"),
    "n": Column("customer.columns.times", "count"),
    "last_on": Column("customer.columns.last"),
}
SCORES = {
    "dimension": Column("customer.columns.dimension"), "score": Column("customer.columns.theirs", "score"),
    "company": Column("customer.columns.everybody", "score"), "scale": Column("customer.columns.scale"), "on": Column("customer.columns.on"),
}  # fmt: skip
COURSE = {"period": Column("customer.columns.on"), "value": Column("customer.columns.score", "score"), "n": Column("customer.columns.n", "count")}
EVENTS = {
    "happened_on": Column("customer.columns.on"), "kind": Column("customer.columns.kind"), "what": Column("customer.columns.what"),
    "amount": Column("customer.columns.amount", "score"), "currency": Column("customer.columns.currency"), "score": Column("customer.columns.score", "score"),
    "note": Column("customer.columns.note"), "who": Column("customer.columns.who"), "row_id": Column("customer.columns.row"),
}  # fmt: skip
TOLD = {"deal_stage": behind.WORDS["stage"], "interaction": lambda said: channel(said), "answer": lambda said: value_of("dimension", said)}


def channel(name) -> str:
    """A way to speak with a customer, in the reader's language; one that only the company knows stays as it is written."""
    return code_of("customer.channels", str(name).lower()) if has(f"customer.channels.{str(name).lower()}") else str(name)


def about(kind: str, what) -> str | None:
    """What an event is about, in words."""
    if not isinstance(what, str):
        return None
    return TOLD[kind](what) if kind in TOLD else value_of("kind", what) if kind.startswith("ticket") else what


def money(account, value) -> str:
    return numbers.shown(value, "money", account.view.currency)


@page.fragment()
def search(looked, chosen: str) -> None:
    """A box that finds customers by a part of their name, and links to them."""
    label = t("customer.search")
    text = st.text_input(label, key=f"customer_search_{chosen}", placeholder=label, label_visibility="collapsed", icon=":material/search:", width=360)
    if not text.strip():
        if not chosen:
            st.caption(t("customer.search_first"))
        return
    with page.safely(label):
        found = customers.suggestions(looked, text)
        if found.empty:
            st.caption(t("customer.no_match"))
        for row in found.to_dict("records"):
            beside = " · ".join(plain(row[name]) for name in ("region", "owner") if isinstance(row[name], str))
            customer_link(looked, row["customer_id"], plain(row["name"]) + (f" :gray[{beside}]" if beside else ""))
        if len(found) >= customer.MOST_FOUND:
            st.caption(t("customer.first_matches", n=numbers.count(len(found))))


@page.part("customer.title")
def answer_first(account):
    """Who this is, what it brings, and how it is with it, in a few sentences."""
    known = account.basics
    parts = [value_of("grade", known["grade"])] if known["grade"] else []
    parts += [plain(known[name]) for name in ("industry", "region") if known[name]]
    parts.append(t("customer.says.owner", owner=plain(known["owner"])) if known["owner"] else t("customer.says.no_owner"))
    parts += [t("customer.says.since", day=numbers.day(known["signed_on"]))] if known["signed_on"] else []
    parts += [t("customer.says.lost", day=numbers.day(known["lost_on"]))] if known["lost_on"] else []
    said = [t("customer.says.who", name=plain(known["name"]), what=t("customer.says.between").join(parts)), said_money(account)]
    said += said_service(account) if account.happened is not None else []
    page.sentence(reduce(lambda first, then: t("format.sentences", first=first, then=then), said))
    if graded := regrades.of_customer(account.view, account.id):
        st.caption(graded)


def said_money(account) -> str:
    orders, change = account.of(customer.orders, account.as_of), data.compare(account.year, "revenue", where=account.where)
    if not orders["last_on"]:
        return t("customer.says.no_money")
    figures = {"before": money(account, change.before["value"]), "day": numbers.day(orders["last_on"])}
    if change.now["state"] != "value":
        return t("customer.says.no_money_lately", **figures)
    return t("customer.says.money", now=money(account, change.now["value"]), **figures)


def said_service(account) -> list[str]:
    happened, as_of = account.happened, account.as_of
    last, answered = customer.last_contact(happened, as_of), customer.recommendation(happened, as_of, account.recommends)
    said = [t("customer.says.contact", day=numbers.day(last["happened_on"])) if last else t("customer.says.no_contact")]
    said += [t("customer.says.tickets", n=numbers.count(account.waiting.total))] if account.waiting.total else []
    if answered and answered["band"]:
        said.append(t("customer.says.recommends", score=numbers.bare(answered["score"]), band=t(f"customer.bands.{answered['band']}")))
    return said


def fact(label: str, value: str) -> None:
    st.markdown(f":gray[{t(label)}]  \n{value}", width=150)


@page.part("customer.basics.title")
def basics(account):
    """What is known of the customer itself, the people there, and the records that it is made of."""
    with page.section("customer.basics.title"):
        pairs.settled(account.view)
        known, records = account.basics, account.of(customer.records)
        worded = {"kind": lambda kind: t(f"customer.kinds.{kind}"), "grade": lambda grade: plain(value_of("grade", grade))}
        with st.container(horizontal=True, gap="small"):
            for name in (*FACTS, *REACHED):
                if known[name]:
                    fact(f"customer.basics.{name}", worded.get(name, plain)(known[name]))
            for name in DAYS:
                if known[name]:
                    fact(f"customer.basics.{name}", numbers.day(known[name]))
        people(account)
        if len(records):
            st.markdown(f"**{t('customer.basics.proof')}**")
            told = records.assign(because=[because(row) for row in records.to_dict("records")])
            chosen = table(account.view, told, RECORDS, key="customer_records", select=pairs.may_decide())
            if chosen is not None and not chosen["is_own"]:
                pairs.parting(account.view, chosen)
        st.caption(freshness.said(account.view, {known["source"], *records["source"]}))


def people(account) -> None:
    found = account.of(customer.contacts)
    st.markdown(f"**{t('customer.basics.people')}**")
    if found.empty:
        st.caption(t("customer.basics.no_people"))
    for row in found.head(MOST_PEOPLE).to_dict("records"):
        st.markdown(" · ".join(plain(row[name]) for name in ("name", "role_in_decision", "email", "phone") if isinstance(row[name], str)))
    if rest := found.iloc[MOST_PEOPLE:].shape[0]:
        st.caption(t("customer.basics.more_people", n=numbers.count(rest)))


def because(record: dict) -> str:
    """Why a record is part of this customer."""
    if record["is_own"]:
        return t("customer.proofs.own")
    said = [pairs.because(record) if isinstance(record["rule"], str) else t("customer.proofs.merged")]
    said += [t(f"customer.proofs.same_{proof}") for proof in customer.PROOF if record[f"same_{proof}"] is True]
    return "; ".join(said)


@page.part("customer.transactions.title")
def transactions(account):
    """What it brings, by month and by product; what is agreed and offered."""
    with page.section("customer.transactions.title"):
        happened, as_of, orders = account.happened, account.as_of, account.of(customer.orders, account.as_of)
        agreements, deals, failed = customer.agreements(happened, as_of), customer.deals(happened, as_of), customer.failed_payments(happened, as_of)
        if not orders["n"] and agreements.empty and deals.empty:
            st.caption(t("customer.transactions.none"))
            return
        figures(account, orders)
        if orders["n"]:
            by_month(account)
            listed(account, account.of(customer.products, account.year.period.start, as_of), "customer.transactions.products", PRODUCTS)
        states = {"state": lambda state: code_of("customer.states", state)}
        listed(account, agreements.assign(state=agreements["state"].map(states["state"])), "customer.transactions.agreements", AGREEMENTS)
        listed(account, deals.assign(state=deals["state"].map(states["state"])), "customer.transactions.deals", DEALS)
        if failed["n"]:
            st.caption(f":material/credit_card_off: {t('customer.transactions.failed', n=numbers.count(failed['n']), day=numbers.day(failed['last_on']))}")
        st.caption(freshness.said(account.view, customer.sources(happened, "transactions")))


def figures(account, orders: dict) -> None:
    """Revenue of the year, recurring value, and orders."""
    change, monthly = data.compare(account.year, "revenue", where=account.where), data.answer(account.view, "mrr", where=account.where).rows.iloc[0]
    with st.container(horizontal=True, gap="large"):
        before = t("customer.transactions.before", value=money(account, change.before["value"]))
        st.metric(t("customer.transactions.year"), money(account, change.now["value"]), help=t("customer.transactions.year_help"), width="content")
        if monthly["state"] == "value":
            st.metric(t("metrics.mrr.name"), money(account, monthly["value"]), width="content")
        st.metric(t("customer.transactions.orders"), numbers.count(orders["n"]), width="content")
    since = t("customer.transactions.orders_since", day=numbers.day(orders["first_on"])) if orders["first_on"] else ""
    st.caption(" · ".join(part for part in (before, since) if part))


def by_month(account) -> None:
    looked, metric = account.months, data.metric("revenue")
    answer = data.answer(looked, "revenue", grain="month", where=account.where)
    spec = charts.line(answer.rows, lambda value: money(account, value), tick=numbers.tick, step=numbers.month, height=200)
    alt = t("customer.transactions.by_month_alt")
    st.markdown(f"**{t('customer.transactions.by_month')}**")
    figure(looked, spec, alt, key="customer_revenue", rows=answer.rows, columns=MONTHS, metrics=(metric,))


def listed(account, rows, title: str, columns) -> None:
    """A short table under its name; nothing where there are no rows."""
    if len(rows):
        st.markdown(f"**{t(title)}**")
        table(account.view, rows, columns, key=f"customer_{title.split('.')[-1]}")


@page.part("customer.service.title")
def service(account):
    """What is open, who spoke with them last and how, and what was promised."""
    with page.section("customer.service.title"):
        happened, as_of = account.happened, account.as_of
        last, used, solved = customer.last_contact(happened, as_of), customer.channels(happened, as_of), customer.solved_lately(happened, as_of)
        if customer.timeline(happened, as_of, customer.SERVED).empty:
            st.caption(t("customer.service.none"))
            return
        waiting = account.waiting
        with st.container(horizontal=True, gap="large"):
            st.metric(t("customer.service.open"), numbers.count(waiting.total), width="content")
            st.metric(t("customer.service.solved"), numbers.count(len(solved)), width="content")
        if last:
            who = t("customer.service.by", who=plain(last["who"])) if isinstance(last["who"], str) else ""
            page.sentence(t("customer.service.contact_says", day=numbers.day(last["happened_on"]), channel=plain(channel(last["what"])), who=who))
            promised(customer.promised(happened, as_of))
        listed(account, behind.worded(waiting.rows), "customer.service.open", TICKETS)
        listed(account, used.assign(channel=used["channel"].map(channel)), "customer.service.channels", CHANNELS)
        st.caption(freshness.said(account.view, customer.sources(happened, "service")))


def promised(waiting) -> None:
    if waiting.empty:
        st.caption(t("customer.service.no_next"))
    for row in waiting.head(1).to_dict("records"):
        what = plain(row["promise"]) if isinstance(row["promise"], str) else t("customer.service.unsaid")
        page.sentence(t(f"customer.service.{'late' if row['is_late'] else 'next'}_says", day=numbers.day(row["due_on"]), what=what))


@page.part("customer.preferences.title")
def preferences(account):
    """What its people answered in surveys under their names, beside what all accounts of the reader answered."""
    with page.section("customer.preferences.title"):
        happened, as_of = account.happened, account.as_of
        scores, said = customer.scores(happened, as_of), customer.said(happened, as_of)
        if scores.empty and said.empty:
            st.caption(t("customer.preferences.none"))
            return
        recommended(account)
        compared(account, scores[scores["dimension"].str.lower() != account.recommends])
        over_time(account, list(scores["dimension"]))
        if len(said):
            st.markdown(f"**{t('customer.preferences.said')}**")
        for row in said.head(MOST_SAID).to_dict("records"):
            st.markdown(t("customer.preferences.quote", text=plain(row["note"])))
            st.caption(" · ".join(plain(part) for part in (numbers.day(row["happened_on"]), row["who"], row["state"]) if isinstance(part, str)))
        st.caption(freshness.said(account.view, customer.sources(happened, "preferences")))


def recommended(account) -> None:
    answered = customer.recommendation(account.happened, account.as_of, account.recommends)
    if not answered or not answered["band"]:
        return
    whole = data.answer(account.year, "nps").rows.iloc[0]
    company = numbers.shown(whole["value"], "points") if whole["state"] == "value" else t(f"states.{whole['state']}")
    st.metric(t("customer.preferences.recommends"), numbers.bare(answered["score"]), help=t("customer.preferences.company_help"), width="content")
    said = t("customer.preferences.answered", band=t(f"customer.bands.{answered['band']}"), day=numbers.day(answered["on"]))
    st.caption(f"{said} · {t('customer.preferences.company', value=company)}")


def compared(account, scores) -> None:
    """The latest score of each dimension beside the mean of all accounts."""
    if scores.empty:
        return
    everybody = data.answer(account.year, "satisfaction", by=("dimension",)).rows.set_index("dimension")["value"]
    scale = [t("format.from_to", first=numbers.bare(row.scale_min), last=numbers.bare(row.scale_max)) for row in scores.itertuples()]
    rows = scores.assign(company=scores["dimension"].map(everybody), scale=scale, dimension=[value_of("dimension", name) for name in scores["dimension"]])
    st.markdown(f"**{t('customer.preferences.scores')}**", help=t("customer.preferences.scores_help"))
    table(account.view, rows, SCORES, key="customer_scores")


def over_time(account, dimensions: list[str]) -> None:
    """One dimension's scores by the day they were given; where there are at least two days."""
    twice = customer.asked_twice(account.happened, account.as_of)
    drawn = [name for name in dimensions if name in twice]
    if not drawn:
        return
    st.markdown(f"**{t('customer.preferences.over_time')}**")
    how = {"format_func": lambda name: value_of("dimension", name), "key": "customer_dimension", "required": True, "label_visibility": "collapsed"}
    chosen = st.pills(t("customer.preferences.choose"), drawn, default=drawn[0], **how)
    course = customer.course(account.happened, account.as_of, chosen)
    spec = charts.line(course, numbers.bare, grain="day", tick=".1~f", step=numbers.month, height=180)
    alt = t("customer.preferences.over_time_alt", dimension=plain(value_of("dimension", chosen)))
    figure(account.view, spec, alt, key="customer_course", rows=course, columns=COURSE)


@page.part("cases.title")
def at_risk(account):
    """Whether it is at risk, and its cases, the newest first."""
    known, theirs = policy(account.view.query()), cases.known(account.view).get(account.id, [])
    row = calling.row_of(account.view, account.id)
    if row is None and not theirs:
        return
    with page.section("cases.title", help="cases.customer_help"):
        stands = cases.standing(theirs, row, known, cases.today(account.view))
        if row is None:
            st.caption(t("cases.not_at_risk"))
        else:
            page.sentence(plain(t("at_risk.and").join(reasons.reasons(row))))
            st.markdown(f":material/arrow_forward: **{plain(reasons.said_action(reasons.action(row, known)))}**")
        case_form.folded(account.view, account.id, row, stands.case, known, "customer")
        case_sheet.of_customer(account.view, theirs, known)


@page.part("customer.health.title")
def how_it_stands(account):
    """Its health score, what each factor costs, and how it went."""
    with page.section("customer.health.title", help="customer.health.help"):
        health.of_customer(account)


@page.part("customer.timeline.title")
def timeline(account):
    """Everything that happened, the latest first; kinds can be chosen."""
    with page.section("customer.timeline.title", help="customer.timeline.help"):
        names = {name: t(f"customer.groups.{name}") for name in GROUPS}
        chosen = st.pills(t("customer.timeline.choose"), list(names), format_func=names.get, selection_mode="multi", key="customer_kinds")
        rows = customer.timeline(account.happened, account.as_of, [kind for name in chosen for kind in GROUPS[name]])
        if rows.empty:
            st.caption(t("customer.timeline.none"))
            return
        page.sentence(t("customer.timeline.says", n=numbers.count(len(rows)), day=numbers.day(rows["happened_on"].iloc[0])))
        table(account.view, told(rows.head(data.MOST_ROWS)), EVENTS, key="customer_timeline", total=len(rows), whole=lambda: told(rows))


def told(rows):
    """Events in words."""
    what = [about(row.kind, row.what) for row in rows.itertuples()]
    return rows.assign(what=what, kind=rows["kind"].map(lambda kind: t(f"customer.events.{kind}")))


looked = view.current() or page.begin("customer")
asked = customers.asked_for()
account = customers.found(looked, asked) if asked else None
if account:
    customers.noted(account)
page.opened("customer", t("customer.title_of", name=plain(account.basics["name"])) if account else None)
search(looked, account.id if account else "")
if account:
    if account.id != asked:
        st.caption(t("customer.became", id=plain(asked)))
    answer_first(account)
    left, right = st.columns(2)
    with left:
        basics(account)
        if account.happened is not None:
            transactions(account)
    with right:
        if account.happened is None:
            page.empty("customer.no_events")
        else:
            service(account)
            preferences(account)
        at_risk(account)
        how_it_stands(account)
elif asked:
    page.empty("customer.unknown")
if account and account.happened is not None:
    timeline(account)
