"""What somebody's customers brought and what was done for them, made ready for the page "My customers"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from zoneinfo import ZoneInfo

import pandas as pd

from metrics import nps, tenure
from metrics.change import Change, questions
from records.cases import CLOSED
from records.models import Case
from ui import customers, data, numbers, page, plans, scores
from ui.view import View
from ui.words import t

COMPARED = ("changed", "no_clear_change")  # verdicts with a difference to tell
MOVES = ("new", "reactivation", "churn")  # steps of the bridge that tell of customers who came or went


def served(view: View) -> pd.DataFrame:
    """The customers, the most revenue first; see metrics.tenure.served."""
    return customers.about(view.snapshot, tenure.served, *questions(view.query(), view.against)).copy(deep=False)


@data.told
def ids(view: View) -> frozenset[str]:
    """The ids of the customers."""
    return frozenset(served(view)["customer_id"])


def brought(view: View, change: Change, n: int, said: str) -> str:
    """What they brought, beside the days compared with; a direction only where the change is more than chance."""
    figures = {"n": numbers.count(n), "whose": said, "revenue": numbers.shown(change.now["value"], "money", view.currency), "days": page.days(view.period)}
    if change.verdict not in COMPARED:
        return t("my_customers.says", **figures)
    share = change.delta / change.before["value"]
    key = "unclear" if change.verdict != "changed" else "more" if share > 0 else "less"
    return t(f"my_customers.says_{key}", **figures, change=numbers.shown(abs(share), "share"), before=page.days(page.compared(view)))


@data.told
def moved(view: View) -> str | None:
    """How many customers came, came back and went by their agreements; None where nothing recurs."""
    rows = data.answer(view, "nrr_bridge", horizon="period").rows
    known = rows[rows["state"] == "value"].set_index("step")["n"]
    if not set(MOVES) <= set(known.index):
        return None
    return t("my_customers.moved", **{step: numbers.count(known[step]) for step in MOVES})


@data.told
def called_back(view: View) -> str | None:
    """How many detractors were called back in time; None where there are none, or too few to tell."""
    answer = data.answer(view, "detractor_follow_up")
    row = answer.rows.iloc[0]
    if row["state"] != "value":
        return None
    return t("my_customers.called_back", told=numbers.count(row["numerator"]), n=numbers.count(row["n"]), hours=numbers.count(answer.notes["within_hours"]))


def closed(view: View, known: dict[str, list[Case]], theirs: Container[str]) -> str | None:
    """How many cases of these customers were closed within the period, by outcome; None where none was."""
    mine = (case for id, cases in known.items() if id in theirs for case in cases)
    found = Counter(case.outcome for case in mine if case.status == CLOSED and _is_in(view, case.closed_at))
    if not found:
        return None
    parts = [t("my_customers.outcome", outcome=t(f"cases.outcomes.{name}"), n=numbers.count(n)) for name, n in found.most_common()]
    return t("my_customers.closed", n=numbers.count(found.total()), outcomes=t("at_risk.and").join(parts))


def informed(view: View, theirs: Container[str]) -> str | None:
    """How many of these customers were told within the period what an improvement plan does; None where nobody was."""
    told = {row.customer_id for plan in plans.known() for row, _ in plans.informed(view, plan) if row.told_at and _is_in(view, row.told_at)}
    told = {id for id in told if id in theirs}
    return t("my_customers.informed", n=numbers.count(len(told))) if told else None


def _is_in(view: View, at) -> bool:
    return view.period.start <= at.astimezone(ZoneInfo(view.zone)).date() < view.period.end


def running(known: dict[str, list[Case]]) -> dict[str, int]:
    """How many cases each customer has that are not closed; without those who have none."""
    found = {id: sum(case.status != CLOSED for case in cases) for id, cases in known.items()}
    return {id: n for id, n in found.items() if n}


def listed(view: View, rows: pd.DataFrame, running_: Mapping[str, int]) -> pd.DataFrame:
    """The customers with what is open (of `running`) and the last recommendation score of the period, for the table."""
    last = _last_scores(view)
    return rows.assign(
        cases=[running_.get(id, 0) for id in rows["customer_id"]],
        score=rows["customer_id"].map(last),
        standing=[t(f"my_customers.held.{held}".lower()) for held in rows["is_held"]],
    )


def _last_scores(view: View) -> dict[str, float]:
    """The last answer to the recommendation question by customer, of all that the score rests on."""
    found = customers.about(view.snapshot, nps.last_scores, view.query())
    return dict(zip(found["customer_id"], found["score"], strict=True))


def gains(view: View) -> pd.DataFrame:
    """The scores that their customers gave, beside those of the days compared with: dimension, metric, value, low, high, n, before, change, verdict."""
    first = nps.dimension(view.query())
    told = {first: ("nps", {})} if data.answer(view, "nps").rows["state"].iloc[0] != "no_data" else {}
    rows = data.answer(view, "satisfaction", by=("dimension",)).rows
    told |= {name: ("satisfaction", {"dimension": name}) for name in rows["dimension"].dropna() if name not in told and name.lower() != first}
    return pd.DataFrame([_gain(view, name, metric, options) for name, (metric, options) in told.items()])


def _gain(view: View, dimension: str, name: str, options: dict) -> dict:
    change, unit = data.compare(view, name, **options), data.metric(name).unit
    say = lambda row, column="value": numbers.shown(row[column], unit) if row["state"] == "value" else t(f"states.{row['state']}")  # noqa: E731
    known = change.now["state"] == "value"
    return {
        "dimension": scores.name(view, dimension), "value": say(change.now), "n": change.now["n"], "before": say(change.before),
        "interval": f"{say(change.now, 'low')} – {say(change.now, 'high')}" if known else "",
        "change": numbers.difference(change.delta, unit, view.currency) if change.verdict in COMPARED else "",
        "verdict": t(f"my_customers.verdicts.{_direction(change)}"),
    }  # fmt: skip


def _direction(change: Change) -> str:
    if change.verdict != "changed":
        return change.verdict
    return "better" if change.delta > 0 else "worse"
