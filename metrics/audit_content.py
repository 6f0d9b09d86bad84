"""An audit as one text: the same findings have the same letters, and two of them can be told apart line by line."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from metrics import CATALOGUE
from metrics.audit import Material, Quarter
from metrics.audit_rules import RULES

FORMAT = 1  # raised when an older program could misread an audit
DIGITS = 8  # significant ones of a number: engines add up in any order, and differ behind them
COMPARED = ("verdict", "value", "n", "low", "high", "passes", "warns", "says", "few", "figures", "owner", "failing")


def content(quarter: Quarter, material: Material, snapshot: str, checks: list[dict]) -> dict:
    """Everything that an audit found, and everything it rests on, as plain values."""
    period = material.period
    return plain({
        "format": FORMAT, "quarter": quarter.name, "from": period.start, "to": period.last_day, "is_running": not period.complete,
        "loaded_until": material.loaded - dt.timedelta(days=1), "snapshot": snapshot, "settings": material.settings, "definitions": definitions(),
        "sources": material.sources, "facts": material.facts, "checks": checks,
    })  # fmt: skip


def plain(value: Any) -> Any:
    """A value as JSON knows it, numbers to eight significant digits; what is not a number is null."""
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        return rounded(value) if math.isfinite(value) else None
    return value.isoformat() if isinstance(value, dt.date) else value


def rounded(value: float) -> float:
    """To eight significant digits; −0 is 0."""
    return float(f"{value:.{DIGITS}g}") + 0.0


def canonical(value: Any) -> str:
    """JSON with its keys in order and no space to spare."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hashed(text: str) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def definitions() -> dict[str, str]:
    """What this program means by every metric of the audit, and by the checks themselves: name → digest."""
    asked = sorted({rule.metric for rule in RULES if rule.metric in CATALOGUE})
    rules = [[rule.key, rule.source, rule.metric, rule.read.__qualname__, rule.better, rule.says, rule.quarters, dict(rule.options)] for rule in RULES]
    return {"audit": hashed(canonical(rules))[:12], **{name: CATALOGUE[name].digest for name in asked}}


def differences(was: Mapping, now: Mapping) -> list[dict]:
    """What is not the same in two contents, check by check: key, field, was, is. A line that only one has: field "line"."""
    old, new = ({check["key"]: check for check in side["checks"]} for side in (was, now))
    found = []
    for key in dict.fromkeys((*old, *new)):
        if key not in old or key not in new:
            found.append({"key": key, "field": "line", "was": old.get(key, {}).get("verdict"), "is": new.get(key, {}).get("verdict")})
            continue
        fields = [name for name in COMPARED if plain(old[key].get(name)) != plain(new[key].get(name))]
        found += [{"key": key, "field": name, "was": old[key].get(name), "is": new[key].get(name)} for name in fields]
    whole = [name for name in ("from", "to", "is_running", "loaded_until", "sources") if plain(was.get(name)) != plain(now.get(name))]
    return found + [{"key": name, "field": "head", "was": was.get(name), "is": now.get(name)} for name in whole]


def causes(was: Mapping, now: Mapping) -> list[dict]:
    """Why two contents may differ: cause (definition, configuration, snapshot), name, was, is."""
    parts = (("definition", was["definitions"], now["definitions"]), ("configuration", flat(was["settings"]), flat(now["settings"])))
    found = [
        {"cause": cause, "name": name, "was": old.get(name), "is": new.get(name)}
        for cause, old, new in parts for name in sorted({*old, *new}) if plain(old.get(name)) != plain(new.get(name))
    ]  # fmt: skip
    return found + ([{"cause": "snapshot", "name": "snapshot", "was": was["snapshot"], "is": now["snapshot"]}] if was["snapshot"] != now["snapshot"] else [])


def flat(settings: Mapping, prefix: str = "") -> dict[str, Any]:
    """Settings by their whole names: metrics.audit.least."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found
