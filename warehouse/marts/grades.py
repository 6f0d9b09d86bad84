"""The rules by which customers are graded: what counts how much, and where one grade ends and the next begins.

[metrics.grading]
grades = ["core", "key", "ordinary", "potential"]      # best first
cuts = [0.8, 0.65, 0.35]                               # lowest score of each grade but the last
weights = { amount = 0.4, interactions = 0.2, satisfaction = 0.2, growth = 0.2 }
margin = 0.03                                          # a crossing by less than this must last two quarters
[metrics.grading.previous]                             # rules that were in force before a day, to tell their change from the customers'
until = "2026-01-01"
cuts = [0.75, 0.6, 0.4]
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import narwhals as nw

COMPONENTS = ("amount", "interactions", "satisfaction", "growth")
GRADES = ("core", "key", "ordinary", "potential")
WEIGHTS = {"amount": 0.4, "interactions": 0.2, "satisfaction": 0.2, "growth": 0.2}
CUTS = (0.8, 0.65, 0.35)
MARGIN = 0.03  # of a score from 0 to 1


class GradingError(ValueError):
    """`[metrics.grading]` cannot be meant as written."""


@dataclass(frozen=True)
class Rules:
    """One set of rules. until: the day from which other rules are in force; None for the present ones."""

    grades: tuple[str, ...] = GRADES
    cuts: tuple[float, ...] = CUTS
    weights: tuple[tuple[str, float], ...] = tuple(WEIGHTS.items())
    margin: float = MARGIN
    until: dt.date | None = None

    def score(self) -> nw.Expr:
        """The weighted mean of the component scores a customer has, 0 to 1; null without any."""
        total = sum((_part(name, weight) for name, weight in self.weights), nw.lit(0.0))
        return total / nw.when(self.coverage() > 0).then(self.coverage())

    def coverage(self) -> nw.Expr:
        """The share of the weights for which a customer has a component score."""
        return sum((nw.when(~nw.col(f"{name}_score").is_null()).then(nw.lit(weight)).otherwise(0.0) for name, weight in self.weights), nw.lit(0.0))

    def rank(self, score: str) -> nw.Expr:
        """1 for the best grade; null without a score. A score on a cut belongs to the better grade."""
        rank = nw.lit(len(self.grades))
        for number, cut in reversed(list(enumerate(self.cuts, start=1))):
            rank = nw.when(nw.col(score) >= cut).then(nw.lit(number)).otherwise(rank)
        return nw.when(~nw.col(score).is_null()).then(rank).cast(nw.Int64)

    def name(self, rank: str) -> nw.Expr:
        name = nw.lit(None).cast(nw.String)
        for number, grade in enumerate(self.grades, start=1):
            name = nw.when(nw.col(rank) == number).then(nw.lit(grade)).otherwise(name)
        return name

    def depth(self, score: str, rank: str, before: str) -> nw.Expr:
        """How far a score lies inside its grade, seen from the grade it came from: from below upwards, from above downwards."""
        low, high = nw.lit(1.0), nw.lit(1.0)
        for number, cut in enumerate(self.cuts, start=1):
            low = nw.when(nw.col(rank) == number).then(nw.col(score) - cut).otherwise(low)
            high = nw.when(nw.col(rank) == number + 1).then(nw.lit(cut) - nw.col(score)).otherwise(high)
        return nw.when(nw.col(rank) < nw.col(before)).then(low).otherwise(high)


def _part(name: str, weight: float) -> nw.Expr:
    return nw.col(f"{name}_score").fill_null(0.0) * weight


def rules(settings: Mapping) -> tuple[Rules, Rules | None]:
    """The present rules, and those before them where the settings name them.

    Raises GradingError for cuts that do not fall, that are not one fewer than the grades, or for weights of unknown components.
    """
    told = settings.get("metrics", {}).get("grading", {})
    present = _checked(_read(told, Rules()))
    earlier = told.get("previous")
    if not earlier:
        return present, None
    if "until" not in earlier:
        raise GradingError("[metrics.grading.previous] needs until = DAY, the day from which the present rules are in force")
    until = earlier["until"] if isinstance(earlier["until"], dt.date) else dt.date.fromisoformat(str(earlier["until"]))
    return present, _checked(replace(_read(earlier, present), until=until))


def _read(told: Mapping, default: Rules) -> Rules:
    weights = told.get("weights", dict(default.weights))
    return Rules(
        tuple(told.get("grades", default.grades)), tuple(map(float, told.get("cuts", default.cuts))),
        tuple((name, float(weight)) for name, weight in weights.items()), float(told.get("margin", default.margin)),
    )  # fmt: skip


def _checked(given: Rules) -> Rules:
    if len(given.cuts) != len(given.grades) - 1:
        raise GradingError(f"[metrics.grading] {len(given.grades)} grades need {len(given.grades) - 1} cuts, not {list(given.cuts)}")
    if list(given.cuts) != sorted(set(given.cuts), reverse=True) or not all(0 < cut < 1 for cut in given.cuts):
        raise GradingError(f"[metrics.grading] cuts must fall and lie between 0 and 1, best grade first, not {list(given.cuts)}")
    unknown = {name for name, _ in given.weights} - set(COMPONENTS)
    if unknown or not sum(weight for _, weight in given.weights) > 0 or any(weight < 0 for _, weight in given.weights):
        raise GradingError(f"[metrics.grading] weights are positive numbers for {', '.join(COMPONENTS)}, not {dict(given.weights)}")
    return given
