"""English sentences of the inner layers (errors, reasons for refusing a row), in the reader's language.

The layers below know no languages: what they say is in English. The glossary holds those sentences that readers meet, and recognises them
by their own English text; the values in them are taken over. What it does not know stays as it is.
"""

from __future__ import annotations

import re
from functools import cache

import locales
from ui.words import language, t

FIELD = re.compile(r"\\\{(\w+)\\\}")  # of an escaped text
NAMES = ("column", "other")  # fields that hold the name of a column


def recognised(group: str, text: str) -> str:
    """A sentence in the reader's language, as `group` of the glossary says it."""
    if language() == "en":
        return text
    for key, pattern in _patterns(group):
        if found := pattern.fullmatch(text):
            return t(key, **found.groupdict())
    return text


def why(error: Exception) -> str:
    """What an error of the inner layers says, in the reader's language where the glossary knows it."""
    return recognised("errors.known", str(error))


@cache
def _patterns(group: str) -> list[tuple[str, re.Pattern]]:
    """Each entry's English text as a pattern; the one with the longest fixed text, the most particular, decides."""
    found = {key: locales.word(key, "en") for key in locales.glossary() if key.startswith(group + ".")}
    return [(key, _pattern(text)) for key, text in sorted(found.items(), key=lambda pair: -len(FIELD.sub("", re.escape(pair[1]))))]


def _pattern(text: str) -> re.Pattern:
    return re.compile(FIELD.sub(lambda field: rf"(?P<{field[1]}>{r'[a-z_]+' if field[1] in NAMES else '.*?'})", re.escape(text)), re.DOTALL)
