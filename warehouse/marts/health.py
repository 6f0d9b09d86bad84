"""What is wrong with each record of a customer or contact, judged once at the sync: readers who may not see an address still learn that it is none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import narwhals as nw

from metrics import record_rules as rules
from metrics.health_policy import FIELDS, RECORD_CHECKS, Policy, policy_or_default
from warehouse.marts.accounts import merged
from warehouse.marts.base import Mart, Tables

KEYS = ("tax_", "email_", "phone_")  # what one customer has alone, the surest first
TELLING = {"crm": ("deals", "interactions", "leads"), "erp": ("invoices", "payments", "subscriptions")}  # what only such a source has
COLUMNS = ("entity", "source", "record_id", "customer_id", *RECORD_CHECKS, "is_involved")


def record_checks(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """One row per living record of a customer (merged ones too) or contact.

    entity, source, record_id; customer_id: the account it belongs to. Per check 1 fails, 0 passes, null is not asked of it; is_involved:
    shares its key with another record of its source.
    """
    known = policy_or_default(settings)
    return nw.concat([_customers(tables, known), _contacts(tables)]).select(*COLUMNS)


def _customers(tables: Tables, known: Policy) -> nw.LazyFrame:
    records = _with_account(tables)
    records = _told_apart(_beside_account(records))
    records = _beside_systems(records, tables, known)
    records = records.with_columns(is_numbered=_is_numbered(known))
    return _judged(records, _customer_checks(records, known, _read_at(tables["customers"])), "customers", "customer_id", "whose_")


def _with_account(tables: Tables) -> nw.LazyFrame:
    """Records with the account behind them, and what is compared of them.

    account_id: by what sources say, so that a record entered twice is one too many also when the two have been linked; whose_: by links as well.
    """
    number = nw.col("customer_id").str.replace_all("^[^:]*:", "")
    told, linked = merged(tables).select("account_id", record="customer_id"), tables["identities"].select(whose_="account_id", record="customer_id")
    found = tables["customers"].join(told, left_on="customer_id", right_on="record", how="left")
    found = found.join(linked, left_on="customer_id", right_on="record", how="left")
    return found.with_columns(
        whose_=nw.coalesce("whose_", "customer_id"), account_id=nw.coalesce("account_id", "customer_id"), number_=number,
        looks_numbered=number.str.contains(rules.NUMBERED).cast(nw.Int64), tax_=rules.tax_no(nw.col("tax_no")),
        email_=rules.email(nw.col("email")), phone_=rules.phone(nw.col("phone")), name_=rules.name(nw.col("name")),
    ).with_columns(is_own=nw.col("account_id") == nw.col("customer_id"))  # fmt: skip


COMPARED = ("tax_", "email_", "phone_", "name_", "region", "industry")


def _beside_account(records: nw.LazyFrame) -> nw.LazyFrame:
    """Records with what the record they were merged into says of the same things."""
    theirs = records.filter(nw.col("is_own")).select("account_id", **{f"own_{c}": nw.col(c) for c in COMPARED})
    return records.join(theirs, on="account_id", how="left")


def _told_apart(records: nw.LazyFrame) -> nw.LazyFrame:
    """Records with what others of the same key, or name, have in common with them. Who has none shares it with nobody."""
    own, alone = nw.col("is_own"), nw.col("customer_id")
    keyed = nw.when(own).then(nw.coalesce(*(nw.concat_str(nw.lit(key), nw.col(key)) for key in KEYS), alone)).otherwise(alone)
    apart = {f"by_{key}": nw.when(own).then(nw.coalesce(nw.col(key), alone)).otherwise(alone) for key in (*KEYS, "name_")}
    records = records.with_columns(key_=keyed, **apart)
    names = {f"many_{key}": _many("name_", f"by_{key}") for key in KEYS}
    return records.with_columns(
        first_=nw.col("customer_id").min().over("source", "key_"), last_=nw.col("customer_id").max().over("source", "key_"),
        many_tax=_many("tax_", "by_name_"), **names,
    )  # fmt: skip


def _many(value: str, key: str) -> nw.Expr:
    return (nw.col(value).min().over(key) != nw.col(value).max().over(key)).fill_null(False)


def _beside_systems(records: nw.LazyFrame, tables: Tables, known: Policy) -> nw.LazyFrame:
    """Records with whether they are of the CRM or of the ERP, and whether any record of their account is; of neither where the two are one system."""
    crm, erp = (_sources(tables, named, TELLING[kind]) for kind, named in (("crm", known.crm), ("erp", known.erp)))
    is_two = bool(crm and erp) and not set(crm) & set(erp)
    of = {f"of_{kind}": nw.col("source").is_in(names if is_two else []).cast(nw.Int64) for kind, names in (("crm", crm), ("erp", erp))}
    records = records.with_columns(**of)
    theirs = records.group_by("whose_").agg(is_crm=nw.col("of_crm").max(), is_erp=nw.col("of_erp").max())
    return records.join(theirs, on="whose_", how="left")


def _sources(tables: Tables, named: tuple[str, ...] | None, telling: tuple[str, ...]) -> list[str]:
    """The sources that were named, else those with rows of these entities."""
    if named is not None:
        return list(named)
    found = nw.concat([tables[name].select("source") for name in telling]).unique()
    return sorted(row["source"] for row in found.collect("pyarrow").to_native().to_pylist())


def _is_numbered(known: Policy) -> nw.Expr:
    """Whether the record's source numbers its customers C, day, three digits: as set, or as most of its numbers look."""
    if known.numbered is not None:
        return nw.col("source").is_in(list(known.numbered))
    return nw.col("looks_numbered").mean().over("source") > 0.5


def _read_at(customers: nw.LazyFrame) -> dt.datetime | None:
    return customers.select(nw.col("extracted_at").max()).collect("pyarrow").to_native().to_pylist()[0]["extracted_at"]


def _customer_checks(records: nw.LazyFrame, known: Policy, read_at: dt.datetime | None) -> dict[str, tuple[nw.Expr, nw.Expr]]:
    """Check → of which records it is asked, and which fail."""
    own, company, always = nw.col("is_own"), nw.col("kind") == "company", nw.lit(True)
    two = nw.any_horizontal(*(nw.col(f"many_{key}") for key in KEYS), ignore_nulls=True)
    differs = nw.any_horizontal(*(rules.differ(nw.col(c), nw.col(f"own_{c}")) for c in COMPARED), ignore_nulls=True)
    checks = {
        "bad_email": (~nw.col("email_").is_null(), rules.is_bad_email(nw.col("email"))),
        "bad_phone": (
            ~nw.col("phone_").is_null(),
            (company & rules.is_bad_phone(nw.col("phone"), rules.LANDLINE, rules.FOREIGN)) | (~company & rules.is_bad_phone(nw.col("phone"), rules.FOREIGN)),
        ),
        "bad_number": (nw.col("is_numbered"), rules.is_bad_number(nw.col("number_"))),
        "open_identity": (always, rules.tells_identity(nw.col("name"), nw.col("tags"), nw.col("extra"))),
        "duplicate": (own, nw.col("first_") != nw.col("customer_id")),
        "two_names": (own, two), "one_name": (own, nw.col("many_tax")), "differs": (~own, differs),
        "no_erp": ((nw.col("of_crm") == 1) & ~nw.col("signed_at").is_null(), nw.col("is_erp") == 0),
        "no_crm": (nw.col("of_erp") == 1, nw.col("is_crm") == 0),
    }  # fmt: skip
    if read_at is not None:
        oldest = read_at - dt.timedelta(days=known.stale_days)
        checks["stale"] = (~nw.col("updated_at").is_null(), nw.col("updated_at") < nw.lit(oldest))
    return checks | _required(records, known)


def _required(records: nw.LazyFrame, known: Policy) -> dict[str, tuple[nw.Expr, nw.Expr]]:
    """The fields that a kind of customer must have, of its own record; one that no source has a column for is not asked for."""
    there, checks = records.collect_schema(), {}
    for field in FIELDS:
        column = known.yearly_amount if field == "yearly_amount" else field
        kinds = [kind for kind in ("company", "person") if field in getattr(known.required, kind)]
        if column in there and kinds:
            text = nw.col(column) if there[column] == nw.String else nw.col(column).cast(nw.String)
            checks[f"missing_{field}"] = (nw.col("is_own") & nw.col("kind").is_in(kinds), rules.is_missing(text))
    return checks


def _contacts(tables: Tables) -> nw.LazyFrame:
    accounts = tables["accounts"].select("customer_id", known_=nw.lit(1))
    contacts = tables["contacts"].join(accounts, on="customer_id", how="left")
    email, phone, always = nw.col("email"), nw.col("phone"), nw.lit(True)
    checks = {
        "missing_name": (always, rules.is_missing(nw.col("name"))), "unreachable": (always, rules.is_missing(email) & rules.is_missing(phone)),
        "bad_email": (~rules.is_missing(email), rules.is_bad_email(email)), "bad_phone": (~rules.is_missing(phone), rules.is_bad_phone(phone, rules.FOREIGN)),
        "open_identity": (always, rules.tells_identity(nw.col("name"), nw.col("extra"))), "no_customer": (always, nw.col("known_").is_null()),
    }  # fmt: skip
    return _judged(contacts, checks, "contacts", "contact_id", "customer_id")


def _judged(rows: nw.LazyFrame, checks: dict[str, tuple[nw.Expr, nw.Expr]], entity: str, record: str, account: str) -> nw.LazyFrame:
    nothing = nw.lit(None).cast(nw.Int64)
    judged = {name: _failing(*checks[name]) if name in checks else nothing for name in RECORD_CHECKS}
    shares = (nw.col("first_") != nw.col("last_")).cast(nw.Int64)
    involved = nw.when(nw.col("is_own")).then(shares) if entity == "customers" else nothing
    return rows.select(source="source", entity=nw.lit(entity), record_id=record, customer_id=account, is_involved=involved, **judged).select(*COLUMNS)


def _failing(asked: nw.Expr, fails: nw.Expr) -> nw.Expr:
    """1 fails, 0 passes, null is not asked."""
    return nw.when(asked).then(nw.when(fails.fill_null(False)).then(nw.lit(1)).otherwise(nw.lit(0))).cast(nw.Int64)


MARTS = (
    Mart("record_checks", ("customers", "contacts", "accounts", "identities", *TELLING["crm"], *TELLING["erp"]), ("entity", "record_id"), record_checks),
)  # fmt: skip
