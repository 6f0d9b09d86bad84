"""Numbers and days as a reader writes them: unit, rounding (half up), separators, and what stands for "no value".

Words (K, 万, Nov, 11月) are the language's; how digits are grouped and what the decimal mark is are the company's, `number_format` of the
sources file's `[calendar]`.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from dataclasses import dataclass
from functools import cache, lru_cache

import pandas as pd
from babel import dates
from babel import numbers as babel

import locales
from ui import view
from ui.words import language, t

NONE = "–"
DIGITS = {"points": "#,##0.0", "score": "#,##0.00", "days": "#,##0.0", "ratio": "#,##0.00", "count": "#,##0", "index": "#,##0.0000"}
DAY = {"en": "d MMM y", "zh-CN": "y年M月d日"}
MONTH = {"en": "MMM y", "zh-CN": "y年M月"}
INSTANT = {"en": "d MMM y, HH:mm", "zh-CN": "y年M月d日 HH:mm"}
FULL_BELOW = 10_000  # amounts from here on are written short: ¥48.2K, ¥4.8万
STANDARD = "1,234.56"  # `number_format` where the sources file says nothing: what both languages write by themselves
KEPT = 50_000  # written numbers and days
TYPESET = {" ": "\u00a0", "'": "’"}  # a number never breaks over two lines


@dataclass(frozen=True)
class Marks:
    """What stands between groups of digits ("" for nothing) and before the decimals. by_lakh: 1,23,456 and not 123,456."""

    group: str
    decimal: str
    by_lakh: bool = False


@cache
def marks_of(example: str) -> Marks:
    """The marks of a `number_format`, which shows itself: "1.234,56" has points between groups and a decimal comma."""
    whole, mark = example[:-3], example[-3]
    between = [c for c in whole if not c.isdigit()]
    group = between[0] if between else ""
    return Marks(TYPESET.get(group, group), mark, len(between) > 1)


def marks() -> Marks:
    """The company's marks, from the snapshot that is looked at."""
    return marks_of(_setting("number_format", STANDARD))


def _setting(name: str, default):
    looked = view.current()
    return looked.settings.get("calendar", {}).get(name, default) if looked else default


def shown(value, unit: str, currency: str = "CNY") -> str:
    """A metric's value with its unit: 0.8421 as a share is "84.2%". What is not there is a dash, never 0."""
    if not is_number(value):
        return NONE
    return _with_unit(rounded(value, unit, currency), unit).replace("-", "−")  # the sign that stands as wide as the figures


def difference(value, unit: str, currency: str = "CNY") -> str:
    """A change with its sign; shares change by percentage points."""
    if not is_number(value):
        return NONE
    text = size(value, unit, currency)
    sign = "−" if value < 0 else "+"
    return sign + text if any(digit in text for digit in "123456789") else text  # what rounds to nothing has no direction


def together(rows: pd.DataFrame) -> pd.DataFrame:
    """Shares that are read side by side, as they are written: `percent` of the metric, which adds up to 100.0, in place of `value`."""
    return rows.assign(value=rows["percent"] / 100)


def size(value, unit: str, currency: str = "CNY") -> str:
    """How large a change is, without its sign: for sentences that say which way it went."""
    if unit == "share":
        return t("format.percentage_points", value=_decimal(abs(value) * 100, "#,##0.0"))
    return shown(abs(value), unit, currency)


def rounded(value, unit: str, currency: str) -> str:
    """The figure alone, in the reader's format, without the words of its unit."""
    if unit == "money":
        return money(value, currency)
    if unit == "share":
        return _written("percent", str(value), "#,##0.0%", marks(), _locale())
    return _decimal(value, DIGITS[unit])


def _with_unit(figure: str, unit: str) -> str:
    return t(f"format.{unit}", value=figure) if unit in ("days", "ratio") else figure


def money(value, currency: str, exact: bool = False) -> str:
    """An amount with its currency sign: short above ten thousand, to the cent where `exact`."""
    if exact:
        return _written("exact", str(value), "¤#,##0.00", marks(), _locale(), currency)
    kind = "short" if abs(decimal.Decimal(str(value))) >= FULL_BELOW else "whole"
    return _written(kind, str(value), "¤#,##0", marks(), _locale(), currency)


def tick(value) -> str:
    """An amount on an axis, short and without its currency: "50K", "5万"."""
    return _written("tick", str(value), "", marks(), _locale()).replace("-", "−")


def count(value) -> str:
    """A whole number with its separators."""
    return _decimal(value, "#,##0") if is_number(value) else NONE


def bare(value, unit: str = "count") -> str:
    """A number with the decimals that it has, at most two: a limit, the end of a scale. unit: "share" in per cent, anything else as it is."""
    if not is_number(value):
        return NONE
    return _written("percent", str(value), "#,##0.##%", marks(), _locale()) if unit == "share" else _decimal(value, "#,##0.##")


def day(value: dt.date | None) -> str:
    """A day: "3 Nov 2026", "2026年11月3日"."""
    return _date(value, DAY[language()], _locale()) if value else NONE


def month(value: dt.date) -> str:
    """A month: "Nov 2026", "2026年11月"."""
    return _date(value, MONTH[language()], _locale())


@lru_cache(maxsize=KEPT)
def _date(value: dt.date, pattern: str, locale: str) -> str:
    return dates.format_date(value, pattern, locale=locale)


def instant(value: dt.datetime | None, zone: str) -> str:
    """An instant in the business zone."""
    return dates.format_datetime(value, INSTANT[language()], tzinfo=dates.get_timezone(zone), locale=_locale()) if value else NONE


def ago(seconds: float) -> str:
    """How long ago: "3 hours", "3小时"."""
    return dates.format_timedelta(dt.timedelta(seconds=seconds), locale=_locale(), threshold=1.2)


def step(start: dt.date, grain: str) -> str:
    """One step of a series: a month, "Q3 2026", a year, or the day it begins. A fiscal year that begins within a year is "2026/27"."""
    if grain not in ("quarter", "year"):
        return month(start) if grain == "month" else day(start)
    first = _setting("fiscal_year_start", 1)
    begun = start.year - (start.month < first)
    year = t("format.year", year=begun) if first == 1 else t("format.fiscal_year", year=f"{begun}/{(begun + 1) % 100:02}")
    return year if grain == "year" else t("format.quarter", n=(start.month - first) % 12 // 3 + 1, year=year)


def is_number(value) -> bool:
    """Whether there is a figure to show: not None, NaN, NA or infinite."""
    try:
        return value is not None and math.isfinite(value)
    except TypeError:
        return False


def _decimal(value, pattern: str) -> str:
    return _written("decimal", str(value), pattern, marks(), _locale())


@lru_cache(maxsize=KEPT)
def _written(kind: str, value: str, pattern: str, chosen: Marks, locale: str, currency: str = "") -> str:
    """A number in words' own marks, then with the company's. Kept: every rerun of a page writes the same thousand numbers."""
    amount, pattern = decimal.Decimal(value), pattern.replace("#,##0", "#,##,##0") if chosen.by_lakh else pattern
    with _half_up():
        return _marked(WRITERS[kind](amount, pattern, locale, currency), chosen)


WRITERS = {
    "decimal": lambda amount, pattern, locale, _: babel.format_decimal(amount, pattern, locale=locale),
    "percent": lambda amount, pattern, locale, _: babel.format_percent(amount, pattern, locale=locale),
    "tick": lambda amount, _, locale, __: babel.format_compact_decimal(amount, locale=locale, fraction_digits=2),
    "exact": lambda amount, pattern, locale, currency: babel.format_currency(amount, currency, pattern, locale=locale),
    "short": lambda amount, _, locale, currency: babel.format_compact_currency(amount, currency, locale=locale, fraction_digits=1),
    "whole": lambda amount, pattern, locale, currency: babel.format_currency(amount, currency, pattern, locale=locale, currency_digits=False),
}


def _marked(text: str, chosen: Marks) -> str:
    """A number in the languages' own marks, comma and point, with the company's. A point that is part of a currency's sign stays."""
    return re.sub(r"(?<=\d)[.,](?=\d)", lambda found: chosen.decimal if found[0] == "." else chosen.group, text)


def _half_up():
    return decimal.localcontext(decimal.Context(prec=40, rounding=decimal.ROUND_HALF_UP))


def _locale() -> str:
    return locales.FORMATS[language()]
