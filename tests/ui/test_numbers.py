"""Numbers and days as a reader of each language writes them. Sources: Unicode CLDR patterns, DEFINITIONS rule 2 (half up)."""

import datetime as dt
import math
import re
from types import SimpleNamespace

import pandas as pd
import pytest

from connectors.sources import NUMBER_FORMATS
from ui import figure, numbers, table, words


@pytest.fixture
def speak(monkeypatch):
    def speak(language, number_format=None):
        for module in (numbers, words):
            monkeypatch.setattr(module, "language", lambda: language)
        looked = number_format and SimpleNamespace(settings={"calendar": {"number_format": number_format}})
        monkeypatch.setattr(numbers.view, "current", lambda: looked)

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


@pytest.mark.parametrize(
    ("first", "start", "grain", "english", "chinese"),
    [
        (4, "2026-04-01", "quarter", "Q1 2026/27", "2026/27财年第1季度"), (4, "2026-01-01", "quarter", "Q4 2025/26", "2025/26财年第4季度"),
        (4, "2026-04-01", "year", "2026/27", "2026/27财年"), (11, "2099-11-01", "year", "2099/00", "2099/00财年"),
        (2, "2026-11-01", "quarter", "Q4 2026/27", "2026/27财年第4季度"), (1, "2026-10-01", "quarter", "Q4 2026", "2026年第4季度"),
        (4, "2026-04-01", "month", "Apr 2026", "2026年4月"),
    ],
)  # fmt: skip
def test_steps_of_a_fiscal_year(speak, monkeypatch, first, start, grain, english, chinese):
    for language, written in (("en", english), ("zh-CN", chinese)):
        speak(language)
        monkeypatch.setattr(numbers.view, "current", lambda: SimpleNamespace(settings={"calendar": {"fiscal_year_start": first}}))
        assert numbers.step(dt.date.fromisoformat(start), grain) == written


def test_instants_are_in_the_business_zone(speak):
    speak("en")
    at = dt.datetime(2026, 11, 22, 17, 30, tzinfo=dt.UTC)
    assert numbers.instant(at, "Asia/Shanghai") == "23 Nov 2026, 01:30"


@pytest.mark.parametrize("number_format", NUMBER_FORMATS)
def test_a_number_format_shows_itself(speak, number_format):
    speak("en", number_format)
    number = 123456.78 if number_format == "1,23,456.78" else 1234.56
    assert numbers.shown(number, "score").replace("\u00a0", " ").replace("’", "'") == number_format


@pytest.mark.parametrize(
    ("number_format", "language", "share", "money", "short", "count", "tick", "lakhs"),
    [
        ("1.234,56", "en", "84,2%", "CN¥4.364", "CN¥48,2M", "1.204", "2,5K", "1.234.567"),
        ("1.234,56", "zh-CN", "84,2%", "¥4.364", "¥4824万", "1.204", "2500", "1.234.567"),
        ("1 234,56", "en", "84,2%", "CN¥4\u00a0364", "CN¥48,2M", "1\u00a0204", "2,5K", "1\u00a0234\u00a0567"),
        ("1,23,456.78", "en", "84.2%", "CN¥4,364", "CN¥48.2M", "1,204", "2.5K", "12,34,567"),
        ("1234.56", "zh-CN", "84.2%", "¥4364", "¥4824万", "1204", "2500", "1234567"),
    ],
)  # fmt: skip
def test_marks_are_the_companys_and_words_the_languages(speak, number_format, language, share, money, short, count, tick, lakhs):
    speak(language, number_format)
    assert (numbers.shown(0.8421, "share"), numbers.shown(4363.75, "money", "CNY"), numbers.shown(48_240_000, "money", "CNY")) == (share, money, short)
    assert (numbers.count(1204), numbers.tick(2500), numbers.count(1234567)) == (count, tick, lakhs)


def test_exact_money_keeps_the_decimals_of_its_currency(speak):
    speak("en", "1.234,56")
    assert (numbers.money(1234.5, "EUR", exact=True), numbers.money(1234.5, "JPY", exact=True)) == ("€1.234,50", "¥1.235")


def test_limits_have_no_decimals_that_they_do_not_need(speak):
    speak("en", "1.234,56")
    assert [numbers.bare(value) for value in (3, 3.5, 3.25, None)] == ["3", "3,5", "3,25", "–"]
    assert [numbers.bare(value, "share") for value in (0.3, 0.125, None)] == ["30%", "12,5%", "–"]


@pytest.mark.parametrize(
    ("number_format", "money", "count", "share"),
    [
        ("1,234.56", "%,.2f", "%,d", "%.1f%%"), ("1234.56", "%.2f", "%d", "%.1f%%"), ("1.234,56", "localized", "localized", "percent"),
        ("1,23,456.78", "localized", "localized", "%.1f%%"),
    ],
)  # fmt: skip
def test_tables_write_numbers_as_far_as_streamlit_lets_them(speak, number_format, money, count, share):
    speak("en", number_format)
    assert (table.number_format("money"), table.number_format("count"), table.number_format("share")) == (money, count, share)


@pytest.mark.parametrize("value", [0.8421, 0.0125, 0.2915, -0.2915, 0.0005, 1.0, 0.0])
def test_a_share_in_a_table_is_the_share_on_a_card(speak, value):
    speak("en", "1,234.56")
    columns, rows = {"a": table.Column("chart.data", "share")}, pd.DataFrame({"a": [value, None]}, dtype=object)
    shown = table.listing(None, rows, columns).table.to_pydict()["a"]
    assert f"{shown[0]:.1f}%" == numbers.shown(value, "share").replace("−", "-") and shown[1] is None


def test_with_other_marks_the_browser_writes_shares(speak):
    speak("en", "1.234,56")
    assert table.listing(None, pd.DataFrame({"a": [0.2915]}), {"a": table.Column("chart.data", "share")}).table.to_pydict() == {"a": [0.2915]}


def test_charts_have_the_same_marks_and_count_in_them(speak):
    speak("en", "1.234,56")
    spec = {"data": [{"text": [f"n {figure.theme.count(1204)}"]}], "layout": {"separators": ".,"}}
    assert figure.finished(spec) == {"data": [{"text": ["n 1.204"]}], "layout": {"separators": ",."}}


TYPED = [
    "<b>x</b>", "[a](http://x)", "**bold**", ":material/star:", "$x$", "# h", ":red[x]", "http://x.y", "www.x.y", "a@b.de", ":smile:", "a -> b", "--",
    "a <= b", "1. x", "- x", "> x", "`x`", "~~x~~", "a_b_c", "&lt;", "<!-- x -->", "a\\",
]  # fmt: skip


@pytest.mark.parametrize("text", TYPED)
def test_text_from_a_source_is_escaped_and_said_as_it_is(text):
    escaped = words.plain(text)
    assert words.aloud(f"**{escaped}**") == text
    assert all(escaped[k - 1] == "\\" for k, c in enumerate(escaped) if c in "<>*[]$#:`@")


LOOKED_FOR = [  # in Streamlit 1.67's StreamlitMarkdown and remark-gfm, after the escapes are read
    r":material/\w+:",
    r":streamlit:",
    r":\+1:|:-1:|:[\w-]+:",
    r"(^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)",
    r"(?i)(https?://|www(?=\.))[-.\w]+",
    r"[-.\w+]+@[-\w]+\.",
]


@pytest.mark.parametrize("text", [*TYPED, ":streamlit:", "x <-> y", "HTTPS://x", "WWW.x.y"])
def test_what_is_looked_for_after_the_escapes_is_not_there(text):
    left = words.ESCAPED.sub(r"\1", words.plain(text))
    assert not [pattern for pattern in LOOKED_FOR if re.search(pattern, left)]


@pytest.mark.parametrize("text", ["[x](javascript:y)", ":red[x]", "a]b[", "\\[x]"])
def test_in_a_badge_brackets_are_escaped_once(text):
    """st.badge 1.67: `label.replace("[", "\\[").replace("]", "\\]")`."""
    badge = words.in_badge(f"Region: {words.plain(text)}").replace("[", "\\[").replace("]", "\\]")
    assert words.aloud(badge) == f"Region: {text}"


def test_words_of_ours_keep_their_direction_and_their_line():
    assert words.plain("a\nb \t c") == "a b c" and words.plain("\u202egnp.exe") == "gnp\\.exe"
