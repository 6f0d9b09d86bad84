"""Would it have told us? The back-test on screen: who was put first in past quarters and who left, honest where the model loses; and its card."""

from __future__ import annotations

import pandas as pd
import streamlit as st

import charts
from metrics.backtest import calibrated, cards
from ui import customers, data, likely, numbers, page, risk_policy
from ui.figure import figure, ready
from ui.table import Column, listing, table
from ui.view import View
from ui.words import t

COLUMNS = {
    "called": Column("churn.columns.ranker"), "value": Column("churn.columns.precision", "share", "churn.columns.precision_help"),
    "low": Column("nps.low", "share"), "high": Column("nps.high", "share"), "recall": Column("churn.columns.recall", "share", "churn.columns.recall_help"),
    "lift": Column("churn.columns.lift", "score", "churn.columns.lift_help"), "auc": Column("churn.columns.auc", "score", "churn.columns.auc_help"),
    "lead_days": Column("churn.columns.lead", "days", "churn.columns.lead_help"), "numerator": Column("churn.columns.hits", "count"),
    "n": Column("churn.columns.first", "count"), "lost": Column("churn.columns.lost", "count"), "customers": Column("churn.columns.customers", "count"),
}  # fmt: skip
SERIES = {"step": Column("churn.columns.quarter"), **COLUMNS}
BINS = {
    "called": Column("churn.columns.bin"), "predicted": Column("churn.columns.told", "share"), "value": Column("churn.columns.came", "share"),
    "low": Column("nps.low", "share"), "high": Column("nps.high", "share"), "n": Column("churn.columns.customers", "count"),
}  # fmt: skip


@page.part("churn.title")
def section(now: View) -> None:
    """The back-test of each population that there is: the answer, figures, quarters, calibration; and the card."""
    with page.section("churn.title", help="churn.help"):
        known, carried = customers.about(now.snapshot, cards), likely.carried(now)
        shown = [name for name in ("contract", "buyer") if name in carried and _is_tested(now, name)]
        if not shown:
            st.caption(t(f"churn.why.{known.get('contract', {}).get('why', 'unseen')}"))
            st.caption(t("churn.rules_carry"))
            return
        chosen = shown[0]
        if len(shown) > 1:
            chosen = st.segmented_control(t("churn.population"), shown, default=shown[0], format_func=_population, key="churn_population", required=True)
        _tested(now, chosen, carried[chosen], known.get(chosen, {}))


def _population(name: str) -> str:
    return t(f"churn.populations.{name}")


def _whole(now: View, population: str) -> pd.DataFrame:
    return data.answer(now, "churn_backtest", population=population).rows


@data.told
def _is_tested(now: View, population: str) -> bool:
    return bool(_whole(now, population)["value"].notna().any())


def _tested(now: View, population: str, carrier: str, card: dict) -> None:
    said, rows = _compared(now, population, carrier)
    page.sentence(said)
    st.caption(t(f"churn.carried.{carrier}") + (" " + t(f"churn.why.{card['why']}") if card.get("why") not in (None, "proved") else ""))
    if risk_policy.is_newer(now.settings):
        st.caption(t("churn.other_policy"))
    table(now, rows, key="churn_backtest", metrics=(data.metric("churn_backtest"),))
    left, right = st.columns(2)
    with left:
        _quarters(now, population, carrier)
    with right:
        _calibration(now, population)
    if card.get("ranked_by") == "model":
        _card(now, card)


@data.told
def _compared(now: View, population: str, carrier: str):
    """How the rankers did, in a sentence and as a list."""
    rows = _called(_whole(now, population))
    return _says(rows.set_index("ranker"), carrier), listing(now, rows, COLUMNS)


def _called(rows: pd.DataFrame) -> pd.DataFrame:
    """The rankers that have a figure, under their names."""
    known = rows[rows["value"].notna()].reset_index(drop=True)
    return known.assign(called=[t(f"churn.rankers.{name}") for name in known["ranker"]])


def _says(rows: pd.DataFrame, carrier: str) -> str:
    """Of the tenth put first, how many left; and the same of the others."""
    best = carrier if carrier in rows.index else rows["lift"].idxmax()
    row = rows.loc[best]
    others = t("at_risk.and").join(
        t("churn.rival", name=rows.loc[name, "called"], lift=numbers.shown(rows.loc[name, "lift"], "score")) for name in rows.index if name != best
    )
    values = {"value": numbers.shown(row["value"], "share"), "lift": numbers.shown(row["lift"], "score"), "recall": numbers.shown(row["recall"], "share")}
    limits = {"low": numbers.shown(row["lift_low"], "score"), "high": numbers.shown(row["lift_high"], "score")}
    return t("churn.says", n=numbers.count(row["quarters"]), name=row["called"], others=others, **values, **limits)


def _quarters(now: View, population: str, carrier: str) -> None:
    """The lift of each quarter."""
    rows, spec = _by_quarter(now, population, carrier)
    st.markdown(f"**{t('churn.by_quarter')}**")
    figure(now, spec, t("churn.by_quarter_alt"), key="churn_quarters", rows=rows, columns=SERIES, metrics=(data.metric("churn_backtest"),))


@data.told
def _by_quarter(now: View, population: str, carrier: str):
    """The rankers in each quarter, and the figure of their lift."""
    found = data.answer(now, "churn_backtest", grain="quarter", population=population).rows
    rows = _called(found).assign(step=lambda rows: [numbers.step(day, "quarter") for day in rows["period"]])
    drawn = rows.assign(value=rows["lift"], low=rows["lift_low"], high=rows["lift_high"])
    names = {name: t(f"churn.short.{name}") for name in rows["ranker"]}
    times, step = (lambda value: numbers.shown(value, "score")), (lambda day: numbers.step(day, "quarter"))
    return rows, ready(charts.line(drawn, times, grain="quarter", by="ranker", names=names, strong=carrier, step=step, target=1.0))


def _calibration(now: View, population: str) -> None:
    """Probabilities told against what happened; nothing without a model."""
    rows, spec = _in_bins(now, population)
    if spec is None:
        return
    st.markdown(f"**{t('churn.calibration')}**")
    figure(now, spec, t("churn.calibration_alt"), key="churn_calibration", rows=rows, columns=BINS, metrics=(data.metric("churn_backtest"),))


@data.told
def _in_bins(now: View, population: str):
    """What was told and what came, in bins, and their figure; none without a model."""
    rows = customers.about(now.snapshot, calibrated, now.query(population=population))
    if rows.empty:
        return rows, None
    rows = rows.assign(predicted=rows["probability"], called=[t("churn.bin", n=numbers.count(k)) for k in rows["bin"]])
    share = lambda value: numbers.shown(value, "share")  # noqa: E731
    names, axes = dict(zip(rows["bin"], rows["called"], strict=True)), {"promised": t("churn.columns.told"), "came": t("churn.columns.came")}
    return rows, ready(charts.calibration(rows, "bin", share, names=names, **axes, height=300, is_near=True))


def _card(now: View, card: dict) -> None:
    """What the model in use was learned from, how it did, and what it cannot do."""
    box = st.expander(t("churn.card.title"), key="churn_card", type="compact", icon=":material/id_card:")
    with box:
        st.markdown("\n".join(f"- {line}" for line in card_lines(card)))


def card_lines(card: dict) -> list[str]:
    """The model card in sentences."""
    days = {end: numbers.day(pd.Timestamp(card[end]).date()) for end in ("first", "last")}
    counts = {name: numbers.count(card[name]) for name in ("quarters", "examples", "lost", "tested", "tested_lost")}
    areas = {name: numbers.shown(card[f"auc_{name}"], "score") for name in ("model", "low", "high", "recency", "rules")}
    is_adjusted = (card["shift"], card["slope"]) != (0.0, 1.0)
    changed = {name: numbers.shown(card[name], "score") for name in ("shift", "slope")}
    return [
        t("churn.card.asks"), t("churn.card.data", **days, **counts), t("churn.card.reads"), t("churn.card.monotone"),
        t("churn.card.figures", **areas, **counts), t("churn.card.adjusted" if is_adjusted else "churn.card.unadjusted", **changed), t("churn.card.limits"),
    ]  # fmt: skip
