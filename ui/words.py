"""Words in the reader's language. `t("nps.title")` is the only way a text reaches the screen."""

from __future__ import annotations

import re

import streamlit as st

import locales
from access.noted import Noted

KEY = "lang"  # in the session and in the URL
_noted: Noted[str] = Noted("language")


def language() -> str:
    """The reader's language, settled once per session by `settle`."""
    found = _noted.get()
    if found is None:
        found = st.session_state.get(KEY) or "en"
        _noted.put(found)
    return found


def settle(asked: str | None) -> str:
    """Choose the language for this run: the URL's, else the session's, else the browser's."""
    if asked in locales.LANGUAGES:
        st.session_state[KEY] = asked
    elif not st.session_state.get(KEY):
        st.session_state[KEY] = "zh-CN" if (st.context.locale or "").lower().startswith("zh") else "en"
    _noted.put(st.session_state[KEY])
    return st.session_state[KEY]


def t(key: str, **values) -> str:
    """The text of a glossary key in the reader's language, with {values} filled in."""
    return locales.word(key, language(), **values)


def has(key: str) -> bool:
    """Whether the glossary has this key."""
    return locales.has(key)


def name_of(metric) -> str:
    """A metric's name on cards and headings."""
    return t(f"metrics.{metric.name}.name")


def definition_of(metric) -> str:
    """A metric's definition. English is the catalogue's own; other languages are in locales/metrics.*.toml."""
    return metric.definition if language() == "en" else t(f"metrics.{metric.name}.definition")


def value_of(column: str, value) -> str:
    """A segment's value as the reader knows it: grades have names in every language, other text is the source's own."""
    if value is None or value != value or value == "":
        return t("filters.blank")
    key = f"values.{column}.{value}"
    return t(key) if locales.has(key) else str(value)


def code_of(group: str, code) -> str:
    """The glossary's word for a code of ours, `<group>.<code>` ("held back" is held_back); one that it does not know stays as it is."""
    key = f"{group}.{str(code).replace(' ', '_')}"
    return t(key) if locales.has(key) else str(code)


def plain(text) -> str:
    """Text from a source, made safe for the places where Streamlit reads Markdown: shown exactly as it is.

    Escaping is not all: links, emoji, icons and arrows are looked for in the text after the escapes are read. An invisible
    joiner keeps those apart. Line breaks become spaces; characters that would turn the direction of our own words are left out.
    """
    said = BLANKS.sub(" ", str(text).translate(TURNS)).strip(" ")
    return "".join("\\" + c if c in MARKDOWN else c for c in SHORTHAND.sub(lambda found: found[0] + JOINER, said))


def in_badge(text: str) -> str:
    """A text of Markdown for st.badge, which escapes square brackets once more."""
    return text.replace("\\[", "[").replace("\\]", "]")


def aloud(text: str) -> str:
    """A sentence of Markdown as a screen reader should say it: what is bold and what `plain` added is gone."""
    return ESCAPED.sub(r"\1", text.replace("**", "")).replace(JOINER, "")


MARKDOWN = set("\\`*_{}[]()<>#+-.!|~$:^&=@")
ESCAPED = re.compile(r"\\([^\w\s]|_)")
JOINER = "\u2060"  # of no width
BLANKS = re.compile(r"[ \t\n\v\f\r]+")
TURNS = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
SHORTHAND = re.compile(
    r":(?=[\w+/-]+:)"  # :smile: and :material/home:
    r"|https?:(?=//)|www(?=\.)|@(?=[\w-])"  # addresses
    r"|(?<!\S)(?:<(?=(?:->|-|=)(?!\S))|-(?=[>-](?!\S))|[>~](?==(?!\S)))",  # arrows and signs
    re.IGNORECASE,
)
