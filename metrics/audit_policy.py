"""How an audit judges: thresholds per check, who is asked to mend an area, how long a finding may take.

    [metrics.audit]                      # of the sources file
    due_days = 30                        # a finding is due so many days after it was opened
    least = 10                           # a share of fewer cases than this warns at most
    state_days = 92                      # records are judged as they are; later than this after the quarter's end they are no evidence of it
    [metrics.audit.owners]               # who is asked, by area
    loops = "Head of service"
    [metrics.audit.checks."loops.detractors"]
    passes = 0.9                         # the value from which (or up to which) it passes
    warns = 0.7                          # … and from which it only warns; beyond, it fails
    [metrics.audit.checks."clocks.promise"]
    skip = true                          # one line of a check: its key, a point, and the line's name

Whatever is left out is at its default. All faults are told at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from metrics.audit_rules import AREAS, RULES, Rule
from metrics.query import QuestionError

BY_KEY = {rule.key: rule for rule in RULES}


class Limits(BaseModel):
    """What is set about one check."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    passes: float | None = None
    warns: float | None = None
    owner: str | None = None
    skip: bool = False


class Policy(BaseModel):
    """Everything that is set about the audit. Defaults work untouched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    due_days: Annotated[int, Field(ge=1, le=365)] = 30
    least: Annotated[int, Field(ge=1, le=1000)] = 10
    state_days: Annotated[int, Field(ge=0, le=3650)] = 92
    owners: dict[str, str] = {}
    checks: dict[str, Limits] = {}

    def limits(self, rule: Rule, part: str = "") -> tuple[float | None, float | None]:
        """The values at which a line of a check passes and warns: its own, else those of the check, else ours."""
        own, whole = (self.checks.get(key, Limits()) for key in (keyed(rule, part), rule.key))
        passes, warns = (next((value for value in values if value is not None), None) for values in _pairs(own, whole, rule))
        return passes, warns

    def owner(self, rule: Rule, part: str = "") -> str:
        """Who is asked to mend it; "" where nobody is named."""
        own = [self.checks[key].owner for key in (keyed(rule, part), rule.key) if key in self.checks]
        return next((name for name in own if name), self.owners.get(rule.area, ""))

    def is_skipped(self, rule: Rule, part: str = "") -> bool:
        return any(key in self.checks and self.checks[key].skip for key in (keyed(rule, part), rule.key))


def _pairs(own: Limits, whole: Limits, rule: Rule):
    return (own.passes, whole.passes, rule.passes), (own.warns, whole.warns, rule.warns)


def keyed(rule: Rule, part: str = "") -> str:
    """The key of a line: that of its check, and what of it the line is about."""
    return f"{rule.key}.{part}" if part else rule.key


def rule_of(key: str) -> Rule | None:
    """The check that a line belongs to; None for one that this program does not have."""
    return BY_KEY.get(key) or next((rule for name, rule in BY_KEY.items() if key.startswith(name + ".")), None)


def policy(settings: Mapping) -> Policy:
    """The policy of the sources file's settings. Raises QuestionError naming every fault."""
    given = settings.get("metrics", {}).get("audit", {})
    faults: list[str] = []
    try:
        found = Policy(**given)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise QuestionError(f"[metrics.audit] cannot be read: {'; '.join(faults)}") from None
    faults = [f"owners: there is no area {name!r}; there are {', '.join(AREAS)}" for name in sorted(set(found.owners) - set(AREAS))]
    faults += [fault for key in sorted(found.checks) for fault in _faults(found, key)]
    if faults:
        raise QuestionError(f"[metrics.audit] cannot be read: {'; '.join(faults)}")
    return found


def _faults(found: Policy, key: str) -> list[str]:
    """What is wrong with the limits of one check."""
    rule, given = rule_of(key), found.checks[key]
    if rule is None:
        return [f"checks: there is no check {key!r}; there are {', '.join(BY_KEY)}"]
    has_limits = given.passes is not None or given.warns is not None
    if rule.passes is None:
        return [f"checks: {key} has no thresholds here; its metric judges by its own"] if has_limits else []
    passes, warns = found.limits(rule, key.removeprefix(rule.key).removeprefix("."))
    is_wrong = warns > passes if rule.better == "higher" else warns < passes
    order = "at or below" if rule.better == "higher" else "at or above"
    return [f"checks: {key} warns at {warns:g}, which is not {order} the {passes:g} at which it passes"] if is_wrong else []
