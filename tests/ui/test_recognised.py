"""What the inner layers say in English is known to the glossary, and said by it in Chinese."""

import ast
import re
from pathlib import Path

import pytest

import locales
from ui import recognised, words
from ui.recognised import recognised as said

ROOT = Path(__file__).parents[2]
HAN = re.compile("[一-鿿]")


@pytest.fixture
def chinese(monkeypatch):
    for module in (recognised, words):
        monkeypatch.setattr(module, "language", lambda: "zh-CN")


def checks() -> set[str]:
    """The names of all reconciliations of the metrics, as they are written; fields of an f-string as any of their values here."""
    calls = [node for path in sorted((ROOT / "metrics").glob("*.py")) for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    names = [call.args[0] for call in calls if getattr(call.func, "id", "") == "Check" and call.args]
    return {filled for name in names for filled in _filled(name)}


FILLED = {"column": ("region",), "unit": ("deal", "lead"), "label": ("origin", "target"), "side": ("then", "now")}


def _filled(name: ast.expr) -> list[str]:
    if isinstance(name, ast.Constant):
        return [name.value]
    found = [""]
    for number in range(2):
        parts = [part.value if isinstance(part, ast.Constant) else FILLED[part.value.id][min(number, len(FILLED[part.value.id]) - 1)] for part in name.values]
        found.append("".join(parts))
    return found[1:]


def test_every_reconciliation_has_a_chinese_name(chinese):
    assert len(checks()) > 10
    assert [name for name in checks() if not HAN.search(said("checks.names", name))] == []


def test_errors_that_readers_can_bring_about(chinese):
    error = "cohorts by recurring are counted at month ends: take clock calendar and grain month, quarter or year, or basis purchases"
    assert said("errors.known", error).startswith("按首份协议的同期群")


def raised() -> list[re.Pattern]:
    """What the inner layers say when they refuse: texts of their errors, fields of f-strings as anything."""
    files = [path for folder in ("metrics", "records") for path in sorted((ROOT / folder).glob("*.py"))]
    calls = [node.exc for path in files for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Raise)]
    return [_any(call.args[0]) for call in calls if isinstance(call, ast.Call) and call.args and isinstance(call.args[0], (ast.JoinedStr, ast.Constant))]


def _any(text: ast.expr) -> re.Pattern:
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return re.compile("".join(re.escape(part.value) if isinstance(part, ast.Constant) else "(.+)" for part in parts), re.DOTALL)


EXAMPLES = {"errors.known.themes_table": 'noise = ["loud", "噪音"]', "errors.known.themes_words": '["deliver*", "交货"]'}  # in both languages as they are
KNOWN = sorted(key for key in locales.glossary() if key.startswith("errors.known."))


@pytest.mark.parametrize("key", KNOWN)
def test_every_known_error_is_one_that_is_raised(key, chinese):
    """Its English text is that of the program, to the letter, each field where the program has one."""
    text = locales.word(key, "en")
    values = {name: EXAMPLES[key] if name == "example" else f"<{name}>" for name in re.findall(r"\{(\w+)\}", text)}
    filled = text.format(**values) if values else text
    found = [groups for pattern in raised() if (groups := pattern.fullmatch(filled)) and len(pattern.pattern) > len("(.+)") * (pattern.groups + 1)]
    assert found and HAN.search(said("errors.known", filled))
    assert all(value in said("errors.known", filled) for value in values.values())


def test_what_is_not_known_stays_as_it_is(chinese):
    assert said("errors.known", "no basis 'x'") == "no basis 'x'"


def test_in_english_nothing_is_changed():
    assert said("checks.names", "won + lost + open = all deals") == "won + lost + open = all deals"
