"""What the sync's step that tells records apart has found, by account: pairs that somebody has to decide, with the money at stake, and findings."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from warehouse.marts.base import Mart, Tables

QUEUE, FOUND = "identity_queue", "identity_found"
YEAR = 12  # months of revenue that are at stake
WAITING = "pair waiting"  # the finding that somebody has to decide
PAIRS = {  # of identity_pairs, without what is computed here
    "record_a": nw.String, "record_b": nw.String, "reason": nw.String, "probability": nw.Float64, "weights": nw.String, "evidence": nw.String,
    "alike": nw.Float64, "is_postponed": nw.Boolean,
}  # fmt: skip
FINDING = {"finding_id": nw.String, "finding": nw.String, "record_id": nw.String, "detail": nw.String}


def _bare(column: str) -> nw.Expr:
    """A text without blanks and hyphens in one case, null where nothing is left of it."""
    text = nw.col(column).str.replace_all("[ \t\u00a0\u3000-]", "").str.to_lowercase()
    return nw.when(text != "").then(text)


DIGITS = 10  # of a telephone number, from its end: with country and trunk prefixes in front of them, or without
KEYS = {  # what two records are compared by on screen, as it is compared
    "tax_no": _bare("tax_no"), "email": _bare("email"),
    "phone": nw.when(nw.col("phone").str.contains("[0-9]")).then(nw.col("phone").str.replace_all("[^0-9]", "").str.tail(DIGITS)),
}  # fmt: skip


def identity_pairs(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """Pairs of records that may be one customer: one row per pair that nobody has decided when the sync ran.

    reason, probability, weights, evidence, is_postponed   as the step gives them (docs/identity.md); pair: both ids, to know it by
    account_a, account_b   whose records they are now; name_a, name_b, source_a, source_b of the records
    revenue_a, revenue_b   of the accounts in the last twelve months that have any, in the reporting currency; 0 where none
    same_tax_no, same_email, same_phone   whether the records agree, however it is written; null where either has none
    at_stake               both of them together; alike: likeness of the two names, 0 to 1, where no probability was computed
    """
    pairs = _stored(tables, QUEUE, PAIRS)
    for side in "ab":
        pairs = _beside(pairs, tables, side)
    pair = nw.concat_str("record_a", "record_b", separator="|")
    same = {f"same_{name}": nw.col(f"{name}_a") == nw.col(f"{name}_b") for name in KEYS}
    return pairs.with_columns(pair=pair, at_stake=nw.col("revenue_a") + nw.col("revenue_b"), **same).drop([f"{name}_{side}" for name in KEYS for side in "ab"])


def _beside(pairs: nw.LazyFrame, tables: Tables, side: str) -> nw.LazyFrame:
    """Pairs with what is known of one of the two records and its account."""
    written = {f"{name}_{side}": written for name, written in KEYS.items()}
    records = tables["customers"].select("customer_id", **{f"name_{side}": "name", f"source_{side}": "source"}, **written)
    accounts = records.join(tables["identities"], on="customer_id", how="left")
    accounts = accounts.with_columns(account=nw.coalesce("account_id", "customer_id")).drop("account_id").join(_revenue(tables), on="account", how="left")
    known = accounts.with_columns(**{f"revenue_{side}": nw.col("revenue").fill_null(0.0)}).rename({"account": f"account_{side}"}).drop("revenue")
    return pairs.join(known, left_on=f"record_{side}", right_on="customer_id", how="inner")


def _revenue(tables: Tables) -> nw.LazyFrame:
    months = tables["customer_months"].select("customer_id", "month_m", revenue=nw.col("revenue_reporting").fill_null(0.0))
    last = months.select(last=nw.col("month_m").max())
    lately = months.join(last, how="cross").filter(nw.col("month_m") > nw.col("last") - YEAR)
    return lately.group_by("customer_id").agg(revenue=nw.col("revenue").sum()).select("revenue", account="customer_id")


def identity_findings(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """What is wrong with who is who: one row per finding and record that it is about, in the words of warehouse.identity.findings; and pairs that wait.

    finding_id; finding, detail; record_id, source, account_id: the record, and the account that it belongs to now.
    A record that is gone has neither source nor account: what was decided about it is told with the other one.
    """
    told = _stored(tables, FOUND, FINDING)
    pairs = _stored(tables, QUEUE, PAIRS)
    pair = nw.concat_str(nw.lit(WAITING), "record_a", "record_b", separator="|")
    waiting = [pairs.select(finding_id=pair, finding=nw.lit(WAITING), record_id=f"record_{side}", detail="reason") for side in "ab"]
    records = tables["customers"].select(record_id="customer_id", source="source")
    accounts = tables["identities"].select("account_id", record_id="customer_id")
    found = nw.concat([told, *waiting]).join(records, on="record_id", how="left").join(accounts, on="record_id", how="left")
    account = nw.when(~nw.col("source").is_null()).then(nw.coalesce("account_id", "record_id"))
    return found.with_columns(account_id=account)


def _stored(tables: Tables, name: str, columns: Mapping[str, type]) -> nw.LazyFrame:
    """A table of the step; without rows where it did not run."""
    if name in tables:
        return tables[name].select(*columns)
    return tables["customers"].head(0).select(**{column: nw.lit(None).cast(kind) for column, kind in columns.items()})


MARTS = (
    Mart("identity_pairs", (QUEUE, "customers", "identities", "customer_months"), ("record_a", "record_b"), identity_pairs),
    Mart("identity_findings", (QUEUE, FOUND, "customers", "identities"), ("finding_id", "record_id"), identity_findings),
)
