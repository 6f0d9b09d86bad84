"""What an audit looks at: a table of checks, each with its metric, how its answer is read, and when it passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from metrics.audit_readings import (
    COVERED,
    IDENTITY,
    Reading,
    apart,
    by,
    cases,
    dimensions,
    drifted,
    findings_of,
    followed,
    health_check,
    mix,
    present,
    proposed,
    ranker,
    reasons,
    reconciled,
    single,
    stages,
    standards,
    targets,
    used,
)
from metrics.health_policy import DIMENSIONS

AREAS = ("sources", "health", "identity", "loops", "grades", "process", "features", "model", "targets", "reconciled", "followed")


class Rule(NamedTuple):
    """One check. passes, warns: the values up to which (or, `higher`, from which) it passes and warns; None: the metric judges, or a fact does.

    source: "metric", "presence" or the name of a fact. quarters: how many quarters the question reaches back. keep: column and value of the
    rows behind that are evidence. says: which sentence tells the reason. is_state: about records as they are now, not as they were; parts: the
    lines it then has without data.
    """

    key: str
    area: str
    source: str
    metric: str | None
    read: Callable[[Any], list[Reading]]
    unit: str = "share"
    passes: float | None = None
    warns: float | None = None
    better: str = "higher"
    says: str = "share"
    options: Mapping = {}
    quarters: int = 1
    grain: str | None = None
    keep: tuple[str, Any] | None = None
    is_state: bool = False
    parts: tuple[str, ...] = ("",)


USUAL = tuple(name for name in DIMENSIONS if name != COVERED)
HEALTH = {"better": "lower", "source": "metric", "metric": "data_health", "is_state": True}
CONTRADICTING = ("tax numbers differ", "more than 8 records", "circular parents", "decisions contradict", "decision without record")
RECONCILED = ("movements", "nrr_bridge", "arpu_bridge", "migration", "grade_proposals", "funnel", "win_rate", "forecast", "response_rate")
LATE = ("in_time", False)  # the rows that are evidence of what was not done in time

RULES: tuple[Rule, ...] = (
    Rule("sources.present", "sources", "presence", None, present, passes=0.25, warns=0.5, better="lower", says="present"),
    Rule("health", "health", "metric", "data_health", dimensions, says="dimension", is_state=True, parts=USUAL),
    *(Rule(f"identity.{name}", "identity", read=health_check(name), says="identity", **HEALTH) for name in IDENTITY),
    Rule("identity.waiting", "identity", "metric", "identity_findings", findings_of("pair waiting"), "count", passes=50.0, warns=500.0, better="lower",
         says="found", is_state=True),
    Rule("identity.contradicts", "identity", "metric", "identity_findings", findings_of(*CONTRADICTING), "count", passes=0.0, warns=10.0, better="lower",
         says="found", is_state=True),
    Rule("clocks", "loops", "metric", "clocks", by("clock"), passes=0.9, warns=0.75, keep=LATE),
    Rule("loops.standards", "loops", "metric", "clocks", standards, passes=1.0, warns=0.6, says="standards", quarters=2, grain="quarter"),
    Rule("loops.detractors", "loops", "metric", "detractor_follow_up", single, passes=0.8, warns=0.5, keep=LATE),
    Rule("loops.answered", "loops", "metric", "tickets_answered", single, passes=0.9, warns=0.75, keep=LATE),
    Rule("loops.solved", "loops", "metric", "tickets_solved", single, passes=0.9, warns=0.75, keep=LATE),
    Rule("loops.cases", "loops", "cases", None, cases, passes=0.9, warns=0.7),
    Rule("grades.changed", "grades", "metric", "segment_change_rate", single, passes=0.2, warns=0.35, better="lower", keep=("is_changed", True)),
    Rule("grades.mix", "grades", "metric", "mix_drift", mix, "score", passes=0.1, warns=0.25, better="lower", says="mix"),
    Rule("grades.features", "grades", "metric", "feature_drift", drifted, "count", passes=0.0, warns=3.0, better="lower", says="features"),
    Rule("grades.apart", "grades", "metric", "drift_auc", apart, "score", passes=0.55, warns=0.7, better="lower", says="apart"),
    Rule("grades.proposed", "grades", "metric", "grade_proposals", proposed, passes=0.1, warns=0.25, better="lower", says="proposed"),
    Rule("care", "grades", "metric", "care_attainment", by("tier"), passes=0.8, warns=0.6, keep=("is_met", False)),
    Rule("process.stages", "process", "metric", "funnel", stages, "count", passes=4.0, warns=3.0, says="stages"),
    Rule("process.reasons", "process", "metric", "lost_reasons", reasons, passes=0.9, warns=0.7),
    Rule("features.used", "features", "metric", "feature_use", used, passes=0.8, warns=0.6, says="used", options={"of": "colleagues"},
         keep=("is_under_used", True)),
    Rule("model.lift", "model", "metric", "churn_backtest", ranker("lift"), "ratio", passes=2.0, warns=1.2, says="lift", quarters=4),
    Rule("model.calibrated", "model", "metric", "churn_backtest", ranker("calibration_error"), passes=0.03, warns=0.06, better="lower",
         says="calibrated", quarters=4),
    Rule("targets.pace", "targets", "targets", None, targets, passes=0.8, warns=0.5, says="targets"),
    *(Rule(f"reconciled.{name}", "reconciled", "metric", name, reconciled, "count", better="lower", says="reconciled") for name in RECONCILED),
    Rule("followed.findings", "followed", "findings", None, followed, says="followed"),
)  # fmt: skip
