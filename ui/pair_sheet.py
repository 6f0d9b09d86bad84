"""Two customer records side by side, and why they may be one customer, in words. Also why a record belongs to its customer."""

from __future__ import annotations

import json
import re

import pandas as pd
import streamlit as st

from metrics.pairs import beside
from ui import customers, data, numbers, spoken
from ui.table import Column, Listing, listing, table
from ui.view import View
from ui.words import code_of, has, plain, t

SIDES = {"field": Column("identity.field"), "agrees": Column("identity.agrees"), "a": Column("identity.one"), "b": Column("identity.other")}
WEIGHTS = {
    "field": Column("identity.field"), "found": Column("identity.found"), "says": Column("identity.says", help="identity.says_help"),
    "weight": Column("identity.weight", "score", "identity.weight_help"),
}  # fmt: skip
STRENGTHS = ((8, "strongly"), (3, "clearly"), (1, "slightly"))  # log2: 256, 8 and 2 times as often; less says nothing


def sheet(view: View, pair: dict) -> None:
    """The two records field by field, and what each comparison is worth. pair: a row of metrics.pairs.waiting."""
    rows = _beside(view, pair["record_a"], pair["record_b"])
    if rows is None:
        st.caption(t("identity.gone"))
        return
    table(view, rows, key="identity_sides")
    weights = _weights(view, pair["probability"], pair["weights"], pair["evidence"])
    if weights is not None:
        st.markdown(f"**{t('identity.weights')}**")
        table(view, weights, key="identity_weights")


@data.told
def _beside(view: View, one: str, other: str) -> Listing | None:
    """The fields of two records in words; None where one of the two is not there any more."""
    rows = customers.about(view.snapshot, beside, one, other)
    return None if rows.empty else listing(view, _worded(rows), SIDES)


@data.told
def _weights(view: View, probability: float, weights: str, evidence: str) -> Listing | None:
    """The list of what each comparison is worth; None where nothing was weighed."""
    rows = weighed({"probability": probability, "weights": weights, "evidence": evidence})
    return None if rows.empty else listing(view, rows, WEIGHTS)


def _worded(rows: pd.DataFrame) -> pd.DataFrame:
    """Fields in words; those that both leave empty are left out."""
    rows = rows[rows["a"].notna() | rows["b"].notna()]
    sides = {side: [_value(*pair) for pair in zip(rows["field"], rows[side], strict=True)] for side in "ab"}
    marks = {True: t("identity.same_mark"), False: t("identity.differs_mark"), None: ""}
    return rows.assign(field=[t(f"identity.fields.{name}") for name in rows["field"]], agrees=[marks[said] for said in rows["agrees"]], **sides)


def _value(field: str, value) -> str:
    if value is None or pd.isna(value):
        return ""
    if field == "grade":
        return spoken.grade(value)
    if field == "kind":
        return t(f"customer.kinds.{value}")
    return numbers.day(value) if field.endswith("_on") else str(value)


def said(pair: dict) -> str:
    """Why two records may be one customer: how probable, or how much alike, and what raised the question."""
    reason = code_of("identity.reasons", slug(pair["reason"]))
    if numbers.is_number(pair["probability"]):
        return t("identity.probable", share=numbers.shown(pair["probability"], "share"), reason=reason)
    if numbers.is_number(pair["alike"]):
        return t("identity.alike", share=numbers.shown(pair["alike"], "share"), reason=reason)
    return reason


def slug(kind: str) -> str:
    """A word of the sync's as it stands in the glossary: "more than 8 records" is more_than_8_records, "e-mail" email."""
    return re.sub(r"[^a-z0-9]+", "_", kind.lower().replace("e-mail", "email")).strip("_")


def weighed(pair: dict) -> pd.DataFrame:
    """What each comparison found and says, the most telling first; without rows where nothing was weighed. pair: with weights and evidence."""
    weights = json.loads(pair["weights"]) if isinstance(pair["weights"], str) and numbers.is_number(pair["probability"]) else {}
    found = json.loads(pair["evidence"]) if isinstance(pair["evidence"], str) else {}
    rows = [
        {"field": t(f"identity.fields.{name}"), "found": level(found.get(name)), "says": strength(weight), "weight": weight}
        for name, weight in sorted(weights.items(), key=lambda item: -abs(item[1] or 0)) if weight is not None
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(WEIGHTS))


def level(found: str | None) -> str:
    """A level of agreement in words."""
    return t(f"identity.levels.{slug(found)}") if found and has(f"identity.levels.{slug(found)}") else found or ""


def strength(weight: float) -> str:
    """What a weight (log2 of a likelihood ratio) says, in words."""
    name = next((name for least, name in STRENGTHS if abs(weight) >= least), None)
    return t(f"identity.strengths.{name}_{'for' if weight > 0 else 'against'}") if name else t("identity.strengths.nothing")


def agreeing(evidence) -> str:
    """Which fields agree, from a link's evidence: "tax number same; name same brand"."""
    found = json.loads(evidence) if isinstance(evidence, str) else {}
    named = [(name, said) for name, said in found.items() if said and said not in ("missing", "different")]
    return t("identity.and").join(t("identity.agreement", field=t(f"identity.fields.{name}"), level=level(said)) for name, said in named)


def because(record: dict, decided) -> str:
    """Why a record belongs to its customer, by what linked it. record: of metrics.customer.records with a rule. decided: the word on it and `via`, if any."""
    rule = slug(record["rule"])
    parts = [t(f"identity.rules.{rule}")]
    if rule == "decision" and decided is not None:
        parts = [t("identity.decided_by", who=plain(decided.who or t("register.here")), at=numbers.day(decided.at.date()))]
    if numbers.is_number(record["probability"]):
        parts.append(t("identity.with_probability", share=numbers.shown(record["probability"], "share")))
    evidence = agreeing(record["evidence"]) if rule == "likeness" else ""
    return t("identity.and").join(part for part in (*parts, evidence) if part)
