"""Numbers and days as a reader of each language writes them. Sources: Unicode CLDR patterns, DEFINITIONS rule 2 (half up)."""

import datetime as dt
import math

import pandas as pd
import pytest

from ui import numbers, words


@pytest.fixture
def speak(monkeypatch):
    def speak(language):
        for module in (numbers, words):
            monkeypatch.setattr(module, "language", lambda: language)

    return speak


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (0.8421, "share", "84.2%", "84.2%"),
        (0.0125, "share", "1.3%", "1.3%"),  # half up: 1.25 is 1.3
        (29.16667, "points", "29.2", "29.2"),
        (-100, "points", "−100.0", "−100.0"),
        (4.205, "score", "4.21", "4.21"),
        (1204, "count", "1,204", "1,204"),
        (12.34, "days", "12.3 days", "12.3 天"),
        (1.237, "ratio", "1.24×", "1.24 倍"),
        (4363.75, "money", "CN¥4,364", "¥4,364"),
        (48_240_000, "money", "CN¥48.2M", "¥4824万"),
        (None, "share", "–", "–"),
        (math.nan, "money", "–", "–"),
        (pd.NA, "count", "–", "–"),
        (math.inf, "ratio", "–", "–"),
        (0.0, "share", "0.0%", "0.0%"),  # zero is a value
    ],
)
def test_values(speak, value, unit, english, chinese):
    speak("en")
    assert numbers.shown(value, unit, "CNY") == english
    speak("zh-CN")
    assert numbers.shown(value, unit, "CNY") == chinese


@pytest.mark.parametrize(
    ("value", "unit", "english"),
    [
        (0.019, "share", "+1.9 pp"),
        (-0.019, "share", "−1.9 pp"),
        (-12.6, "points", "−12.6"),
        (618.2, "money", "+CN¥618"),
        (None, "share", "–"),
        (-0.0004, "share", "0.0 pp"),
    ],
)
def test_changes_carry_their_sign(speak, value, unit, english):
    speak("en")
    assert numbers.difference(value, unit, "CNY") == english


@pytest.mark.parametrize(
    ("language", "grain", "written"),
    [
        ("en", "month", "Nov 2026"), ("en", "quarter", "Q4 2026"), ("en", "year", "2026"), ("en", "week", "1 Nov 2026"),
        ("zh-CN", "month", "2026年11月"), ("zh-CN", "quarter", "2026年第4季度"), ("zh-CN", "year", "2026年"), ("zh-CN", "day", "2026年11月1日"),
    ],
)  # fmt: skip
def test_steps(speak, language, grain, written):
    speak(language)
    assert numbers.step(dt.date(2026, 11, 1), grain) == written


def test_instants_are_in_the_business_zone(speak):
    speak("en")
    at = dt.datetime(2026, 11, 22, 17, 30, tzinfo=dt.UTC)
    assert numbers.instant(at, "Asia/Shanghai") == "23 Nov 2026, 01:30"


@pytest.mark.parametrize("text", ["<b>x</b>", "[a](http://x)", "**bold**", ":material/star:", "$x$", "# h", "a\nb", ":red[x]"])
def test_text_from_a_source_is_shown_as_it_is(text):
    escaped = words.plain(text)
    assert "\n" not in escaped
    unescaped = escaped.replace("\\", "")
    assert unescaped == text.replace("\n", " ")
    assert all(escaped[k - 1] == "\\" for k, c in enumerate(escaped) if c in "<>*[]$#:")
