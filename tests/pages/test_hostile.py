"""A company whose every text tries to be something else: on each page it is text, and nothing but text."""

import csv
import io
import re

import pytest

from tests import sent
from tests.hostile import LONG, SOURCE, TEXTS, hostile, settings
from tests.pages.conftest import failures
from tests.published import publish
from tests.refused import LINES, refused
from ui import table, words
from ui.navigation import ENTRIES

pytestmark = pytest.mark.slow
PAGES = [entry.name for entry in ENTRIES]
SHOWN = {"nps": 12, "retention": 10, "funnel": 8, "segments": 10, "arpu": 10}  # page → how many of the texts stand in its tables, unchanged
SPECIAL = [text for text in TEXTS if any(c in words.MARKDOWN for c in text)]
OURS = re.compile(r"</?b>|<br>|</?extra>")


@pytest.fixture(scope="module")
def dangerous(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("hostile") / "data", hostile(), settings())


def harmful(told: list[sent.Said]) -> list[sent.Said]:
    """What the browser would read as something else than text: raw in Markdown, found after the escapes, in HTML, a tag in a chart."""
    return [part for part in told if HARMFUL.get(part.reading, lambda text: False)(part.text)]


def _is_markup(text: str) -> bool:
    return any(raw in text or raw in words.ESCAPED.sub(r"\1", text) for raw in SPECIAL if raw in text or words.SHORTHAND.search(raw)) or "\u202e" in text


HARMFUL = {
    "markdown": _is_markup,
    "html": lambda text: any(raw in text for raw in SPECIAL),
    "chart": lambda text: "<" in OURS.sub("", text) or "\u202e" in text,
}


@pytest.mark.parametrize("name", PAGES)
def test_every_text_of_a_source_is_shown_as_text(opened, dangerous, warehouses, monkeypatch, name):
    files = []
    button = table.st.download_button
    monkeypatch.setattr(
        table.st, "download_button", lambda *args, file_name, **further: files.append(file_name) or button(*args, file_name=file_name, **further)
    )
    monkeypatch.setitem(warehouses, "hostile", dangerous)
    told = opened(name, "hostile", "en")
    assert len(told) > 50
    assert harmful(told) == []
    assert len({part.text for part in told if part.reading == "cell"} & set(TEXTS)) >= SHOWN.get(name, 0)
    assert [file for file in files if not re.fullmatch(r"[\w.-]+\.(csv|xlsx)", file)] == []


def test_a_filter_shows_it_too(run, dangerous, warehouses, monkeypatch):
    """The badge of an active filter is Markdown: what a reader sees is the text."""
    monkeypatch.setitem(warehouses, "hostile", dangerous)
    for text in TEXTS[:3]:  # as many as the company has regions
        with sent.watching() as messages:
            app = run("overview", "hostile", region=text)
            told = sent.said(messages)
        assert failures(app) == [] and harmful(told) == []
        assert any(f"Region: {text}" in words.aloud(part.text) for part in told if part.element == "markdown"), text


@pytest.fixture(scope="module")
def quarantined(tmp_path_factory):
    """A source with a hostile name whose refused rows are full of the same."""
    rows = [[text, text, text, text, "5"] for text in TEXTS if text != LONG]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return refused(tmp_path_factory.mktemp("quarantine"), SOURCE.replace('"', ""), [*LINES, *out.getvalue().splitlines()])


def test_a_hostile_source_and_its_refused_rows(opened, quarantined, warehouses, monkeypatch):
    monkeypatch.setitem(warehouses, "quarantined", quarantined)
    told = opened("sources", "quarantined", "en")
    assert harmful(told) == []
    assert any(SOURCE in part.text for part in told if part.reading == "cell")
    assert any(SOURCE in words.aloud(part.text) for part in told if part.reading == "markdown")  # the freshness bar


def test_what_counts_as_harmful():
    """The measure itself: each text as it is would be found, escaped it would not."""
    for text in SPECIAL:
        raw, escaped = (sent.Said("markdown", "body", "markdown", f"**{said}** is low") for said in (text, words.plain(text)))
        assert harmful([raw]) == [raw] and harmful([escaped]) == []
    assert harmful([sent.Said("plotly_chart", "text", "chart", "<a href='x'>")]) and not harmful([sent.Said("plotly_chart", "text", "chart", "<b>1</b>")])
