"""Who counts as at risk, and what is done then: thresholds by grade and tenure, weights, levels, deadlines and plays.

    [metrics.risk]                       # of the sources file, or the setting `risk` made in the app, which goes before it
    coverage = 0.6                       # share of the weights with data under which no score is shown
    [metrics.risk.weights]               # of the score's factors; 0 takes one out
    silence = 2
    [[metrics.risk.bands]]               # of tenure, in days; the last has no `until_days`
    until_days = 90
    renewal_days = 30                    # whatever threshold differs from the default

Whatever is left out is at its default. All faults are told at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from metrics.query import Query, QuestionError

KINDS = ("follow_up", "complaint", "low_scores", "detractor", "silence", "fall", "payment", "owner", "renewal")
FACTORS = KINDS[:-1]  # a renewal that comes near is no fault of anybody: it raises a flag and costs no points
Kind = Literal["follow_up", "complaint", "low_scores", "detractor", "silence", "fall", "payment", "owner", "renewal"]
Days = Annotated[int, Field(ge=1, le=3650)]
Share = Annotated[float, Field(gt=0, le=1)]


class Part(BaseModel):
    """A part of the policy: nothing in it that is not known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Band(Part):
    """Thresholds for customers of a grade ("": every grade without bands of its own) whose tenure is in (after_days, until_days]."""

    grade: str = ""
    after_days: Days | None = Field(None, description="whole days since the signing; null: from the beginning")
    until_days: Days | None = Field(None, description="the last day belongs to the band; null: without end")
    follow_up_hours: Annotated[int, Field(ge=1, le=720)] = Field(72, description="calendar hours from the signing to the first follow-up")
    follow_up_days: Days = Field(90, description="how long after the signing a missed follow-up counts")
    low_dimensions: Annotated[int, Field(ge=1, le=20)] = Field(3, description="dimensions below the middle of their scale that raise a flag")
    answer_days: Days = Field(180, description="answers older than this say nothing any more")
    silence_factor: Annotated[float, Field(gt=1, le=10)] = Field(2.0, description="times the customer's own mean gap between purchases")
    silence_orders: Annotated[int, Field(ge=3, le=100)] = Field(4, description="days of purchase from which a customer has a rhythm")
    fall_share: Share = Field(0.2, description="by how much seven days fall below the seven before")
    fall_least: Annotated[int, Field(ge=1)] = Field(20, description="uses (or orders) in the seven days before, from which a fall says something")
    payment_days: Days = Field(90, description="how long an attempt to pay that failed counts, unless it was paid since")
    renewal_days: Days = Field(60, description="how near a renewal is near")


class Level(Part):
    """A level of the score: (above, upto], in points."""

    name: Annotated[str, Field(min_length=1)]
    above: float | None = None
    upto: float | None = None


class Texts(Part):
    """What is said, in each language."""

    en: Annotated[str, Field(min_length=1)]
    zh: Annotated[str, Field(min_length=1)]


class Play(Part):
    """A win-back play: for which flags, grades and tenures it is meant (empty: any), and its own words where it is none of ours."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    kinds: tuple[Kind, ...] = Field(min_length=1)
    grades: tuple[str, ...] = ()
    until_days: Days | None = Field(None, description="only for customers of at most this tenure")
    says: Texts | None = None


class Care(Part):
    """What a grade asks when one of its customers is at risk: who acts, within how many days, and how."""

    within_days: Days
    who: Literal["sponsor", "owner", "team"] = "owner"
    how: Literal["visit", "call", "message"] = "call"


CARE = {
    "core": Care(within_days=1, who="sponsor", how="visit"), "key": Care(within_days=2), "ordinary": Care(within_days=5),
    "potential": Care(within_days=10, how="message"), "": Care(within_days=5),
}  # fmt: skip
PLAYS = (  # the first that fits is the next best action: what stops a loss at once stands before what mends slowly
    Play(name="solve_complaint", kinds=("complaint",)), Play(name="collect_payment", kinds=("payment",)),
    Play(name="welcome_call", kinds=("follow_up",)), Play(name="name_owner", kinds=("owner",)),
    Play(name="executive_visit", kinds=("detractor", "low_scores", "fall", "silence"), grades=("core",)),
    Play(name="close_loop", kinds=("detractor",)), Play(name="improvement_plan", kinds=("low_scores",)),
    Play(name="onboard_again", kinds=("fall", "silence"), until_days=180), Play(name="train_users", kinds=("fall",)),
    Play(name="recall_offer", kinds=("silence",)), Play(name="renewal_talk", kinds=("renewal",)),
)  # fmt: skip
WEIGHTS = {"low_scores": 1.0, "detractor": 1.0, "silence": 2.0, "fall": 1.0, "complaint": 1.5, "payment": 1.5, "follow_up": 0.5, "owner": 0.5}
LEVELS = (Level(name="at_risk", upto=50), Level(name="watch", above=50, upto=75), Level(name="healthy", above=75))


class Policy(Part):
    """Everything that is set about customers at risk. Defaults work untouched."""

    bands: tuple[Band, ...] = (Band(),)
    weights: dict[str, Annotated[float, Field(ge=0, le=100)]] = WEIGHTS
    coverage: Share = 0.6
    levels: tuple[Level, ...] = LEVELS
    care: dict[str, Care] = CARE
    plays: tuple[Play, ...] = PLAYS

    @model_validator(mode="after")
    def _whole(self) -> Policy:
        faults = [fault for grade in sorted({"", *(band.grade for band in self.bands)}) for fault in self._band_faults(grade)]
        faults += gaps([(level.above, level.upto) for level in self.levels], "the levels of the score", "points")
        faults += [f"weights: {name!r} is no factor; there are {', '.join(FACTORS)}" for name in sorted(set(self.weights) - set(FACTORS))]
        faults += [] if any(self.weights.values()) else ["weights: all of them are 0"]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _band_faults(self, grade: str) -> list[str]:
        ends = [(band.after_days, band.until_days) for band in self.bands if band.grade == grade]
        return gaps(ends, f"bands of grade {grade!r}" if grade else "bands of every grade", "days")


def gaps(ends: Sequence[tuple[float | None, float | None]], what: str, unit: str) -> list[str]:
    """What is wrong with bands (after, until] that are to cover everything once: gaps, overlaps, and ends that are missing."""
    if not ends:
        return [f"{what}: there are none"]
    ordered = sorted(ends, key=lambda pair: (pair[0] is not None, pair[0] or 0))
    faults = [f"{what}: ({low:g}, {high:g}] holds nothing" for low, high in ordered if low is not None and high is not None and low >= high]
    faults += [f"{what}: nothing up to {ordered[0][0]:g} {unit}; the first has no lower end"] if ordered[0][0] is not None else []
    for (_, until), (after, _) in itertools.pairwise(ordered):
        begins = float("-inf") if after is None else after
        if until is None or until > begins:
            faults.append(f"{what}: two of them hold what lies above {_edge(after)} {unit}")
        elif until < begins:
            faults.append(f"{what}: none holds what lies above {until:g} and up to {begins:g} {unit}")
    return faults + ([f"{what}: nothing above {ordered[-1][1]:g} {unit}; the last has no upper end"] if ordered[-1][1] is not None else [])


def _edge(value: float | None) -> str:
    return "nothing" if value is None else f"{value:g}"


def checked(given: Mapping) -> Policy:
    """The policy that a table of settings makes of the defaults. Raises QuestionError with every fault, each with its place."""
    told = {**given, "weights": {**WEIGHTS, **given["weights"]}} if isinstance(given.get("weights"), Mapping) else dict(given)
    told = {**told, "care": {**CARE, **told["care"]}} if isinstance(told.get("care"), Mapping) else told
    try:
        return Policy.model_validate(told, strict=False)
    except ValidationError as error:
        faults = [f"{'.'.join(['metrics.risk', *map(str, fault['loc'])])}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors()]
        raise QuestionError("; ".join(faults)) from None


def in_settings(settings: Mapping) -> Policy:
    """The policy of a snapshot's settings. Raises QuestionError with every fault of [metrics.risk]."""
    return checked(settings.get("metrics", {}).get("risk", {}))


def policy(query: Query) -> Policy:
    """The policy in force for a question. Raises QuestionError with every fault of [metrics.risk]."""
    return in_settings(query.settings)


def bands_of(policy: Policy, grade: str | None) -> tuple[Band, ...]:
    """The bands of a grade: its own where it has any, else those of every grade."""
    return tuple(band for band in policy.bands if grade and band.grade == grade) or tuple(band for band in policy.bands if not band.grade)


def within(value: float | None, low: float | None, high: float | None) -> bool:
    """Whether a value lies in (low, high]; what is not known lies in the band without end."""
    if value is None:
        return high is None
    return (low is None or value > low) and (high is None or value <= high)
