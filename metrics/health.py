"""What is wrong in the data? Checks per source and entity, the share of rows that fail each, and whose they are to mend."""

from __future__ import annotations

from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from metrics import amounts, health_own
from metrics.health_policy import FACTS, JUDGED, RECORD_CHECKS, Policy, policy
from metrics.metric import Metric
from metrics.period import day_number
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, kept, refuse_grain, segmented
from metrics.result import Answer, answer
from metrics.stats import share_se, wilson
from metrics.windows import number

MART = "record_checks"  # snapshots older than it have none: their records were never judged
TWICE = 2  # times the threshold, beyond which a check fails; up to there it warns
ORPHAN, UNDER = "no_customer", "under_invoiced"
EXTRA = ("dimension", "threshold", "verdict", "owner", "involved")
BEHIND = ("source", "entity", "check", "record_id", "customer_id", "record", "email", "phone", "tax_no")


def data_health(tables: Tables, query: Query) -> Answer:
    """Share of rows that fail, for each check of each source and entity. The state of the records as they are now, whatever the period.

    Reads the mart `record_checks` (customers and contacts, judged at the sync) and, as they are, deals, interactions, tickets,
    subscriptions, invoices and payments; for the company's own checks ([metrics.health.own]) whatever they are about. Option: check, only this one.

    Returns one row per (source, entity, check) that is asked of any row, and by segment:
        value, low, high     float  share that fails, 0 to 1, Wilson 95 %
        n, denominator       rows that the check is asked of; numerator: rows that fail
        dimension            completeness, validity, uniqueness, timeliness, consistency or referential
        threshold            share up to which the check passes; verdict: pass, warn (up to twice the threshold), fail, no_data
        owner                who mends it, from [metrics.health.owners]; null where nobody is named
        involved             of `duplicate`: records that share their key, the first of each included
    notes["unjudged"]: true for a snapshot without the mart. Without amounts `under_invoiced` is no data.
    Read it so: duplicate 2/5 with involved 3: three records have one key, two of them are too many.
    Source: DAMA UK 2013, The six primary dimensions for data quality assessment.
    """
    refuse_grain(query, "records are judged as they are now: leave out the grain")
    known = policy(query.settings)
    by, wanted = [column for column in query.by if column not in ("source", "entity")], _wanted(query, known)
    parts = [_of_records(tables, query, by)] if wanted in (None, *RECORD_CHECKS) else []
    parts += [_orphans(tables, query, by)] if wanted in (None, ORPHAN) else []
    parts += [_invoiced(tables, query, known, by)] if wanted in (None, UNDER) else []
    parts += [health_own.counted(tables, query, {name: check for name, check in known.own.items() if wanted in (None, name)}, by)]
    nothing = pd.DataFrame(columns=[*by, "source", "entity", "check", "n", "numerator", "involved"])
    rows = pd.concat([part for part in parts if len(part)] or [nothing], ignore_index=True)
    asked = {(rule.entity, rule.check) for rule in known.rules}
    is_asked = [(entity, check) in asked and wanted in (None, check) for entity, check in zip(rows["entity"], rows["check"], strict=True)]
    rows = rows[pd.Series(is_asked, rows.index, dtype=bool)].reset_index(drop=True)
    keys = tuple(dict.fromkeys((*query.by, "source", "entity", "check")))
    return answer(_judged(rows, known), query, keys=keys, extra=EXTRA, notes={"unjudged": MART not in tables})


def _wanted(query: Query, known: Policy) -> str | None:
    """The one check that is asked for; None: all of them."""
    wanted = query.options.get("check") or None
    if wanted is not None and wanted not in {rule.check for rule in known.rules}:
        raise QuestionError(f"no check {wanted!r}; there are {', '.join(dict.fromkeys(rule.check for rule in known.rules))}")
    return wanted


def _of_records(tables: Tables, query: Query, by: list[str]) -> pd.DataFrame:
    """Rows asked and failing, of every check of customers and contacts: one query."""
    if MART not in tables:
        return pd.DataFrame()
    sums = {f"n_{name}": nw.col(name).count() for name in RECORD_CHECKS} | {f"bad_{name}": nw.col(name).sum() for name in RECORD_CHECKS}
    wide = aggregate(segmented(tables[MART], tables, query), [*by, "source", "entity"], **sums, involved=nw.col("is_involved").sum())
    parts = [_long(wide, by, name) for name in RECORD_CHECKS]
    return pd.concat(parts, ignore_index=True)


def _long(wide: pd.DataFrame, by: list[str], name: str) -> pd.DataFrame:
    rows = wide[[*by, "source", "entity"]].assign(check=name, n=wide[f"n_{name}"], numerator=wide[f"bad_{name}"])
    rows = rows.assign(involved=pd.to_numeric(wide["involved"]).astype("float64") if name == "duplicate" else np.nan)
    return rows[pd.to_numeric(rows["n"]) > 0]


def _facts(tables: Tables) -> Frame:
    """Rows that belong to a customer: source, entity, record_id, customer_id, is_orphan."""
    known = tables["accounts"].select("customer_id", known_=nw.lit(1))
    ids = {"subscriptions": "subscription_id", "interactions": "interaction_id", "invoices": "invoice_line_id"}
    parts = [tables[name].select("source", "customer_id", entity=nw.lit(name), record_id=ids.get(name, name.removesuffix("s") + "_id")) for name in FACTS]
    rows = nw.concat([part.select("source", "entity", "record_id", "customer_id") for part in parts]).join(known, on="customer_id", how="left")
    return rows.with_columns(is_orphan=nw.when(nw.col("known_").is_null()).then(nw.lit(1)).otherwise(nw.lit(0))).drop("known_")


def _orphans(tables: Tables, query: Query, by: list[str]) -> pd.DataFrame:
    """Rows asked and failing of every entity; a filter on `entity` chooses among them."""
    asked = dict(query.where).get("entity", FACTS)
    plain = replace(query, where=tuple(pair for pair in query.where if pair[0] != "entity"))
    counts = kept(tables, "orphans", "", lambda: _counted(tables))
    orphans = {name: nw.col(f"n_{name}") * nw.col("is_orphan") for name in FACTS}
    sums = {f"n_{name}": nw.col(f"n_{name}").sum() for name in FACTS} | {f"bad_{name}": orphans[name].sum() for name in FACTS}
    wide = aggregate(segmented(counts, tables, plain), [*by, "source"], **sums)
    parts = [wide[[*by, "source"]].assign(entity=name, n=wide[f"n_{name}"], numerator=wide[f"bad_{name}"]) for name in FACTS if name in asked]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*by, "source", "entity", "n", "numerator"])
    return rows[rows["n"] > 0].assign(check=ORPHAN, involved=np.nan)


def _counted(tables: Tables) -> Frame:
    """How many rows of every entity each customer has in each source: source, customer_id, n_…, is_orphan."""
    counts = {f"n_{name}": number(nw.col("entity") == name).sum() for name in FACTS}
    rows = _facts(tables).group_by("source", "customer_id").agg(**counts, is_orphan=nw.col("is_orphan").max())
    return rows.select("source", "customer_id", *(nw.col(name).cast(nw.Int32) for name in (*counts, "is_orphan")))


def _wins(tables: Tables, query: Query, known: Policy) -> Frame:
    """Customers with deals won longer ago than the days of grace: source, customer_id, won and invoiced since, is_under.

    Both in the reporting currency; what cannot be converted is on neither side. Won in a month counts against what was invoiced from that month on.
    Computed once for these tables.
    """
    due = day_number(query.period.as_of) - known.grace_days
    return kept(tables, "wins", (due, known.tolerance), lambda: _won(tables, due, known.tolerance))


def _won(tables: Tables, due: int, tolerance: float) -> Frame:
    """`_wins` of deals closed before a day number."""
    deals = tables["deal_facts"].filter(nw.col("is_won"), nw.col("closed_on_d") < due, nw.col("amount_reporting") > 0)
    deals = deals.join(tables["deals"].select("deal_id", "source"), on="deal_id")
    won = deals.group_by("source", "customer_id").agg(won=nw.col("amount_reporting").sum(), since_m=nw.col("closed_on_m").min())
    months = tables["customer_months"].select("customer_id", "month_m", revenue="revenue_reporting")
    since = won.join(months, on="customer_id", how="left").with_columns(
        counted=nw.when(nw.col("month_m") >= nw.col("since_m")).then(nw.col("revenue")).otherwise(nw.lit(0.0))
    )
    found = since.group_by("source", "customer_id").agg(won=nw.col("won").max(), invoiced=nw.col("counted").sum())
    is_under = nw.col("invoiced").fill_null(0.0) < nw.col("won") * (1 - tolerance)
    return found.with_columns(is_under=nw.when(is_under).then(nw.lit(1)).otherwise(nw.lit(0)), entity=nw.lit("deals"))


def _invoiced(tables: Tables, query: Query, known: Policy, by: list[str]) -> pd.DataFrame:
    rows = aggregate(segmented(_wins(tables, query, known), tables, query), [*by, "source", "entity"], n=nw.len(), numerator=nw.col("is_under").sum())
    return rows.assign(check=UNDER, involved=np.nan)


def _judged(rows: pd.DataFrame, known: Policy) -> pd.DataFrame:
    n, failing = (pd.to_numeric(rows[name]).astype("float64") for name in ("n", "numerator"))
    asked = {(rule.entity, rule.check): rule for rule in known.rules}
    rules = [asked[pair] for pair in zip(rows["entity"], rows["check"], strict=True)]
    low, high = wilson(failing, n)
    rows = rows.assign(
        n=n, numerator=failing, denominator=n, value=failing / n.where(n > 0), low=low, high=high, se=share_se(failing, n),
        dimension=[rule.dimension for rule in rules], threshold=[known.threshold(rule) for rule in rules],
        owner=[known.owner(*pair) for pair in zip(rows["source"], rows["entity"], strict=True)],
    )  # fmt: skip
    return rows.assign(verdict=[verdict(*pair) for pair in zip(rows["value"], rows["threshold"], strict=True)])


def verdict(value: float, threshold: float) -> str:
    """pass up to the threshold, warn up to twice of it, fail beyond; no_data without a value."""
    if pd.isna(value):
        return "no_data"
    return "pass" if value <= threshold else "warn" if value <= TWICE * threshold else "fail"


def scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of what was checked that passed, per dimension and source: dimension, source, value, n (values checked), failing. Rows of data_health's answer."""
    known = rows[rows["value"].notna()].assign(n=lambda found: found["n"].astype("int64"))
    sums = known.groupby(["dimension", "source"], as_index=False)[["n", "numerator"]].sum()
    return sums.assign(value=1 - sums["numerator"] / sums["n"]).rename(columns={"numerator": "failing"})


def failing(tables: Tables, query: Query) -> Frame:
    """The rows that fail, each once for every check it fails, with what identifies it as far as the reader may see that. Option: check."""
    plain, known = replace(query, by=()), policy(query.settings)
    wanted = _wanted(query, known)
    judged = segmented(tables[MART], tables, plain) if MART in tables else None
    checks = [name for name in RECORD_CHECKS if wanted in (None, name)] if judged is not None else []
    parts = [judged.filter(nw.col(name) == 1).select(*BEHIND[:2], "record_id", "customer_id", check=nw.lit(name)) for name in checks]
    if wanted in (None, ORPHAN):
        orphans = segmented(_facts(tables), tables, plain).filter(nw.col("is_orphan") == 1)
        parts.append(orphans.select(*BEHIND[:2], "record_id", "customer_id", check=nw.lit(ORPHAN)))
    if wanted in (None, UNDER) and not amounts.are_veiled(tables):
        under = segmented(_wins(tables, query, known), tables, plain).filter(nw.col("is_under") == 1)
        parts.append(under.select(*BEHIND[:2], "customer_id", record_id="customer_id", check=nw.lit(UNDER)))
    parts += [health_own.failing(tables, plain, name, check) for name, check in known.own.items() if wanted in (None, name)]
    if not parts:
        return _facts(tables).head(0).select(*BEHIND[:2], "record_id", "customer_id", check=nw.lit(ORPHAN))
    return _named(nw.concat([part.select(*BEHIND[:5]) for part in parts]), tables)


def _named(rows: Frame, tables: Tables) -> Frame:
    """Records with their own name, e-mail, telephone and tax number; of rows of other tables there are none."""
    customers = tables["customers"].select("email", "phone", "tax_no", record_id="customer_id", entity=nw.lit("customers"), record="name")
    contacts = tables["contacts"].select("email", "phone", record_id="contact_id", entity=nw.lit("contacts"), record="name")
    contacts = contacts.with_columns(tax_no=nw.lit(None).cast(nw.String))
    columns = ("record_id", "entity", "record", "email", "phone", "tax_no")
    known = nw.concat([part.select(*columns) for part in (customers, contacts)])
    return rows.join(known, on=["record_id", "entity"], how="left").select(*BEHIND).sort("check", "source", "entity", "record_id")


METRICS = (
    Metric(
        "data_health", data_health,
        definition="Share of records that fail a check: missing or impossible values, duplicates, stale records, contradictions, orphans.",
        formula="rows that fail a check / rows that the check is asked of, per source and entity",
        unit="share", reads=(MART, *JUDGED, "identities", "deal_facts", "customer_months"), behind=failing, better="lower",
        options={"check": ""}, source="DAMA UK 2013 (dimensions); Wilson 1927 (limits)",
    ),
)  # fmt: skip
