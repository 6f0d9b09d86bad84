"""Can we trust our CRM this quarter? Every check of the audit, asked of the very metrics that the pages show, and judged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from metrics import CATALOGUE
from metrics.audit_policy import Policy, keyed, policy
from metrics.audit_readings import VERDICTS, Reading
from metrics.audit_rules import RULES, Rule
from metrics.period import Calendar, Period, PeriodError, add_months
from metrics.query import Query, QuestionError
from metrics.result import Answer

MONTHS = 3  # of a quarter
Ask = Callable[[str, Query], Answer]  # the name of a metric and a question → its answer: a page's cache, or the metric itself


@dataclass(frozen=True)
class Quarter:
    """Days [start, end) of a fiscal quarter. name: "2026Q3", of the fiscal year that began in 2026."""

    name: str
    start: dt.date
    end: dt.date


@dataclass(frozen=True)
class Material:
    """What the checks are asked of. sources: of `audit_presence.presence`. loaded: first day that is not fully loaded.

    facts: what people wrote down, by name (cases, targets, findings); one that is not there is not judged.
    """

    period: Period
    loaded: dt.date
    settings: Mapping
    sources: list[dict]
    facts: Mapping[str, Any]


def quarter_at(day: dt.date, calendar: Calendar) -> Quarter:
    """The quarter that a day lies in."""
    whole = Period(day, day + dt.timedelta(days=1), day, calendar)
    bucket = whole.bucket(whole.bucket_number(day, "quarter"), "quarter")
    first = calendar.fiscal_year_start
    year = bucket.start.year if bucket.start.month >= first else bucket.start.year - 1
    return Quarter(f"{year}Q{(bucket.start.month - first) % 12 // MONTHS + 1}", bucket.start, bucket.end)


def quarters(first: dt.date, loaded: dt.date, calendar: Calendar) -> list[Quarter]:
    """Every quarter with a day of [first, loaded), the newest first."""
    found, day = [], loaded - dt.timedelta(days=1)
    while day >= first:
        found.append(quarter_at(day, calendar))
        day = found[-1].start - dt.timedelta(days=1)
    return found


def quarter_named(name: str, calendar: Calendar) -> Quarter:
    """The quarter of a name like "2026Q3". Raises QuestionError for what is no such name."""
    year, _, number = name.upper().partition("Q")
    if not (year.isdecimal() and 1 <= int(year) < 9999 and number in ("1", "2", "3", "4")):
        raise QuestionError(f"{name!r} is no quarter: write the year and the quarter, like 2026Q3")
    return quarter_at(add_months(dt.date(int(year), calendar.fiscal_year_start, 1), MONTHS * (int(number) - 1)), calendar)


def before(quarter: Quarter, calendar: Calendar) -> Quarter:
    """The quarter before."""
    return quarter_at(quarter.start - dt.timedelta(days=1), calendar)


def period_of(quarter: Quarter, loaded: dt.date, calendar: Calendar) -> Period:
    """The days of an audit: the quarter as it stood at its end, or as far as it is loaded while it runs.

    Raises PeriodError for a quarter of which no day is loaded.
    """
    if loaded <= quarter.start:
        raise PeriodError(f"nothing of {quarter.name} has been loaded yet: data reach to {loaded - dt.timedelta(days=1)}")
    return Period(quarter.start, quarter.end, min(quarter.end, loaded), calendar)


def lines(ask: Ask, material: Material, told: Callable[[int, int], None] = lambda done, all_: None) -> list[dict]:
    """Every line of the audit, in the order of RULES; see `_line` for what one holds. told(done, all) is called after each check.

    Raises QuestionError with every fault of [metrics.audit]. A metric that cannot be asked makes a line without data that says why.
    """
    known, answers = policy(material.settings), {}
    rules = [rule for rule in RULES if (rule.metric is None or rule.metric in CATALOGUE) and not known.is_skipped(rule)]
    found = []
    for done, rule in enumerate(rules, 1):
        found += _of_rule(rule, ask, material, known, answers)
        told(done, len(rules))
    return found


def _of_rule(rule: Rule, ask: Ask, material: Material, known: Policy, answers: dict) -> list[dict]:
    late = (material.loaded - material.period.end).days
    if rule.is_state and late > known.state_days:
        why = {"day": _last(material.loaded), "most": known.state_days}
        return [_line(rule, Reading(part, figures=why), known, "later") for part in rule.parts if not known.is_skipped(rule, part)]
    if rule.source == "presence":
        return _lines(rule, rule.read(material.sources), known)
    if rule.metric is None:
        fact = material.facts.get(rule.source)
        return _lines(rule, rule.read(fact), known) if fact is not None else [_line(rule, Reading(), known, "not_asked")]
    try:
        answer = _answered(rule, ask, material, answers)
    except (QuestionError, PeriodError) as error:
        return [_line(rule, Reading(figures={"why": str(error)}), known, "refused")]
    failing = [{"name": check.name, "detail": check.detail} for check in answer.checks if not check.ok]
    return [{**line, "failing": failing} for line in _lines(rule, rule.read(answer), known)]


def _last(loaded: dt.date) -> str:
    return (loaded - dt.timedelta(days=1)).isoformat()


def _answered(rule: Rule, ask: Ask, material: Material, answers: dict) -> Answer:
    """The answer to a rule's question; rules that ask the same share it."""
    key = (rule.metric, repr(dict(rule.options)), rule.quarters, rule.grain)
    if key not in answers:
        answers[key] = ask(rule.metric, question(rule, material.period, material.settings))
    return answers[key]


def question(rule: Rule, period: Period, settings: Mapping, options: Mapping | None = None, where: Mapping | None = None) -> Query:
    """What a rule asks of its metric over an audit's days; options, where: narrowed to the rows behind one line."""
    start = add_months(period.start, -MONTHS * (rule.quarters - 1))
    reach = Period(start, period.end, period.as_of, period.calendar)
    narrowed = tuple((column, (str(value),)) for column, value in (where or {}).items())
    return Query(reach, rule.grain, (), narrowed, {**rule.options, **(options or {})}, settings)


def _lines(rule: Rule, readings: Iterable[Reading], known: Policy) -> list[dict]:
    return [_line(rule, reading, known) for reading in readings if not known.is_skipped(rule, reading.part)]


def _line(rule: Rule, reading: Reading, known: Policy, says: str | None = None) -> dict:
    """One line of the audit as plain values: its key, what was found, what was asked for, the verdict and the sentence that says why."""
    passes, warns = known.limits(rule, reading.part)
    verdict, few = judged(reading, passes, warns, rule.better, known.least if rule.unit == "share" else 0)
    return {
        "key": keyed(rule, reading.part), "rule": rule.key, "part": reading.part, "area": rule.area, "metric": rule.metric, "unit": rule.unit,
        "better": rule.better, "value": reading.value, "n": reading.n, "low": reading.low, "high": reading.high, "passes": passes, "warns": warns,
        "verdict": verdict, "says": says or ("no_data" if verdict == "no_data" else rule.says), "few": few, "figures": dict(reading.figures),
        "owner": known.owner(rule, reading.part), "failing": [],
        "evidence": [{"options": dict(options), "where": dict(where)} for options, where in reading.evidence] if rule.metric else [],
    }  # fmt: skip


def judged(reading: Reading, passes: float | None, warns: float | None, better: str, least: int) -> tuple[str, bool]:
    """pass, warn, fail or no_data; and whether it would fail, but rests on fewer than `least` cases and therefore only warns.

    Exactly at a threshold is on its good side. What the metric has judged stays so.
    """
    if reading.value is None:
        return "no_data", False
    if reading.verdict is not None or passes is None or warns is None:
        return reading.verdict or "no_data", False
    sign = 1 if better == "higher" else -1
    if sign * reading.value >= sign * passes:
        return "pass", False
    if sign * reading.value >= sign * warns:
        return "warn", False
    is_few = reading.n is not None and reading.n < least
    return ("warn" if is_few else "fail"), is_few


def counts(checks: Iterable[Mapping]) -> dict[str, int]:
    """How many lines have each verdict."""
    found = [check["verdict"] for check in checks]
    return {verdict: found.count(verdict) for verdict in VERDICTS}


def unreconciled(checks: Iterable[Mapping]) -> list[dict]:
    """The reconciliations that fail, each once: metric, name, detail. While there is one, the audit cannot be signed."""
    found = {(check["metric"], one["name"]): {"metric": check["metric"], **one} for check in checks for one in check["failing"]}
    return list(found.values())


def is_empty(checks: Iterable[Mapping]) -> bool:
    """Whether nothing at all could be judged."""
    return all(check["verdict"] == "no_data" for check in checks)
