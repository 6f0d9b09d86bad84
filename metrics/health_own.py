"""Checks of the company's own: a column that the mapping makes tells how much of a row fails, and another how much was asked."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.health_policy import OwnCheck
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, segmented

RECORD = {"customers": "record_", "contacts": "contact_id"}  # what a record is called in the other checks; elsewhere its source's number
NUMBER = "^[ ]*[0-9]+([.][0-9]+)?[ ]*$"


def counted(tables: Tables, query: Query, own: Mapping[str, OwnCheck], by: list[str]) -> pd.DataFrame:
    """Asked (n) and failing (numerator) of each of these checks, per source: one query per kind of record.

    Raises QuestionError naming the column that the sources do not have.
    """
    parts = []
    for entity in dict.fromkeys(check.entity for check in own.values()):
        mine = {name: check for name, check in own.items() if check.entity == entity}
        sums = {f"{side}_{name}": nw.col(f"{side}_{name}").sum() for name in mine for side in ("n", "bad")}
        wide = aggregate(segmented(_rows(tables, entity, mine), tables, query), [*by, "source"], **sums)
        parts += [_long(wide, by, entity, name) for name in mine]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _long(wide: pd.DataFrame, by: list[str], entity: str, name: str) -> pd.DataFrame:
    rows = wide[[*by, "source"]].assign(entity=entity, check=name, n=wide[f"n_{name}"], numerator=wide[f"bad_{name}"], involved=np.nan)
    rows = rows[pd.to_numeric(rows["n"]) > 0]
    if (rows["numerator"] > rows["n"]).any():
        raise QuestionError(f"the check {name!r} of [metrics.health.own] counts more that fails than was asked: look at what its `fails` and `of` add up")
    return rows


def failing(tables: Tables, query: Query, name: str, check: OwnCheck) -> Frame:
    """The rows of which something fails: source, entity, record_id, customer_id, check."""
    rows = segmented(_rows(tables, check.entity, {name: check}), tables, query).filter(nw.col(f"bad_{name}") > 0)
    return rows.select("source", "entity", "record_id", "customer_id", check=nw.lit(name))


def _rows(tables: Tables, entity: str, own: Mapping[str, OwnCheck]) -> Frame:
    """Rows of an entity with n_{check} and bad_{check}; null where the check is not asked of a row."""
    frame = _with_account(tables) if entity == "customers" else tables[entity]
    there = frame.collect_schema()
    for name, check in own.items():
        for column in filter(None, (check.fails, check.of)):
            if column not in there:
                raise QuestionError(
                    f"the check {name!r} of [metrics.health.own] reads {entity}.{column}, and no source gives that column: "
                    f"add it to a mapping of {entity} (in its query), or leave the check out"
                )
    sides = {name: (_number(check.fails, there), _number(check.of, there) if check.of else None) for name, check in own.items()}
    asked = {f"n_{name}": (1 - bad.is_null().cast(nw.Int64)).cast(nw.Float64) if of is None else of for name, (bad, of) in sides.items()}
    counted = {f"bad_{name}": bad for name, (bad, _) in sides.items()}
    named = frame.with_columns(**asked, **counted, entity=nw.lit(entity), record_id=nw.col(RECORD.get(entity, "source_id")))
    return named.select("source", "entity", "record_id", "customer_id", *asked, *counted)


def _with_account(tables: Tables) -> Frame:
    """The records of customers, each under the account it belongs to."""
    accounts = tables["identities"].select("account_id", record="customer_id")
    found = tables["customers"].join(accounts, left_on="customer_id", right_on="record", how="left")
    return found.with_columns(record_=nw.col("customer_id"), customer_id=nw.coalesce("account_id", "customer_id"))


def _number(column: str, schema) -> nw.Expr:
    """A column as a number: sources' own columns are texts. "true" is 1, "false" 0, what is neither nothing."""
    if schema[column] != nw.String:
        return nw.col(column).cast(nw.Float64)
    text = nw.col(column).str.to_lowercase()
    told = nw.when(text == "true").then(nw.lit("1")).when(text == "false").then(nw.lit("0")).otherwise(text)
    return nw.when(told.str.contains(NUMBER)).then(told).cast(nw.Float64)
