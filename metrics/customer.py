"""One customer: who it is, which records it is made of, and everything that happened with it as one list.

Plain functions and no metrics: they answer with rows about one customer, not with a number that can be divided and compared. What is a number of
the catalogue (revenue, recurring value, open tickets) is asked there, of this customer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import narwhals as nw
import pandas as pd

from metrics.nps import BANDS
from metrics.query import Tables, collect

MOST_FOUND = 20
LATELY = 90  # days
RUNNING = ("active", "past_due", "trial")  # states of an agreement that is not over
SOLD = ("invoice", "credit_note", "payment", "failed_payment", "agreement_begun", "agreement_over", "deal_created", "deal_stage", "deal_won", "deal_lost")
SERVED = ("interaction", "ticket_opened", "ticket_solved")
SAID = ("answer",)
BLOCKS = {"transactions": SOLD, "service": SERVED, "preferences": SAID}  # block of the page → kinds of events that it is made of
KINDS = (*SOLD, *SERVED, *SAID)
BASICS = ("customer_id", "source", "name", "kind", "industry", "region", "size", "channel", "grade", "owner_id", "owner", "department", "parent_id", "tags")
DAYS = ("signed_on", "first_contact_on", "lost_on")


def find(tables: Tables, text: str, most: int = MOST_FOUND) -> pd.DataFrame:
    """Customers whose name contains a text, whatever its case; those that begin with it first. Columns customer_id, name, region, owner."""
    wanted = text.strip().lower()
    name = nw.col("name").str.to_lowercase()
    begins = nw.when(name.str.starts_with(wanted)).then(nw.lit(0)).otherwise(nw.lit(1))
    accounts = tables["accounts"].filter(name.str.contains(wanted, literal=True)).with_columns(begins=begins)
    found = accounts.sort("begins", "name", "customer_id").select("customer_id", "name", "region", "owner")
    return collect(found.head(most if wanted else 0))


def account(tables: Tables, customer_id: str) -> str | None:
    """The customer that an id stands for: its own, or of the one it was merged into. None where the reader has no such customer."""
    is_asked = nw.col("record_id") == customer_id
    record = tables["customer_records"].filter(is_asked).select("customer_id") if "customer_records" in tables else None
    itself = tables["accounts"].filter(nw.col("customer_id") == customer_id).select("customer_id")
    found = collect(itself if record is None else tables["accounts"].select("customer_id").join(record, on="customer_id", how="semi"))
    return None if found.empty else found["customer_id"].iloc[0]


def basics(tables: Tables, customer_id: str) -> dict:
    """What is known of the customer itself: column → value, None where there is none; `parent` is the name of the company that it belongs to.

    Numbers by which people and companies are reached or known (tax_no, email, phone) are as the reader may see them.
    """
    accounts = tables["accounts"]
    own = accounts.filter(nw.col("customer_id") == customer_id).select(*BASICS, *DAYS)
    reach = tables["customers"].filter(nw.col("customer_id") == customer_id).select("customer_id", "tax_no", "email", "phone")
    own = own.join(reach, on="customer_id", how="left")
    row = {name: None if pd.isna(value) else value for name, value in collect(own.head(1)).iloc[0].items()}
    parent = collect(accounts.filter(nw.col("customer_id") == row["parent_id"]).select("name")) if row["parent_id"] else pd.DataFrame()
    return {**row, "parent": None if parent.empty else parent["name"].iloc[0]}


def contacts(tables: Tables, customer_id: str) -> pd.DataFrame:
    """The people at the customer, by name: contact_id, name, role_in_decision, email, phone. None for a reader without contacts."""
    own = tables["contacts"].filter(nw.col("customer_id") == customer_id)
    return collect(own.select("contact_id", "name", "role_in_decision", "email", "phone").sort("name", "contact_id"))


def records(tables: Tables, customer_id: str) -> pd.DataFrame:
    """The source records that the customer is made of, its own first.

    record_id, source, source_id, name, merged_into; same_tax_no, same_email, same_phone: whether a record agrees with the customer's own (null where
    either has none); is_own; rule, probability, via, evidence: by what it was linked (null for the own one, and in a snapshot without links).
    Empty until a sync has built the mart `customer_records`.
    """
    if "customer_records" not in tables:
        return pd.DataFrame(columns=["record_id", "source", "source_id", "name", "merged_into", *(f"same_{proof}" for proof in PROOF), *PROVEN, "is_own"])
    found = collect(tables["customer_records"].filter(nw.col("customer_id") == customer_id))
    found = found.assign(**{name: None for name in PROVEN if name not in found})  # of snapshots of an earlier version
    found = found.assign(is_own=found["record_id"] == found["customer_id"])
    return found.sort_values(["is_own", "record_id"], ascending=[False, True], ignore_index=True).drop(columns="customer_id")


PROOF = ("tax_no", "email", "phone")
PROVEN = ("rule", "probability", "via", "evidence")


def events(tables: Tables, customer_id: str) -> pd.DataFrame | None:
    """Everything that happened with the customer or is agreed, the latest first: see the mart `events`, with `who`: owner or contact, by name.

    None until a sync has built the mart.
    """
    if "events" not in tables:
        return None
    rows = tables["events"].filter(nw.col("customer_id") == customer_id)
    rows = rows.join(tables["owners"].select("owner_id", owner="name"), on="owner_id", how="left")
    people = tables["contacts"].filter(nw.col("customer_id") == customer_id).select("contact_id", contact="name").unique(subset=["contact_id"], keep="any")
    rows = rows.join(people, on="contact_id", how="left").with_columns(who=nw.coalesce("contact", "owner"))
    found = collect(rows.select(*EVENT))
    return found.sort_values(["happened_on", "happened_s", "row_id"], ascending=[False, False, True], na_position="last", ignore_index=True)


EVENT = (
    "happened_on", "happened_s", "kind", "what", "state", "amount", "currency", "n", "score", "scale_min", "scale_max", "note", "promise", "due_on",
    "done_on", "who", "row_id", "source",
)  # fmt: skip


def timeline(happened: pd.DataFrame, as_of: dt.date, kinds: Iterable[str] = ()) -> pd.DataFrame:
    """What has happened before `as_of`, of some kinds or (without any named) of all, the latest first."""
    chosen = set(kinds) or set(KINDS)
    return happened[happened["kind"].isin(chosen) & (happened["happened_on"] < as_of)].reset_index(drop=True)


def sources(happened: pd.DataFrame, block: str) -> tuple[str, ...]:
    """The systems that a block of the page is read from."""
    return tuple(sorted(happened.loc[happened["kind"].isin(BLOCKS[block]), "source"].dropna().unique()))


# transactions


def agreements(happened: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """The agreements that run on the day before `as_of`, the next to be renewed first. due_on: day of renewal."""
    begun = happened[(happened["kind"] == "agreement_begun") & happened["state"].isin(RUNNING) & (happened["happened_on"] < as_of)]
    running = begun[begun["done_on"].isna() | (begun["done_on"] >= as_of)]
    return running.sort_values(["due_on", "row_id"], na_position="last", ignore_index=True)


def deals(happened: pd.DataFrame, as_of: dt.date, lately: int = 2 * LATELY) -> pd.DataFrame:
    """Deals that are open, or were closed in the last `lately` days: open ones first, then the latest."""
    created = happened[(happened["kind"] == "deal_created") & (happened["happened_on"] < as_of)]
    is_open, recent = created["state"] == "open", created["done_on"] >= as_of - dt.timedelta(days=lately)
    found = created.assign(is_open=is_open)[is_open | recent]  # in this order: a column put into no rows would bring its own rows along
    return found.sort_values(["is_open", "happened_on", "row_id"], ascending=[False, False, True], ignore_index=True)


def failed_payments(happened: pd.DataFrame, as_of: dt.date) -> dict:
    """Attempts to pay that failed in the year before `as_of`: n, and the day of the last one (None without any)."""
    failed = happened[(happened["kind"] == "failed_payment") & (happened["happened_on"] < as_of)]
    failed = failed[failed["happened_on"] >= as_of - dt.timedelta(days=365)]
    return {"n": len(failed), "last_on": failed["happened_on"].max() if len(failed) else None}


def orders(tables: Tables, customer_id: str, as_of: dt.date) -> dict:
    """How many orders there were before `as_of`, since when, and the day of the last one: n, first_on, last_on."""
    days = tables["purchases"].filter(nw.col("customer_id") == customer_id, nw.col("orders") > 0, nw.col("purchased_on") < nw.lit(as_of))
    found = collect(days.select(n=nw.col("orders").sum(), first_on=nw.col("purchased_on").min(), last_on=nw.col("purchased_on").max())).iloc[0]
    return {"n": 0 if pd.isna(found["n"]) else int(found["n"]), "first_on": found["first_on"], "last_on": found["last_on"]}


def products(tables: Tables, customer_id: str, first_on: dt.date, as_of: dt.date) -> pd.DataFrame:
    """What was bought in the months from `first_on` on, the most first: product, category, revenue (reporting currency), last_month."""
    months = tables["product_months"].filter(nw.col("customer_id") == customer_id, nw.col("month") >= nw.lit(first_on), nw.col("month") < nw.lit(as_of))
    sold = months.group_by("product_id", "category").agg(revenue=nw.col("revenue_reporting").sum(), last_month=nw.col("month").max())
    named = sold.join(tables["products"].select("product_id", product="name"), on="product_id", how="left")
    return collect(named.select("product_id", "product", "category", "revenue", "last_month").sort("revenue", "product_id", descending=[True, False]))


# service


def last_contact(happened: pd.DataFrame, as_of: dt.date) -> dict | None:
    """The latest interaction before `as_of`; None without any."""
    return _first(timeline(happened, as_of, ("interaction",)))


def promised(happened: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Next actions that were promised and not done, the first due first; is_late: due before the last loaded day."""
    spoken = timeline(happened, as_of, ("interaction",))
    waiting = spoken[spoken["due_on"].notna() & spoken["done_on"].isna()].sort_values(["due_on", "row_id"], ignore_index=True)
    return waiting.assign(is_late=waiting["due_on"] < as_of - dt.timedelta(days=1))


def solved_lately(happened: pd.DataFrame, as_of: dt.date, lately: int = LATELY) -> pd.DataFrame:
    """Tickets solved in the last `lately` days, the latest first."""
    solved = timeline(happened, as_of, ("ticket_solved",))
    return solved[solved["happened_on"] >= as_of - dt.timedelta(days=lately)].reset_index(drop=True)


# preferences


def scores(happened: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """The latest score of each dimension that the customer's people were asked about: dimension, score, scale_min, scale_max, on, who, wave."""
    latest = _scored(happened, as_of).drop_duplicates("what").rename(columns={"what": "dimension", "happened_on": "on", "state": "wave"})
    return latest[["dimension", "score", "scale_min", "scale_max", "on", "who", "wave"]].sort_values("dimension", ignore_index=True)


def recommendation(happened: pd.DataFrame, as_of: dt.date, dimension: str) -> dict | None:
    """The latest answer to the recommendation question, with its `band`; None without any."""
    found = scores(happened, as_of)
    row = _first(found[found["dimension"].str.lower() == dimension])
    return row and {**row, "band": next((band for band, (low, high) in BANDS.items() if low <= row["score"] <= high), None)}


def course(happened: pd.DataFrame, as_of: dt.date, dimension: str) -> pd.DataFrame:
    """A dimension's scores as a series: period (the day of a wave's last answer), value (the mean of the wave's), n."""
    given = _scored(happened, as_of)
    given = given[given["what"] == dimension]
    waves = given.groupby(_wave(given), as_index=False)
    rows = waves.agg(period=("happened_on", "max"), value=("score", "mean"), n=("score", "size")).sort_values("period", ignore_index=True)
    return rows[["period", "value", "n"]].assign(low=float("nan"), high=float("nan"), complete=True)


def asked_twice(happened: pd.DataFrame, as_of: dt.date) -> set[str]:
    """The dimensions whose course has two points at least."""
    given = _scored(happened, as_of)
    waves = _wave(given).groupby(given["what"]).nunique()
    return set(waves.index[waves > 1])


def _scored(happened: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    answers = timeline(happened, as_of, SAID)
    return answers[answers["score"].notna()]


def _wave(answers: pd.DataFrame) -> pd.Series:
    """The wave of each answer; the day, where it belongs to none."""
    return answers["state"].fillna(answers["happened_on"].astype(str))


def said(happened: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """What was written in surveys, the latest first."""
    answers = timeline(happened, as_of, SAID)
    return answers[answers["note"].notna() & (answers["note"].astype(str).str.strip() != "")].reset_index(drop=True)


def channels(happened: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """The ways the customer is spoken with, the most used first: channel, n, last_on."""
    spoken = timeline(happened, as_of, ("interaction",)).rename(columns={"what": "channel"})
    used = spoken.groupby("channel", as_index=False).agg(n=("row_id", "size"), last_on=("happened_on", "max"))
    return used.sort_values(["n", "channel"], ascending=[False, True], ignore_index=True)


def _first(rows: pd.DataFrame) -> dict | None:
    return None if rows.empty else rows.iloc[0].to_dict()
