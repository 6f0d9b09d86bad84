"""What a customer's page is made of: everything that happened with each customer as one list, and the records a customer is made of.

Rows lie together by customer: a page reads the one part of the file that holds its customer, however many customers there are.
"""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from warehouse.marts.accounts import LINKS
from warehouse.marts.base import Mart, Tables

NUMBERS = {"happened_s": nw.Int64, "n": nw.Int64, "amount": nw.Float64, "score": nw.Float64, "scale_min": nw.Float64, "scale_max": nw.Float64}
DAYS = ("happened_on", "due_on", "done_on")
COLUMNS = (
    "customer_id", "kind", "happened_on", "happened_s", "row_id", "source", "what", "state", "amount", "currency", "n", "score", "scale_min", "scale_max",
    "note", "promise", "due_on", "done_on", "owner_id", "contact_id",
)  # fmt: skip


def events(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """Everything that happened with a customer, or is agreed to happen: one row per event, each kind sorted by customer and day.

    kind          invoice, credit_note, payment, failed_payment, agreement_begun, agreement_over, deal_created, deal_stage, deal_won, deal_lost,
                  interaction, ticket_opened, ticket_solved, answer
    happened_on   business day; happened_s  seconds since 1970, null where only the day is known
    row_id        key of the row that tells it (of an invoice: the invoice); source
    what          product, stage, channel, kind of ticket, or the question's dimension; state: of an agreement, a deal ("open", "won", "lost") or a
                  direction ("in", "out"); note: what somebody wrote; promise: the next action
    amount        original currency; of an agreement: a month; n: an invoice's lines
    score         of an answer that counts, on scale_min to scale_max
    due_on        day of renewal, or of the promised next action; done_on: when that was done, the agreement ended, the ticket was solved, the deal closed
    Answers to anonymous surveys are nobody's, and not here. Nor are agreements' ends that nobody has set.
    """
    sold, agreed, sales = [_invoices(tables), _payments(tables)], _agreements(tables), _deals(tables)
    spoken = [_interactions(tables), *_tickets(tables), _answers(tables)]
    return nw.concat([part.sort("customer_id", "happened_on") for part in (*sold, *agreed, *sales, *spoken)])  # all at once would not fit into memory


def _told(frame: nw.LazyFrame, kind: str | nw.Expr, **columns: str | nw.Expr) -> nw.LazyFrame:
    """Rows as events: `columns` of the frame under the names of COLUMNS, null where it has none."""
    given = {name: nw.col(value) if isinstance(value, str) else value for name, value in columns.items()}
    given["kind"] = nw.lit(kind) if isinstance(kind, str) else kind
    typed = {name: given.get(name, nw.lit(None)).cast(_type(name)) for name in COLUMNS if name not in ("customer_id", "source")}
    return frame.filter(~nw.col("customer_id").is_null()).with_columns(**typed).select(*COLUMNS)


def _type(name: str):
    return nw.Date if name in DAYS else NUMBERS.get(name, nw.String)


def _invoices(tables: Tables) -> nw.LazyFrame:
    lines = tables["invoices"].group_by("customer_id", "invoice_id", "issued_on", "currency", "source").agg(amount=nw.col("amount").sum(), n=nw.len())
    kind = nw.when(nw.col("amount") < 0).then(nw.lit("credit_note")).otherwise(nw.lit("invoice"))
    return _told(lines, kind, happened_on="issued_on", row_id="invoice_id", amount="amount", currency="currency", n="n")


def _payments(tables: Tables) -> nw.LazyFrame:
    kind = nw.when(nw.col("is_failed")).then(nw.lit("failed_payment")).otherwise(nw.lit("payment"))
    return _told(tables["payments"], kind, happened_on="paid_on", row_id="payment_id", amount="amount", currency="currency")


def _product(frame: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    return frame.join(tables["products"].select("product_id", product="name"), on="product_id", how="left")


def _agreements(tables: Tables) -> list[nw.LazyFrame]:
    agreements = _product(tables["subscriptions"], tables)
    same = {"row_id": "subscription_id", "what": "product", "state": "status", "amount": "amount_per_month", "currency": "currency"}
    begun = _told(agreements, "agreement_begun", happened_on="starts_on", due_on="renewal_on", done_on="ends_on", **same)
    return [begun, _told(agreements.filter(~nw.col("ends_on").is_null()), "agreement_over", happened_on="ends_on", **same)]


def _deals(tables: Tables) -> list[nw.LazyFrame]:
    state = nw.when(nw.col("is_won")).then(nw.lit("won")).when(~nw.col("is_won")).then(nw.lit("lost")).otherwise(nw.lit("open"))
    deals = _product(tables["deals"], tables).with_columns(state_=state)
    same = {"row_id": "deal_id", "amount": "amount", "currency": "currency", "owner_id": "owner_id"}
    created = _told(deals, "deal_created", happened_on="created_on", happened_s="created_at_s", what="product", state="state_", done_on="closed_on", **same)
    closed = deals.filter(~nw.col("is_won").is_null(), ~nw.col("closed_at").is_null())
    kind = nw.when(nw.col("is_won")).then(nw.lit("deal_won")).otherwise(nw.lit("deal_lost"))
    over = _told(closed, kind, happened_on="closed_on", happened_s="closed_at_s", what="product", note="lost_reason", **same)
    known = deals.select("deal_id", "customer_id", "owner_id")
    stages = tables["deal_stages"].join(known, on="deal_id", how="inner")
    moved = _told(stages, "deal_stage", happened_on="entered_on", happened_s="entered_at_s", what="stage", row_id="deal_id", owner_id="owner_id")
    return [created, moved, over]


def _interactions(tables: Tables) -> nw.LazyFrame:
    return _told(
        tables["interactions"], "interaction", happened_on="happened_on", happened_s="happened_at_s", row_id="interaction_id", what="channel",
        state="direction", note="outcome", promise="next_action", due_on="next_due_on", done_on="next_done_on", owner_id="owner_id",
    )  # fmt: skip


def _tickets(tables: Tables) -> list[nw.LazyFrame]:
    tickets, same = tables["tickets"].with_columns(kind_="kind"), {"row_id": "ticket_id", "what": "kind_"}
    opened = _told(tickets, "ticket_opened", happened_on="opened_on", happened_s="opened_at_s", done_on="solved_on", **same)
    return [opened, _told(tickets.filter(~nw.col("solved_at").is_null()), "ticket_solved", happened_on="solved_on", happened_s="solved_at_s", **same)]


def _answers(tables: Tables) -> nw.LazyFrame:
    counts = nw.col("is_last") & ~nw.col("is_blank") & ~nw.col("is_refused")
    said = (nw.col("text").str.strip_chars() != "").fill_null(False)
    answers = tables["scores"].filter(~nw.col("is_anonymous"), counts | said).with_columns(score_=nw.when(counts).then(nw.col("score")))
    return _told(
        answers, "answer", happened_on="answered_on", happened_s="answered_at_s", row_id="answer_id", what="dimension", state="wave", score="score_",
        scale_min="scale_min", scale_max="scale_max", note="text", contact_id="contact_id",
    )  # fmt: skip


def customer_records(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """The records of the sources that a customer is made of: one row per record, its own among them, sorted by customer.

    customer_id   the customer that it belongs to; record_id, source, source_id, name: the record's; merged_into: what it says of itself
    same_tax_no, same_email, same_phone   whether it agrees with the customer's own record; null where either has none
    rule, probability, via, evidence   by what it was linked, how probable that was, to which record, and which fields agree (JSON); null for the own record,
                  and in snapshots without links
    """
    records = tables["customers"].select("customer_id", "source", "source_id", "name", "merged_into", *PROOF)
    found = records.join(tables["identities"], on="customer_id", how="left")
    found = found.with_columns(record_id="customer_id", customer_id=nw.coalesce("account_id", "customer_id"))
    own = tables["customers"].select(_own="customer_id", **{f"own_{name}": name for name in PROOF})
    joined = found.join(own, left_on="customer_id", right_on="_own", how="inner")
    same = {f"same_{name}": _plainly(name) == _plainly(f"own_{name}") for name in PROOF}
    columns = ("customer_id", "record_id", "source", "source_id", "name", "merged_into")
    return _proven(joined.select(*columns, **same), tables).sort("customer_id", "record_id")


def _proven(records: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    """Records with what links them. The first record of a customer is linked to nobody: what links another one to it counts for it."""
    if LINKS not in tables:
        nothing = {name: nw.lit(None).cast(kind) for name, kind in PROVEN.items()}
        return records.with_columns(**nothing)
    links = tables[LINKS].filter(~nw.col("rule").is_null()).select("record_id", *PROVEN)
    firsts = links.group_by("via").agg(record_id=nw.col("record_id").min()).select("record_id", first="via")
    back = (
        links.drop("via")
        .join(firsts, on="record_id", how="inner")
        .select(via_back="record_id", record_id="first", **{f"{c}_back": c for c in PROVEN if c != "via"})
    )
    found = records.join(links, on="record_id", how="left").join(back, on="record_id", how="left")
    is_own = nw.col("record_id") == nw.col("customer_id")
    proven = {name: nw.when(~is_own).then(nw.coalesce(name, f"{name}_back")) for name in PROVEN}
    return found.with_columns(**proven).drop([f"{name}_back" for name in PROVEN])


PROVEN = {"rule": nw.String, "probability": nw.Float64, "via": nw.String, "evidence": nw.String}
PROOF = ("tax_no", "email", "phone")


def _plainly(column: str) -> nw.Expr:
    """As it is compared: without blanks, in one case."""
    return nw.col(column).str.replace_all(" ", "", literal=True).str.to_lowercase()


MARTS = (
    Mart(
        "events", ("invoices", "payments", "subscriptions", "products", "deals", "deal_stages", "interactions", "tickets", "scores"),
        ("customer_id", "kind", "row_id", "what", "happened_on", "happened_s", "currency"), events, is_looked_up=True,
    ),
    Mart("customer_records", ("customers", "identities", LINKS), ("record_id",), customer_records),
)  # fmt: skip
