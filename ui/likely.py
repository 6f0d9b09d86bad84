"""How likely customers are to leave within the next 90 days, beside the rows of a list: the probability, its reasons in words, the place."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from metrics.likelihood import KINDS, carriers, likelihoods, reasons
from ui import customers, numbers
from ui.table import Column
from ui.view import View
from ui.words import plain, t, value_of

AT_ONCE = 5000  # customers that one question names
COLUMNS = {
    "likely": Column("churn.columns.likely", "share", "churn.columns.likely_help"), "likely_why": Column("churn.columns.why", None, "churn.columns.why_help"),
    "likely_place": Column("churn.columns.place", None, "churn.columns.place_help"),
}  # fmt: skip
SHARES, WEEKS = ("satisfaction", "recommends"), ("pace", "use")


def beside(now: View, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with likely (a share; null: no model tells), likely_why and likely_place (texts); as they are where nothing ranks any of them."""
    ids = list(rows["customer_id"])
    parts = [customers.about(now.snapshot, likelihoods, ids[k : k + AT_ONCE]) for k in range(0, len(ids), AT_ONCE)]
    found = {row["customer_id"]: row for part in parts for row in part.to_dict("records")}
    if not found:
        return rows
    told = [found.get(name, {}) for name in ids]
    return rows.assign(
        likely=[row.get("probability") for row in told], likely_why=[why(row) for row in told], likely_place=[place(row) for row in told]
    )  # fmt: skip


def carried(now: View) -> Mapping[str, str]:
    """By what the reader's customers are ranked, of each population."""
    return customers.about(now.snapshot, carriers)


def caption(now: View) -> str:
    """What the list rests on: rules alone, or a model beside them."""
    return t("churn.beside" if "model" in carried(now).values() else "at_risk.rules")


def place(row: Mapping) -> str:
    """The place among all of the same kind, the likeliest first; empty without one."""
    return t("churn.place", n=numbers.count(row["place"]), total=numbers.count(row["of_all"])) if row else ""


def why(row: Mapping) -> str:
    """What raises and lowers the probability most, each with the factor by which it moves the odds; empty without a model."""
    if not row or not numbers.is_number(row.get("probability")):
        return ""
    return t("at_risk.and").join(t("churn.moves", reason=reason(name, row), times=numbers.shown(math.exp(points), "score")) for name, points in reasons(row))


def reason(name: str, row: Mapping) -> str:
    """A feature with its value."""
    value = row.get(name)
    if name in KINDS:
        return t("churn.is", what=t(f"churn.features.{name}"), value=value_of(name, value))
    if not numbers.is_number(value):
        return t("churn.not_known", what=t(f"churn.features.{name}"))
    if name == "missed":
        return t("churn.missed" if value else "churn.met")
    return t("churn.is", what=t(f"churn.features.{name}"), value=_written(name, value))


def _written(name: str, value: float) -> str:
    if name in WEEKS:
        return _signed(math.expm1(value))  # of the counts with one added to each
    if name in SHARES:
        return numbers.shown(value, "share")
    return numbers.shown(value, "days" if name in ("rhythm", "expected") else "count")


def _signed(share: float) -> str:
    return ("−" if share < 0 else "+") + numbers.shown(abs(share), "share")


def told(row: Mapping) -> list[str]:
    """What a customer told in full says of it: nothing, its place, or the probability with its reasons."""
    if numbers.is_number(row.get("likely")):
        return [t("churn.told", share=numbers.shown(row["likely"], "share"), why=plain(row["likely_why"]), place=row["likely_place"])]
    return [t("churn.placed", place=row["likely_place"])] if row.get("likely_place") else []
