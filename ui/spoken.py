"""Stages, grades and what they ask, in the reader's language; names that only the company uses stay as they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from ui import numbers
from ui.words import code_of, has, t


def stage(name) -> str:
    """A usual stage of a sale in the reader's language."""
    key = f"funnel.known.{str(name).lower().replace(' ', '_').replace('-', '_')}"
    return t(key) if has(key) else str(name)


def tier(name) -> str:
    """A tier of buyers by recency, frequency and money."""
    return code_of("segments.tiers", name)


def grade(name) -> str:
    """A grade, or NEW and LOST; "no grade" for None."""
    if name is None or pd.isna(name):
        return t("segments.no_grade")
    return t(f"segments.grades.{name}") if has(f"segments.grades.{name}") else str(name)


def wrongly_flagged(share: float | None) -> str:
    """How often the cut that says "lost" was wrong in the company's own past."""
    return t(f"retention.wrongly_{'known' if share is not None else 'unknown'}", share=numbers.shown(share, "share"))


def lost_after(days: int, share: float | None) -> str:
    """Beside every number that says "lost": after how much silence, and how often that was wrong."""
    return t("retention.cut_says", days=numbers.count(days)) + " " + wrongly_flagged(share)


def policy(asked: dict) -> str:
    """What a grade's care policy asks (`metrics.care.Policy` as a dict), in a phrase."""
    contacts = t("segments.or").join(_known("contacts", channel) for channel in asked["channels"]) or t("segments.contacts.any")
    text = t("segments.asks", contact=contacts, n=asked["every_days"])
    return t("segments.asks_also", asks=text, also=_known("also", asked["also"])) if asked["also"] else text


def _known(kind: str, word: str) -> str:
    key = f"segments.{kind}.{word.lower()}"
    return t(key) if has(key) else word


def names(values: Iterable, said: Callable[[object], str] | None = None) -> dict:
    """Keys of a chart's marks → what they are called; without `said` as they are, those without a value as "blank"."""
    said = said or (lambda value: t("filters.blank") if value is None else value)
    return {value: said(value) for value in (None if pd.isna(value) else value for value in values)}


def in_words(rows: pd.DataFrame, said: Callable[[object], str], *columns: str, missing: bool = False) -> pd.DataFrame:
    """The rows with some columns in words, for tables; what is missing stays so unless `missing`."""
    return rows.assign(**{column: rows[column].map(said, na_action=None if missing else "ignore") for column in columns if column in rows})
