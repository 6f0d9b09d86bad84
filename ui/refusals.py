"""Why rows were refused, in the reader's language. In the quarantine the reasons are data, in English; here they are recognised again."""

from __future__ import annotations

import re
from functools import cache

import locales
from ui.words import t

FIELD = re.compile(r"\\\{(\w+)\\\}")  # of an escaped text


def rule(text: str) -> str:
    """A rule that a row breaks ("amount: missing")."""
    return _said("rules", text)


def sentence(text: str) -> str:
    """The sentence about one row; one that the glossary does not know stays as it is."""
    return _said("sentences", text)


def _said(group: str, text: str) -> str:
    for key, pattern in _patterns(group):
        if found := pattern.fullmatch(text):
            return t(key, **found.groupdict())
    return text


@cache
def _patterns(group: str) -> list[tuple[str, re.Pattern]]:
    """Each entry's English text as a pattern, the longest fixed text first: the most particular one decides."""
    names = [key.rsplit(".", 1)[1] for key in locales.glossary() if key.startswith(f"refusals.{group}.")]
    found = {key: locales.word(key, "en") for key in (f"refusals.{group}.{name}" for name in names)}
    return [(key, _pattern(text)) for key, text in sorted(found.items(), key=lambda pair: -len(FIELD.sub("", re.escape(pair[1]))))]


def _pattern(text: str) -> re.Pattern:
    return re.compile(FIELD.sub(lambda field: rf"(?P<{field[1]}>{r'[a-z_]+' if field[1] in ('column', 'other') else '.*?'})", re.escape(text)), re.DOTALL)
