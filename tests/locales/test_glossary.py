"""One glossary: every key that is used exists in both languages, and nothing in it is unused."""

import ast
import re
from pathlib import Path

import pytest

import locales
from metrics import CATALOGUE
from ui.navigation import ENTRIES

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "app.py", *sorted((ROOT / "ui").glob("*.py")), *sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "notify").glob("*.py"))]
HAN = re.compile(r"[一-鿿]")
SAME = {"access.welcome"}  # keys whose Chinese is written in Latin letters on purpose
RECOGNISED = {"refusals.rules", "refusals.sentences", "errors.known", "checks.names"}  # groups that ui.recognised searches by their English text
CALLERS = {"t", "word", "part", "section", "empty", "Column", "Card"}  # functions that take glossary keys


def used() -> tuple[set[str], list[re.Pattern]]:
    """Keys written out in the code, and patterns for those put together with f-strings or `+`."""
    keys, patterns = set(), []
    for path in SOURCES:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        pieces = {id(value) for node in nodes if isinstance(node, ast.JoinedStr) for value in node.values}
        for node in nodes:
            if id(node) in pieces:
                continue
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                keys.add(node.value)
            if isinstance(node, ast.JoinedStr):
                parts = [re.escape(v.value) if isinstance(v, ast.Constant) else "[^ ]+" for v in node.values]
                patterns.append(re.compile("".join(parts)))
    return keys, patterns


def is_key(text: str) -> bool:
    return (
        re.fullmatch(r"[a-z_0-9]+(\.[a-z_0-9]+)+", text) is not None
        and not text.endswith((".toml", ".py"))
        and text.split(".")[0] in {path.stem.split(".")[0] for path in (ROOT / "locales").glob("*.toml")}
    )


def test_every_key_used_is_known():
    for key in sorted(filter(is_key, used()[0])):
        if not locales.has(key):
            assert any(known.startswith(key + ".") for known in locales.glossary()), f"{key!r} is used but not in locales/"


def test_every_key_known_is_used():
    keys, patterns = used()
    meaningful = [pattern for pattern in patterns if re.match(r"[a-z_\[]", pattern.pattern) and "\\." in pattern.pattern]

    def is_used(key: str) -> bool:
        group = key.rsplit(".", 1)[0]  # page.empty("empty.no_snapshot") uses .what and .next
        if group in keys and (key.endswith((".what", ".next")) or group in RECOGNISED):
            return True
        return key in keys or any(p.fullmatch(key) for p in meaningful)

    assert [key for key in locales.glossary() if not is_used(key)] == []


@pytest.mark.parametrize("key", sorted(locales.glossary()))
def test_both_languages(key):
    entry = locales.entry(key)
    is_definition = key.startswith("metrics.") and key.endswith(".definition")
    assert set(entry) == ({"zh"} if is_definition else {"en", "zh"}), f"{key} needs {'zh alone' if is_definition else 'en and zh'}"
    texts = {language: list(text.values()) if isinstance(text, dict) else [text] for language, text in entry.items()}
    assert all(text.strip() for forms in texts.values() for text in forms)
    words = [re.sub(r"\{\w+\}", "", text) for text in texts["zh"]]
    assert key in SAME or all(HAN.search(text) or not re.search("[A-Za-z]", text) for text in words), f"{key} is not translated: {texts['zh']}"
    if is_definition:
        return
    assert not any(HAN.search(text) for text in texts["en"])
    fields = {language: {name for text in forms for name in re.findall(r"\{(\w+)\}", text)} for language, forms in texts.items()}
    assert fields["en"] == fields["zh"], f"{key} fills in different values"


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_metric_has_its_names_and_definitions(name):
    assert locales.has(f"metrics.{name}.name")
    assert locales.has(f"metrics.{name}.definition")


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_page_has_its_question(entry):
    assert locales.word(f"{entry.name}.title", "en").endswith("?")
    assert locales.word(f"{entry.name}.title", "zh-CN").endswith("？")


def test_plural_forms_and_values():
    assert locales.word("table.rows", "en", n="1") == "1 row"
    assert locales.word("table.rows", "en", n="1,204") == "1,204 rows"
    assert locales.word("table.rows", "zh-CN", n="1") == "1 行"


def test_an_unknown_key_says_where_to_add_it():
    with pytest.raises(locales.UnknownWord, match=r"locales/nope\.toml"):
        locales.word("nope.x", "en")
