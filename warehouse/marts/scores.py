"""What customers answered, and who was asked: one row per answered question, one per invitation, ready to group and filter."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from warehouse import contract
from warehouse.marts.accounts import ACCOUNT_COLUMNS, HIDDEN
from warehouse.marts.base import Mart, Tables

ATTRIBUTES = ("kind", "industry", "region", "size", "channel", "grade", "owner_id", "owner", "department", "tags")
CORE = (
    "answer_id", "response_id", "survey_id", "question_id", "source", "customer_id", "contact_id", "answered_at", "answered_on", "score", "text", "weight",
    "question", "dimension", "scale_min", "scale_max", "survey", "survey_kind", "wave", "sent_from", "is_anonymous", "is_blank", "is_refused", "is_last",
    "is_invited", "revenue_year",
)  # fmt: skip
ASKED = (
    "survey_id", "customer_id", "contact_id", "sent_at", "sent_on", "delivered", "responded", "survey", "survey_kind", "wave", "sent_from", "is_anonymous",
    "revenue_year",
)  # fmt: skip
DERIVED = {"answered_on", "answered_at_s", "answered_on_d", "answered_on_m"}
YEAR = 12  # months
NPS_DIMENSION = "nps"  # [metrics.nps] dimension says otherwise


def scores(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """One row per answered question, with its question, its survey and the customer as of the answer.

    Reads answers, questions, invitations, surveys, accounts, owners, owner_assignments, customer_months.

        score, text, weight   as given; scale_min, scale_max: the question's, else 0-10 for NPS and 1-5 for the rest
        is_blank     no score, or one of the question's blank codes: "asked, but gave no score"
        is_refused   a score outside its scale, or between whole numbers where the question is NPS
        is_last      the one that counts: the respondent's latest valid answer to the question in that survey. A later
                     blank takes nothing back; it is the last only of someone who gave no valid answer.
        region, …    the answer's own column where it has one, else the customer's; the owner is who was responsible then
        revenue_year   float, reporting currency: the customer's revenue in the twelve months that end with the answer's month
        is_invited     whether who answered was sent this survey: the contact, or the customer as such; null where the source names nobody
        customer_id, contact_id, revenue_year   null in an anonymous survey, and where the source names nobody
    """
    answers = _valid(_questioned(tables, settings).join(_surveys(tables), on="survey_id", how="left"))
    answers = _attributed(_latest(_invited(answers, tables["invitations"])), tables, "answered_at_s", _own_columns(tables))
    answers = _revenue(answers, tables, "answered_on_m")
    unnamed = {name: nw.when(~nw.col("is_anonymous")).then(nw.col(name)) for name in ("customer_id", "contact_id", "revenue_year")}
    extras = [name for name in answers.columns if name not in CORE and name not in SCAFFOLD]
    return answers.with_columns(**unnamed).select(*CORE, *extras)


def asked(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """One row per invitation, with its survey and the customer as of the day it was sent.

    Reads invitations, answers, surveys, accounts, owners, owner_assignments, customer_months. `responded`: an answer of any kind came back in
    that survey from the contact; from anybody at the customer where the invitation names no contact. An answer that names
    only the customer answers one of the customer's invitations.
    """
    sent = tables["invitations"].select("survey_id", "customer_id", "contact_id", "sent_at", "sent_at_s", "sent_on", "sent_on_m", "delivered")
    sent = _answered(sent, tables["answers"]).join(_surveys(tables), on="survey_id", how="left")
    attributed = _revenue(_attributed(sent, tables, "sent_at_s", ()), tables, "sent_on_m")
    extras = [name for name in attributed.columns if name not in ASKED and name not in SCAFFOLD]
    return attributed.select(*ASKED, *extras)


SCAFFOLD = {"blank_codes", "is_nps", "respondent", "answered_at_s", "answered_on_m", "sent_at_s", "sent_on_m"}


def _surveys(tables: Tables) -> nw.LazyFrame:
    return tables["surveys"].select("survey_id", "wave", "sent_from", "is_anonymous", survey="name", survey_kind="kind")


def _questioned(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """The answers with their question; a scale nobody recorded is 0-10 for NPS and 1-5 for everything else."""
    named = settings.get("metrics", {}).get("nps", {}).get("dimension", NPS_DIMENSION)
    is_nps = nw.col("dimension").str.to_lowercase() == nw.lit(named.lower())
    top = nw.coalesce("scale_max", nw.when(is_nps).then(nw.lit(10.0)).otherwise(nw.lit(5.0)))
    questions = tables["questions"].select("question_id", "dimension", "scale_min", "blank_codes", question="text", scale_max=top, is_nps=is_nps)
    bottom = nw.coalesce("scale_min", nw.when(nw.col("scale_max") >= 10).then(nw.lit(0.0)).otherwise(nw.lit(1.0)))
    given = tables["answers"].select(
        "answer_id", "response_id", "survey_id", "question_id", "source", "customer_id", "contact_id", "answered_at", "answered_at_s",
        "answered_on", "answered_on_m",
        "score", "text", "weight", **{f"own_{name}": name for name in _own_columns(tables)},
    )  # fmt: skip
    return given.join(questions.with_columns(scale_min=bottom), on="question_id", how="left")


def _own_columns(tables: Tables) -> tuple[str, ...]:
    """Segment columns that the answers bring along."""
    return tuple(name for name in tables["answers"].columns if name not in contract.columns("answers") and name not in DERIVED)


def _valid(answers: nw.LazyFrame) -> nw.LazyFrame:
    code = nw.concat_str(nw.lit(","), nw.col("score").cast(nw.String).str.replace_all(r"\.0$", ""), nw.lit(","))
    codes = nw.concat_str(nw.lit(","), nw.col("blank_codes").str.replace_all(" ", "", literal=True), nw.lit(",")).str.replace_all(r"\.0+,", ",")
    blank = nw.col("score").is_null() | codes.str.contains(code, literal=True).fill_null(False)
    outside = (nw.col("score") < nw.col("scale_min")) | (nw.col("score") > nw.col("scale_max"))
    broken = nw.col("is_nps") & (nw.col("score") != nw.col("score").floor())
    marked = answers.with_columns(is_blank=blank, is_anonymous=nw.col("is_anonymous").fill_null(False))
    return marked.with_columns(is_refused=~nw.col("is_blank") & (outside | broken).fill_null(False))


def _latest(answers: nw.LazyFrame) -> nw.LazyFrame:
    """Mark the last valid answer of each respondent to each question of a survey."""
    counted = answers.with_columns(
        respondent=nw.coalesce("contact_id", "customer_id", "response_id"),
        _valid=nw.when(nw.col("is_blank") | nw.col("is_refused")).then(nw.lit(0)).otherwise(nw.lit(1)),
        _one=nw.lit(1),
    )
    place = nw.col("_one").cum_sum(reverse=True).over("respondent", "survey_id", "question_id", order_by=["_valid", "answered_at_s", "answer_id"])
    return counted.with_columns(is_last=place == 1).drop("_valid", "_one")


def _invited(answers: nw.LazyFrame, invitations: nw.LazyFrame) -> nw.LazyFrame:
    """`answers` with `is_invited`. An invitation that names a contact is for that contact; one that does not, for anybody at the customer."""
    both, is_named = ["survey_id", "customer_id"], ~nw.col("contact_id").is_null()
    people = invitations.filter(is_named).select("survey_id", "contact_id").unique().with_columns(_person=nw.lit(True))
    anybody = invitations.filter(~is_named).select(*both).unique().with_columns(_anybody=nw.lit(True))
    customers = invitations.select(*both).unique().with_columns(_customer=nw.lit(True))
    joined = answers.join(people, on=["survey_id", "contact_id"], how="left").join(anybody, on=both, how="left").join(customers, on=both, how="left")
    of_contact = nw.col("_person").fill_null(False) | nw.col("_anybody").fill_null(False)
    of_customer = nw.when(~nw.col("customer_id").is_null()).then(nw.col("_customer").fill_null(False))
    return joined.with_columns(is_invited=nw.when(is_named).then(of_contact).otherwise(of_customer)).drop("_person", "_anybody", "_customer")


def _attributed(facts: nw.LazyFrame, tables: Tables, instant: str, own: tuple[str, ...]) -> nw.LazyFrame:
    """`facts` with the customer's attributes at `instant`. Only owners have a history; the rest is as it is known now."""
    accounts = tables["accounts"]
    extra = [name for name in accounts.columns if name not in ACCOUNT_COLUMNS and name not in HIDDEN]
    wanted = [name for name in (*ATTRIBUTES, *extra) if name not in CORE]
    joined = _owned(facts.join(accounts.select("customer_id", *wanted), on="customer_id", how="left"), tables, instant)
    theirs = {name.lower(): name for name in wanted}  # names that differ in case only are one column to the engines
    merged = {theirs.get(n.lower(), _free(n)): nw.coalesce(f"own_{n}", theirs[n.lower()]) if n.lower() in theirs else nw.col(f"own_{n}") for n in own}
    return joined.with_columns(**merged).drop(*(f"own_{name}" for name in own)) if own else joined


def _free(name: str) -> str:
    """An answer's own column that is called like one of ours gets another name, so that neither is lost."""
    return f"answer_{name}" if name.lower() in CORE else name


def _owned(facts: nw.LazyFrame, tables: Tables, instant: str) -> nw.LazyFrame:
    """`facts` with the owner who was responsible at `instant`; the present one where no assignment covers it."""
    held = tables["owner_assignments"].filter(nw.col("object") == "customer")
    held = held.select("from_at_s", "to_at_s", customer_id="object_id", owner_then="owner_id")
    moments = facts.select("customer_id", instant).unique(subset=["customer_id", instant], keep="any").join(held, on="customer_id", how="inner")
    moments = moments.filter(nw.col("from_at_s") <= nw.col(instant), nw.col("to_at_s").is_null() | (nw.col(instant) < nw.col("to_at_s")))
    place = nw.col("_one").cum_sum(reverse=True).over("customer_id", instant, order_by=["from_at_s", "owner_then"])
    latest = moments.with_columns(_one=nw.lit(1)).with_columns(_place=place).filter(nw.col("_place") == 1)
    owners = tables["owners"].select(owner_then="owner_id", name_then="name", department_then="department")
    then = latest.join(owners, on="owner_then", how="left").select("customer_id", instant, "owner_then", "name_then", "department_then")
    joined = facts.join(then, on=["customer_id", instant], how="left")
    known = ~nw.col("owner_then").is_null()
    as_of = {"owner": "name_then", "department": "department_then", "owner_id": "owner_then"}
    replaced = {now: nw.when(known).then(nw.col(then)).otherwise(nw.col(now)) for now, then in as_of.items()}
    return joined.with_columns(**replaced).drop("owner_then", "name_then", "department_then")


def _revenue(facts: nw.LazyFrame, tables: Tables, month: str) -> nw.LazyFrame:
    """`facts` with the customer's revenue in the twelve months that end with `month`; 0 where there was none."""
    moments = facts.select("customer_id", month).unique(subset=["customer_id", month], keep="any").filter(~nw.col("customer_id").is_null())
    months = tables["customer_months"].select("customer_id", "month_m", "revenue_reporting")
    lived = moments.join(months, on="customer_id", how="left").filter(nw.col("month_m") > nw.col(month) - YEAR, nw.col("month_m") <= nw.col(month))
    year = lived.group_by("customer_id", month).agg(revenue_year=nw.col("revenue_reporting").sum())
    joined = facts.join(year, on=["customer_id", month], how="left")
    return joined.with_columns(revenue_year=nw.when(~nw.col("customer_id").is_null()).then(nw.col("revenue_year").fill_null(0.0)))


def _answered(sent: nw.LazyFrame, answers: nw.LazyFrame) -> nw.LazyFrame:
    """`sent` with `responded`."""
    both = ["survey_id", "customer_id"]
    named = ~nw.col("contact_id").is_null()
    contacts = answers.filter(named).select("survey_id", "contact_id").unique().with_columns(_by_contact=nw.lit(True))
    customers = answers.select(*both).unique().with_columns(_by_anybody=nw.lit(True))
    unnamed = answers.filter(~named).group_by(*both).agg(_unnamed=nw.col("response_id").n_unique())
    joined = sent.join(contacts, on=["survey_id", "contact_id"], how="left").join(customers, on=both, how="left").join(unnamed, on=both, how="left")
    place = nw.col("_one").cum_sum().over(*both, order_by=["contact_id", "sent_at_s"])
    joined = joined.with_columns(_one=nw.lit(1)).with_columns(_place=place)
    by_customer = nw.when(named).then(nw.col("_place") <= nw.col("_unnamed")).otherwise(nw.col("_by_anybody"))
    responded = nw.col("_by_contact").fill_null(False) | by_customer.fill_null(False)
    return joined.with_columns(responded=responded).drop("_by_contact", "_by_anybody", "_unnamed", "_one", "_place")


READS = ("surveys", "accounts", "owners", "owner_assignments", "customer_months")
MARTS = (
    Mart("scores", ("answers", "questions", "invitations", *READS), ("answer_id",), scores),
    Mart("asked", ("invitations", "answers", *READS), ("survey_id", "customer_id", "contact_id"), asked),
)
