"""The model card of each population: what it was learned from, how well it told later quarters, its points; and today's scores by it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metrics.additive_logit import Logit, read
from metrics.churn_features import KINDS, NUMBERS
from metrics.churn_model import Verdict, verdict
from metrics.churn_population import POPULATIONS
from metrics.features import delong
from metrics.stats import Z95

CARD = "card"  # the feature under which a card's figures stand: kind is their name, `at` a number, `label` a text
COLUMNS = ["population", "feature", "kind", "at", "label", "points"]


def card(rows: pd.DataFrame, tests: pd.DataFrame) -> pd.DataFrame:
    """The cards and models of both populations as one table: COLUMNS. A population without examples has the reason "short" alone."""
    found = []
    for population in POPULATIONS:
        own, tested = (part[part["population"] == population] for part in (rows, tests))
        decided = verdict(own, tested) if len(own) else Verdict("rules", "short", None, {})
        figures = pd.DataFrame(_figures(own, tested, decided), columns=["kind", "at", "label"]).assign(feature=CARD, points=np.nan)
        model = decided.model.rows() if decided.model else figures.iloc[:0]
        found += [part.assign(population=population)[COLUMNS].astype(object) for part in (figures, model)]
    return pd.concat(found, ignore_index=True).astype({"at": "float64", "points": "float64"})


def _figures(rows: pd.DataFrame, tests: pd.DataFrame, decided: Verdict) -> list[tuple[str, float, str | None]]:
    """Name, number and text of everything that a card tells."""
    past = rows[~rows["is_today"].astype(bool)]
    judged = tests[tests["probability"].notna()]
    found = [("ranked_by", np.nan, decided.ranked_by), ("why", np.nan, decided.why)]
    found += [("quarters", past["scored_on"].nunique(), None), ("examples", len(past), None), ("lost", past["is_lost"].sum(), None)]
    days = sorted(past["scored_on"].unique())
    found += [("first", np.nan, str(days[0])), ("last", np.nan, str(days[-1]))] if days else []
    found += [("tested", judged["scored_on"].nunique(), None), ("tested_lost", judged["is_lost"].sum(), None)]
    found += [(f"auc_{name}", area, None) for name, area in decided.areas.items()]
    found += [(f"auc_{end}", value, None) for end, value in zip(("low", "high"), _limits(judged), strict=True) if decided.areas]
    return [*found, ("shift", decided.adjusted[0], None), ("slope", decided.adjusted[1], None)]


def _limits(judged: pd.DataFrame) -> tuple[float, float]:
    """95 % limits of the model's mean area over the quarters, by DeLong's error of each."""
    found = []
    for _, part in judged.groupby("scored_on"):
        is_lost = part["is_lost"].to_numpy(float) == 1
        if 1 < is_lost.sum() < len(part) - 1:
            found.append(delong(part.loc[is_lost, "probability"].to_numpy(float), part.loc[~is_lost, "probability"].to_numpy(float)))
    if not found:
        return float("nan"), float("nan")
    mean, se = np.mean([area for area, _ in found]), np.sqrt(np.sum([error**2 for _, error in found])) / len(found)
    return float(max(0.0, mean - Z95 * se)), float(min(1.0, mean + Z95 * se))


def told(cards: pd.DataFrame, population: str) -> dict[str, float | str]:
    """A population's card as name → figure."""
    own = cards[(cards["population"] == population) & (cards["feature"] == CARD)]
    return {row.kind: row.at if pd.isna(row.label) else row.label for row in own.itertuples()}


def scores(rows: pd.DataFrame, cards: pd.DataFrame) -> pd.DataFrame:
    """Today's customers with what they are ranked by: ranked_by, why, probability, likelihood (the larger, the likelier), base and points_… .

    probability, base and points are null where no model carries the ranking; base + Σ points is the log-odds of probability.
    """
    today = rows[rows["is_today"].astype(bool)]
    found = [_scored(today[today["population"] == name], told(cards, name), _model(cards, name)) for name in POPULATIONS]
    every = pd.concat(found, ignore_index=True)
    return every.sort_values("customer_id", ignore_index=True)


def _model(cards: pd.DataFrame, population: str) -> Logit | None:
    own = cards[(cards["population"] == population) & (cards["feature"] != CARD)]
    return read(own) if len(own) else None


def _scored(today: pd.DataFrame, known: dict, model: Logit | None) -> pd.DataFrame:
    points = pd.DataFrame(np.nan, today.index, [f"points_{name}" for name in (*NUMBERS, *KINDS)])
    named = today.assign(ranked_by=known.get("ranked_by"), why=known.get("why"), probability=np.nan, base=np.nan)
    if model is None:
        column = known.get("ranked_by")
        return pd.concat([named.assign(likelihood=named[column] if column == "recency" else np.nan), points], axis=1)
    parts = model.parts(today).add_prefix("points_")
    points[parts.columns] = parts
    probability = model.probability(today)
    return pd.concat([named.assign(probability=probability, likelihood=probability, base=model.base), points], axis=1)
