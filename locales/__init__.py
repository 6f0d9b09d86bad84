"""The glossary: every word on screen, in every language, from `locales/*.toml`.

A file is a page or a part of the product, an entry is `name = { en = "…", zh = "…" }`, its key `<file>.<name>`; tables
nest. A file named `metrics.nps.toml` adds to `metrics`: `[nps] name = …` in it is `metrics.nps.name`. Metrics' definitions
have no `en` here: English is the catalogue's own. A text that counts something may have two forms,
`en = { one = "{n} row", other = "{n} rows" }`, chosen by the value called `n`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "zh-CN": "简体中文"}
FORMATS = {"en": "en", "zh-CN": "zh_Hans_CN"}  # language → babel's locale for numbers and dates
COLUMNS = {"en": "en", "zh-CN": "zh"}  # language → its name in the files
FOLDER = Path(__file__).parent


class UnknownWord(KeyError):
    """A key that the glossary does not have."""


@cache
def glossary() -> dict[str, dict]:
    """key → {"en": text, "zh": text}."""
    entries: dict[str, dict] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        entries |= dict(_flat(path.stem.split(".")[0], tomllib.loads(path.read_text(encoding="utf-8"))))
    return entries


def _flat(prefix: str, table: dict):
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if set(value) <= set(COLUMNS.values()):
            yield key, value
        else:
            yield from _flat(key, value)


def word(key: str, language: str, **values) -> str:
    """The text of `key` in a language, with its {values} filled in.

    Raises UnknownWord if the glossary has no such key, KeyError if a value is missing.
    """
    text = entry(key)[COLUMNS[language]]
    if isinstance(text, dict):
        text = text["one" if values.get("n") in (1, "1") and "one" in text else "other"]
    return text.format(**values) if values else text


def entry(key: str) -> dict:
    """Both texts of a key. Raises UnknownWord."""
    try:
        return glossary()[key]
    except KeyError:
        raise UnknownWord(f"no entry {key!r} in locales/; add it to locales/{key.split('.')[0]}.toml with en and zh") from None


def has(key: str) -> bool:
    """Whether the glossary has this key."""
    return key in glossary()
