"""Features that few use, as the present reader may know them: how each was used in a quarter, and what was decided. For readers of everything."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import pandas as pd

from access.guard import admitted_now
from access.kept import Kept
from access.roles import may
from metrics import feature_use
from metrics.period import Period, add_months
from metrics.query import Query
from records import features
from records.decided import FeatureDecision
from ui import customers, data, numbers
from ui.view import View
from ui.words import t

ACTION = "edit_features"
DAY = dt.timedelta(days=1)
WHOSE = ("colleagues", "customers")  # whose use of features there may be on record


@dataclass(frozen=True)
class Used:
    """The features of a quarter, those that fewest use first. of: whose use; rows: of feature_use, with `about` (what decisions call a feature) and
    `called` (what a reader calls it)."""

    of: str
    quarter: Period
    rows: pd.DataFrame
    threshold: float

    @property
    def few(self) -> pd.DataFrame:
        """The rows of features that few use and that are old enough to say so."""
        return self.rows[self.rows["is_under_used"].astype(bool)]

    @property
    def day(self) -> str:
        """The last day of the quarter."""
        return numbers.day(self.quarter.last_day)


def whose(view: View) -> list[str]:
    """Whose use is on record, colleagues first."""
    known = customers.about(view.snapshot, feature_use.systems)
    return [of for of in WHOSE if of in known]


def quarter(view: View) -> Period:
    """The last quarter that was over, and loaded, by the end of the page's period."""
    stop = min(view.period.end, view.period.as_of)
    reach = Period(add_months(stop, -7), stop, view.period.as_of, view.period.calendar)
    over = [bucket for bucket in reach.buckets("quarter") if bucket.end <= stop]
    return Period(over[-1].start, over[-1].end, view.period.as_of, view.period.calendar)


def used(view: View, of: str) -> Used:
    """How the features of a system were used in the quarter, whatever the page is filtered by."""
    days = quarter(view)
    answer = data.computed(view, "feature_use", Query(days, None, (), (), {"of": of}, view.settings)).answer
    rows = answer.rows[answer.rows["state"] == "value"].sort_values(["value", "system", "feature"], ignore_index=True)
    is_one = rows["system"].nunique() < 2
    pairs = list(zip(rows["system"], rows["feature"], strict=True))
    called = [feature if is_one else f"{system}: {feature}" for system, feature in pairs]
    return Used(of, days, rows.assign(about=[f"{of}/{system}/{feature}" for system, feature in pairs], called=called), answer.notes["threshold"])


def decided() -> list[FeatureDecision]:
    """All decisions about features, the newest first; none for a reader of a part."""
    if not admitted_now().scope.is_full:
        return []
    return _kept.read(data.directory(), features.decisions)


def forget() -> None:
    """Look the decisions up anew; called where one was made."""
    _kept.forget()


_kept = Kept()


def undecided(view: View, of: str = WHOSE[0]) -> list[str]:
    """The features that few used in the quarter and about which nothing is decided: each quarter all of them, until somebody decides."""
    now = used(view, of)
    held = features.holding(decided(), now.quarter.end)
    return [row.called for row in now.few.itertuples() if row.about not in held]


def may_decide() -> bool:
    """Whether the reader may, at this very moment, decide about features."""
    return may(admitted_now(), ACTION)


def today(view: View) -> dt.date:
    """The day it is where the company does business."""
    return dt.datetime.now(ZoneInfo(view.zone)).date()


# words


def said(view: View, one: FeatureDecision | None) -> str:
    """A decision in a few words, as text: what, who sees to it until when, why, by whom; empty for none."""
    if one is None:
        return ""
    on = numbers.day(one.at.astimezone(ZoneInfo(view.zone)).date())
    what = t(f"zero_based.states.{one.decision}")
    work = t("zero_based.work_says", what=what, owner=one.owner, day=numbers.day(one.due_on)) if one.owner else what
    return t("zero_based.decided_says", what=work, reason=one.reason, who=one.who or t("register.here"), day=on)


def feature_of(about: str) -> str:
    """What a reader calls a feature, from what decisions call it."""
    return about.split("/", 2)[2]
