"""In a real browser: a company whose every text tries to be something else opens no dialog, loads nothing, and leads nowhere."""

import re

import pytest

from tests.browser.conftest import choose
from tests.hostile import TEXTS, hostile, settings
from tests.published import publish
from tests.server.running import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PAGES = ("", "nps", "segments", "arpu", "funnel")
FOUND = """() => {
    const ours = /^(\\.?\\/?(media|static)|data:|blob:|https?:\\/\\/127)/;
    const all = (selector) => [...document.querySelectorAll(selector)];
    return {
        images: all('img').map((image) => image.getAttribute('src')).filter((src) => !src || !ours.test(src)),
        scripts: all('script').map((script) => script.textContent).filter((text) => text.includes('alert')),
        links: all('a').map((a) => a.getAttribute('href') || a.getAttribute('xlink:href') || '').filter((to) => /javascript:|evil|mailto:/i.test(to)),
        handlers: all('[onerror], [onload], [onclick], [onmouseover]').length,
        formulas: all('.katex, .MathJax').length,
    };
}"""
MARK = """(number) => {
    const mark = document.querySelectorAll('.js-plotly-plot .point, .js-plotly-plot .bars path')[number];
    if (!mark) return null;
    mark.scrollIntoView({ block: 'center' });
    const box = mark.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
}"""
NOTHING = {"images": [], "scripts": [], "links": [], "handlers": 0, "formulas": 0}


@pytest.fixture(scope="module")
def dangerous(tmp_path_factory):
    with serving(publish(tmp_path_factory.mktemp("hostile") / "data", hostile(), settings())) as address:
        yield address


@pytest.fixture
def watched(visit, dangerous):
    """watched("/nps") → the page, its dialogs kept in `page.opened`."""

    def watched(path: str):
        page = visit(path, address=dangerous)
        page.opened = []
        page.on("dialog", lambda dialog: (page.opened.append(dialog.message), dialog.dismiss()))
        return page

    return watched


def foreign(page, address: str) -> list[str]:
    ours = (address, address.replace("http", "ws", 1), "data:", "blob:")
    return [asked for asked in page.asked if not asked.startswith(ours)]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_of_it_comes_to_life(watched, dangerous, name):
    page = watched(f"/{name}?lang=en&period=all")
    for number in range(12):
        if spot := page.evaluate(MARK, number):
            page.mouse.move(*spot)  # what hovering over a chart writes
            page.wait_for_timeout(100)
    assert page.evaluate(FOUND) == NOTHING
    assert page.opened == [] and foreign(page, dangerous) == []
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth <= document.querySelector('[data-testid=stMain]').clientWidth")


def test_a_text_is_read_as_it_was_written(watched):
    """In the badge of a filter, in a chart and in the list beside it."""
    for text in TEXTS[:3]:
        page = watched("/nps?lang=en&period=all")
        page.get_by_text("Customer filters").click()
        choose(page, page.get_by_role("combobox", name=re.compile("Region")), text)
        assert f"Region: {text}" in cleaned(page.locator("[data-testid=stMain]").inner_text())
        assert page.evaluate(FOUND) == NOTHING and page.opened == []


def test_names_in_charts_are_text(watched):
    page = watched("/nps?lang=en&period=all")
    drawn = page.locator(".js-plotly-plot svg text").all_text_contents()
    assert any(text.startswith("<img src=x") for text in drawn)  # it is written, in letters
    assert page.locator(".js-plotly-plot svg a").count() == 0


def test_what_markdown_would_make_of_them_is_made_of_none(visit, tmp_path):
    """Every text through `plain` and through Streamlit's own Markdown, beside the same text as it is: where both look alike, nothing was read as more."""
    (tmp_path / "shows.py").write_text(SHOWS, "utf-8")
    with serving(tmp_path, entry=str(tmp_path / "shows.py")) as address:
        page = visit("/", address=address)
        told = page.locator("[data-testid=stMarkdownContainer] p").all_inner_texts()
        raw = page.locator("[data-testid=stText]").all_inner_texts()
        assert len(told) >= len(raw) >= 20
        assert [(as_markdown, as_text) for as_markdown, as_text in zip(told[: len(raw)], raw, strict=True) if cleaned(as_markdown) != cleaned(as_text)] == []
        assert (
            page.locator(
                "[data-testid=stMarkdownContainer] :is(a, em, strong, code, img, del, h2, li, blockquote, table, [data-testid=stIconMaterial])"
            ).count()
            == 0
        )


def cleaned(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub("[\u2060\u202a-\u202e]", "", text)).strip()


SHOWS = """
import sys
from pathlib import Path
sys.path.insert(0, ".")
import streamlit as st
from tests.hostile import TEXTS
from ui.words import plain
MORE = ["A -> B", "a <- b", "x <= y", "--", "10:30:15", "ann@example.com", "www.example.com", "*a*", "_b_", "1. c", "- d", "> e", "# f", "a|b"]
MORE += ["~~g~~", "&lt;", "\\\\"]
st.title("shown", anchor=False)
for text in [*TEXTS, *MORE]:
    st.markdown(plain(text))
for text in [*TEXTS, *MORE]:
    st.text(text)
"""
