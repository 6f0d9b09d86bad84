"""An audit's lines in the reader's words: what is checked, what was asked for, what was found and why it is judged so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

from metrics import CATALOGUE
from metrics.audit import Quarter, counts
from metrics.audit_readings import VERDICTS
from ui import faults, numbers, spoken
from ui.recognised import recognised
from ui.words import has, name_of, t

Line = Mapping
VISIBLE = 3  # names in one sentence


def quarter(name: str) -> str:
    """ "2026Q3" in the reader's words."""
    year, number = name.split("Q")
    return t("format.quarter", n=number, year=year)


def days(content: Mapping) -> str:
    """First and last day of the quarter."""
    return t("format.from_to", first=day(content["from"]), last=day(content["to"]))


def day(text: str | None) -> str:
    """A day as it is stored, in words."""
    return numbers.day(dt.date.fromisoformat(text)) if text else numbers.NONE


def verdict(code: str) -> str:
    return t(f"audit.verdicts.{code}")


def area(name: str) -> str:
    return t(f"audit.areas.{name}") if has(f"audit.areas.{name}") else name


def title(line: Line) -> str:
    """What is checked, as the sentence that holds when it passes."""
    name = "reconciled" if line["rule"].startswith("reconciled.") else line["rule"].replace(".", "_")
    whole = f"audit.wholes.{name}"  # of a check with several lines, where it has none
    if not line["part"] and has(whole):
        return t(whole)
    return t(f"audit.checks.{name}", part=part(line)) if has(f"audit.checks.{name}") else line["key"]


def titled(key: str, lines: Iterable[Line]) -> str:
    """A check by its key, as one of these lines calls it."""
    return next((title(line) for line in lines if line["key"] == key), key)


def part(line: Line) -> str:
    """What of the check a line is about."""
    name = line["part"]
    if line["rule"].startswith("reconciled."):
        return metric(line["metric"])
    named: dict[str, Callable[[str], str]] = {"clocks": clock, "care": spoken.grade, "health": faults.dimension}
    return named.get(line["rule"], str)(name) if name else ""


def clock(name: str) -> str:
    return t(f"journey.clocks.{name}") if has(f"journey.clocks.{name}") else name


def metric(name: str) -> str:
    return name_of(CATALOGUE[name]) if name in CATALOGUE else name


def found(line: Line) -> str:
    """The value with its unit."""
    return numbers.shown(line["value"], line["unit"])


def expected(line: Line) -> str:
    """What the value had to be to pass."""
    if line["passes"] is None and has(f"audit.expects.{line['says']}"):
        return t(f"audit.expects.{line['says']}")
    passes = line["figures"].get("threshold") if line["passes"] is None else line["passes"]
    if passes is None:
        return numbers.NONE
    value = numbers.shown(passes, line["unit"])
    return t("audit.at_least" if line["better"] == "higher" else "audit.at_most", value=value)


def limit(line: Line) -> str:
    """From where on it fails."""
    if line["warns"] is None:
        return ""
    value = numbers.shown(line["warns"], line["unit"])
    return t("audit.fails_below" if line["better"] == "higher" else "audit.fails_above", value=value)


def reason(line: Line) -> str:
    """Why it is judged so, with the figures it rests on."""
    said = SAID.get(line["says"], _plainly)(line)
    return _joined(said, t("audit.reasons.few")) if line["few"] else said


def _plainly(line: Line) -> str:
    return t(f"audit.reasons.{line['says']}", **_figures(line))


def _figures(line: Line) -> dict[str, str]:
    """The figures of a line, as the sentences name them."""
    given = line["figures"]
    counted = {name: numbers.count(value) for name, value in given.items() if isinstance(value, (int, float)) and not isinstance(value, bool)}
    limits = {name: numbers.shown(line[name], line["unit"]) for name in ("low", "high")}
    n = numbers.count(line["n"]) if line["n"] is not None else numbers.NONE
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    return {**texts, **counted, **limits, "n": n, "value": found(line)}


def _joined(*sentences: str) -> str:
    told = [one for one in sentences if one]
    said = told[0]
    for one in told[1:]:
        said = t("format.sentences", first=said, then=one)
    return said


def listed(names: Iterable[str], most: int = VISIBLE) -> str:
    """Several names in one phrase, the first of them written out."""
    names = list(names)
    shown = t("audit.comma").join(names[:most])
    return shown if len(names) <= most else t("format.sentences", first=shown, then=t("audit.lists", n=numbers.count(len(names) - most)))


def _dimension(line: Line) -> str:
    named = [_failing(one) for one in line["figures"]["named"]]
    return _joined(_plainly(line), "; ".join(named) + "." if named else "")


def _failing(one: Mapping) -> str:
    said = {"check": faults.called(one["check"]), "entity": faults.entity(one["entity"]), "source": one["source"]}
    shares = {"value": numbers.shown(one["value"], "share"), "threshold": numbers.bare(one["threshold"], "share")}
    return t("audit.reasons.dimension_named", **said, **shares, failing=numbers.count(one["failing"]))


def _identity(line: Line) -> str:
    return t("audit.reasons.identity", **{**_figures(line), "threshold": numbers.bare(line["figures"]["threshold"], "share")})


def _mix(line: Line) -> str:
    return t("audit.reasons.mix", value=found(line), chance=numbers.shown(line["figures"]["chance"], "score"))


def _features(line: Line) -> str:
    names, of = line["figures"]["named"], numbers.count(line["n"])
    if not names:
        return t("audit.reasons.features_none", of=of)
    return t("audit.reasons.features", n=numbers.count(len(names)), of=of, named=listed(_feature(name) for name in names))


def _feature(name: str) -> str:
    return t(f"segments.features.{name}") if has(f"segments.features.{name}") else name


def _stages(line: Line) -> str:
    return t("audit.reasons.stages", n=numbers.count(line["n"]), named=listed((spoken.stage(name) for name in line["figures"]["named"]), 8))


def _with_names(says: str, said: Callable[[str], str]) -> Callable[[Line], str]:
    """The sentence, and after it those that fall short."""

    def told(line: Line) -> str:
        names = line["figures"]["named"]
        return _joined(_plainly(line), t(f"audit.reasons.{says}_named", named=listed(map(said, names))) + "." if names else "")

    return told


def _reconciled(line: Line) -> str:
    names = [recognised("checks.names", name) for name in line["figures"]["named"]]
    return t("audit.reasons.reconciled_fails", named="; ".join(names)) if names else t("audit.reasons.reconciled", n=numbers.count(line["n"]))


def _present(line: Line) -> str:
    given = line["figures"]
    told = {"facts": numbers.count(given["with_facts"]), "days": numbers.count(given["days"]), "gap": numbers.count(given["gap"])}
    if given["usual"] is None:
        return t("audit.reasons.present_new", **told)
    return t("audit.reasons.present", **told, usual=numbers.count(given["usual"]))


def _followed(line: Line) -> str:
    given = line["figures"]
    return t("audit.reasons.followed", **{**_figures(line), "quarter": quarter(given["quarter"])}) if line["n"] else t("audit.reasons.followed_none")


def _later(line: Line) -> str:
    return t("audit.reasons.later", day=day(line["figures"]["day"]), most=numbers.count(line["figures"]["most"]))


SAID: Mapping[str, Callable[[Line], str]] = {
    "dimension": _dimension, "identity": _identity, "mix": _mix, "features": _features, "stages": _stages, "reconciled": _reconciled,
    "present": _present, "followed": _followed, "later": _later, "standards": _with_names("standards", clock),
    "used": _with_names("used", str), "targets": _with_names("targets", metric),
}  # fmt: skip


def answer(content: Mapping) -> list[str]:
    """The audit in words: the answer, in Markdown, and what follows it, if anything does."""
    lines = content["checks"]
    found_ = counts(lines)
    if found_["no_data"] == len(lines):
        return [t("audit.says_nothing")]
    rest = []
    if found_["fail"]:
        worst = [title(line) for line in ordered(lines) if line["verdict"] == "fail"]
        rest.append(t("audit.says_fail", n=numbers.count(found_["fail"]), named=listed(worst)))
    rest += [t(f"audit.says_{code}", n=numbers.count(found_[code])) for code in ("warn", "no_data") if found_[code]]
    first = t("audit.says", n=numbers.count(len(lines)), passed=numbers.count(found_["pass"]))
    return [first, _joined(*rest)] if rest else [first]


def ordered(lines: Iterable[Line]) -> list[Line]:
    """The worst first, and in the order of the audit."""
    return sorted(lines, key=lambda line: VERDICTS.index(line["verdict"]))


def named_quarter(one: Quarter, loaded: dt.date) -> str:
    """A quarter in the choice of one; that it runs, where it does."""
    return quarter(one.name) if one.end <= loaded else f"{quarter(one.name)} · {t('audit.runs')}"
