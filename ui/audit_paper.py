"""The audit as a document: one structure of texts in the reader's language, from which HTML, PDF and Excel are written."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping

import pandas as pd

from metrics.audit import counts, unreconciled
from metrics.audit_policy import policy
from metrics.audit_presence import absent
from metrics.audit_readings import VERDICTS
from metrics.audit_rules import AREAS
from metrics.maturity import LEVELS, QUESTIONS, answered, reached
from records.audited import Audit, AuditFinding
from ui import audit_words as words
from ui import behind, faults, numbers
from ui.audits import Rows, content_of
from ui.recognised import recognised
from ui.view import View
from ui.words import aloud, language, t

Text = dict
HEALTH_COLUMNS = {
    "record": "health.record", "record_id": "health.record_id", "customer_id": "audit.customer_id", "email": "health.email", "phone": "health.phone",
    "tax_no": "health.tax_no",
}  # fmt: skip
OWN_COLUMNS = {
    "customer": "retention.customer", "row_id": "audit.record", "clock": "audit.clock", "tier": "filters.grade", "from_on": "audit.from_on",
    "hours": "audit.hours", "limit_hours": "audit.limit_hours", "contact_on": "audit.contact_on", "days_since": "audit.days_since",
    "overdue_days": "audit.overdue_days", "scored_on": "audit.scored_on", "probability": "audit.probability", "is_lost": "audit.is_lost",
}  # fmt: skip


def paper(
    view: View, made: Audit, matrix: Iterable[Audit], findings: Iterable[AuditFinding], evidence: Mapping[str, list[Rows]], unknown: Mapping[str, str],
) -> Text:  # fmt: skip
    """The whole document. evidence: rows behind each line, by its key; unknown: why there are none, where they cannot be read any more."""
    content = content_of(made)
    own, sealed = {found.check: found for found in findings if found.audit == made.number}, json.loads(made.sealed) if made.sealed else None
    return {
        "lang": "zh-CN" if language() == "zh-CN" else "en", "title": t("audit.title"), "quarter": f"{words.quarter(made.quarter)} · {words.days(content)}",
        "standing": standing(view, made), "is_signed": made.signed_at is not None, "answer": [aloud(text) for text in words.answer(content)],
        "warnings": warnings(content), "labels": _labels(), "head": head(made, content),
        "areas": [_area(name, content["checks"], own) for name in AREAS if any(line["area"] == name for line in content["checks"])],
        "matrix": in_quarters(matrix), "findings": _findings(content, own, sealed), "maturity": maturity(sealed["maturity"] if sealed else made.maturity),
        "evidence": [part for line in words.ordered(content["checks"]) for part in _evidence(line, evidence, unknown)],
        "how": t("audit.how_text", least=numbers.count(policy(content["settings"]).least), quarter=made.quarter), "signature": signature(view, made),
    }  # fmt: skip


def standing(view: View, made: Audit) -> str:
    """Whether it is signed, by whom and when; or who made the draft."""
    if made.signed_at is None:
        return t("audit.drafted", by=made.created_by or t("register.here"), at=numbers.instant(made.created_at, view.zone))
    said = t("audit.signed", name=made.signed_by, at=numbers.instant(made.signed_at, view.zone))
    return t("format.sentences", first=said, then=t("audit.replaces", number=made.succeeds)) if made.succeeds else said


def warnings(content: Mapping) -> list[str]:
    """What has to be known before anything else: it still runs, a source was absent, a reconciliation fails."""
    running = [t("audit.running", quarter=words.quarter(content["quarter"]), day=words.day(content["loaded_until"]))] if content["is_running"] else []
    gone = [t("audit.absent", source=row["source"], **_silence(row)) for row in absent(content["sources"])]
    differing = [
        t("audit.unreconciled", name=recognised("checks.names", one["name"]), metric=words.metric(one["metric"]), detail=one["detail"])
        for one in unreconciled(content["checks"])
    ]
    return [*running, *gone, *differing]


def _silence(row: Mapping) -> dict[str, str]:
    counted = {name: numbers.count(row[name]) for name in ("gap", "days")}
    return {**counted, "first": words.day(row["gap_from"]), "last": words.day(row["gap_to"])}


LABELS = (
    "summary", "map", "list", "findings", "maturity", "evidence", "signature", "how", "check", "verdict", "value", "expected", "base", "reason", "owner", "due",
    "status", "note", "question", "level", "area", "no_findings", "page_of",
)  # fmt: skip


def _labels() -> dict[str, str]:
    said = {name: t(f"audit.{name}") for name in LABELS}
    return {**said, **{f"verdict_{code}": words.verdict(code) for code in VERDICTS}}


def head(made: Audit, content: Mapping) -> list[list[str]]:
    """What the audit rests on, as label and text: the papers it can be repeated with."""
    told = {
        "numbered": str(made.number), "days": words.days(content), "loaded": words.day(content["loaded_until"]), "snapshot": made.snapshot,
        "definitions": made.definitions[:16], "configuration": made.configuration[:16], "content": made.content_hash, "seal": made.seal or "",
    }  # fmt: skip
    return [[t(f"audit.{name}"), text] for name, text in told.items() if text]


def _area(name: str, lines: Iterable[Mapping], own: Mapping[str, AuditFinding]) -> Text:
    of = [line for line in lines if line["area"] == name]
    return {"name": words.area(name), "counts": counts(of), "n": len(of), "checks": [checked(line, own.get(line["key"])) for line in words.ordered(of)]}


def checked(line: Mapping, finding: AuditFinding | None = None) -> Text:
    """A line in words, with who sees to it."""
    owner = finding.owner if finding else line["owner"]
    return {
        "key": line["key"], "title": words.title(line), "code": line["verdict"], "verdict": words.verdict(line["verdict"]), "value": words.found(line),
        "expected": words.expected(line), "base": numbers.count(line["n"]) if line["n"] is not None else numbers.NONE, "reason": words.reason(line),
        "owner": owner or (t("audit.nobody") if line["verdict"] in ("fail", "warn") else ""), "due": numbers.day(finding.due_on) if finding else "",
        "status": t(f"audit.statuses.{finding.status}") if finding else "", "area": words.area(line["area"]),
    }  # fmt: skip


def in_quarters(matrix: Iterable[Audit]) -> Text:
    """Each check in each of these audits."""
    contents = [content_of(made) for made in matrix]
    lines = {line["key"]: line for content in contents for line in content["checks"]}
    verdicts = [{line["key"]: line["verdict"] for line in content["checks"]} for content in contents]
    rows = [
        {"title": words.title(line), "cells": [{"code": found.get(key, ""), "word": words.verdict(found[key]) if key in found else ""} for found in verdicts]}
        for key, line in _in_order(lines).items()
    ]
    return {"quarters": [words.quarter(content["quarter"]) for content in contents], "rows": rows}


def _in_order(lines: Mapping[str, Mapping]) -> dict[str, Mapping]:
    return dict(sorted(lines.items(), key=lambda pair: AREAS.index(pair[1]["area"]) if pair[1]["area"] in AREAS else len(AREAS)))


def _findings(content: Mapping, own: Mapping[str, AuditFinding], sealed: Mapping | None) -> list[Text]:
    """The findings as they were signed; of a draft as they are now."""
    rows = (
        sealed["findings"]
        if sealed
        else [{name: getattr(found, name) for name in ("check", "verdict", "owner", "due_on", "status", "note")} for found in own.values()]
    )
    return [finding_in_words(row, content["checks"]) for row in rows]


def finding_in_words(row: Mapping, lines: Iterable[Mapping]) -> Text:
    due = row["due_on"]
    return {
        "check": words.titled(row["check"], lines), "verdict": words.verdict(row["verdict"]), "owner": row["owner"], "note": row["note"],
        "due": words.day(due) if isinstance(due, str) else numbers.day(due), "status": t(f"audit.statuses.{row['status']}"),
    }  # fmt: skip


def maturity(answers: Mapping) -> Text:
    """The questionnaire and the level that all answers reach."""
    rows = [
        {
            "question": t(f"audit.questions.{name}"), "note": answers.get(name, {}).get("note", ""),
            "level": level(answers.get(name, {}).get("level")),
        }
        for name in QUESTIONS
    ]  # fmt: skip
    whole = reached(answers)
    said = (
        t("audit.maturity_says", level=level(whole))
        if whole
        else t("audit.maturity_open", answered=numbers.count(answered(answers)), all=numbers.count(len(QUESTIONS)))
    )
    return {"says": aloud(said), "rows": rows}


def level(number: int | None) -> str:
    return t(f"audit.levels.{number}") if number in LEVELS else t("audit.unanswered")


def signature(view: View, made: Audit) -> Text:
    if made.signed_at is None:
        return {"is_signed": False, "says": t("audit.not_signed"), "name": "", "comment": "", "seal": ""}
    return {"is_signed": True, "says": standing(view, made), "name": made.signed_by, "comment": made.comment, "seal": made.seal}


def _evidence(line: Mapping, evidence: Mapping[str, list[Rows]], unknown: Mapping[str, str]) -> list[Text]:
    """The rows behind a line that does not pass, as texts."""
    if line["key"] in unknown:
        said = t("audit.no_evidence_left", why=unknown[line["key"]])
        return [{"key": line["key"], "title": words.title(line), "note": said, "columns": [], "rows": [], "total": 0}]
    return [_listed(line, one) for one in evidence.get(line["key"], []) if len(one.rows)]


def _listed(line: Mapping, found: Rows) -> Text:
    told = columns_of(found)
    shown = behind.worded(found.rows) if found.metric != "data_health" else found.rows
    cells = [[_cell(value) for value in row] for row in shown[list(told)].itertuples(index=False)]
    narrowed = ", ".join(narrowing(found))
    note = t("audit.evidence_of", title=narrowed or words.metric(found.metric), shown=numbers.count(len(cells)), total=numbers.count(found.total))
    return {"key": line["key"], "title": words.title(line), "note": note, "columns": [t(label) for label in told.values()], "rows": cells, "total": found.total}


def narrowing(found: Rows) -> list[str]:
    """What the rows are narrowed to, in words."""
    named = {"check": faults.called, "entity": faults.entity, "clock": words.clock}
    return [named[name](value) if name in named else str(value) for name, value in found.narrowed.items()]


def columns_of(found: Rows) -> dict[str, str]:
    """Which columns of the rows are told, and the glossary keys of their headings."""
    if found.metric == "data_health":
        there = {name: label for name, label in HEALTH_COLUMNS.items() if name in found.rows and found.rows[name].notna().any()}
        is_twice = "customer_id" in there and found.rows["customer_id"].equals(found.rows["record_id"])
        return {name: label for name, label in there.items() if name != "customer_id" or not is_twice}
    usual = {name: column.label for name, column in behind.columns_of(behind.worded(found.rows)).items() if name in found.rows}
    own = {name: label for name, label in OWN_COLUMNS.items() if name in found.rows}
    return {**own, **{name: label for name, label in usual.items() if name not in own}}


def _cell(value) -> str | float | int:
    """A cell as a spreadsheet and a page can take it."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    if isinstance(value, bool):
        return t("audit.yes" if value else "audit.no")
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    return value.isoformat() if isinstance(value, dt.date) else round(value, 4) if isinstance(value, float) else value if isinstance(value, int) else str(value)
