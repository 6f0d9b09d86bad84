"""The next best action for a customer at risk: which play, because of which flag, by whom, how and within how many days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from metrics.policies import Play, Policy


@dataclass(frozen=True)
class Action:
    """play: a win-back play of the policy; kind: the flag it answers; who acts (sponsor, owner, team), how (visit, call, message), within_days."""

    play: Play
    kind: str
    within_days: int
    who: str
    how: str


def next_action(points: Mapping[str, float | None], grade: str | None, tenure_d: float | None, policy: Policy) -> Action | None:
    """The first play of the policy that answers a flag of the customer and is meant for its grade and tenure; None where none is.

    points: the kinds of the customer's flags, with what each costs of the score (None: nothing is known of that). Of several
    flags that a play answers, the dearest is named; of equally dear ones, the one that the play names first. grade: our name of it;
    the policy of "" holds for grades without one.
    """
    care = policy.care.get(grade or "") or policy.care[""]
    for play in policy.plays:
        answered = [kind for kind in play.kinds if kind in points]
        if answered and _is_meant(play, grade, tenure_d):
            kind = max(answered, key=lambda kind: points[kind] or 0.0)
            return Action(play, kind, care.within_days, care.who, care.how)
    return None


def _is_meant(play: Play, grade: str | None, tenure_d: float | None) -> bool:
    """Whose tenure is not known has been with us for long, as far as plays are concerned."""
    is_young = play.until_days is None or (tenure_d is not None and tenure_d <= play.until_days)
    return is_young and (not play.grades or grade in play.grades)
