"""What people do, in a real browser."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors import demo
from tests.browser.conftest import choose, settled
from tests.server.running import serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def url(page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def figures(page) -> list[str]:
    return page.locator("[data-testid=stMetricValue]").all_inner_texts()


def text(page) -> str:
    return page.locator("[data-testid=stApp]").inner_text()


def test_a_copied_link_shows_the_same_numbers(visit):
    mine = visit("/?region=North&period=last_quarter&vs=year&lang=en")
    assert "Region: North" in text(mine)
    assert figures(visit("/?" + urlsplit(mine.url).query)) == figures(mine)
    assert figures(mine) != figures(visit("/?lang=en"))


def test_filters_survive_another_page_and_a_reload_and_can_be_cleared(visit):
    page = visit("/?region=North&lang=en")
    page.get_by_role("link", name="Sources").click()
    page.wait_for_url("**/sources*")
    settled(page)
    assert url(page)["region"] == ["North"]
    page.get_by_role("link", name="Overview").click()
    settled(page)
    page.reload()
    settled(page)
    assert url(page)["region"] == ["North"] and "Region: North" in text(page)
    page.get_by_role("button", name="Clear filters").click()
    settled(page)
    assert "region" not in url(page) and "Region: North" not in text(page)


def test_a_filter_of_the_sidebar_goes_into_the_url(visit):
    page = visit("/?lang=en")
    choose(page, page.get_by_label("Period", exact=True), "Last quarter")
    assert url(page)["period"] == ["last_quarter"] and "Last quarter" in text(page)


def test_a_card_opens_as_many_rows_as_it_says(visit):
    page = visit("/?lang=en")
    page.locator("[class*=st-key-rows_win_rate] button").locator("visible=true").first.click()  # a button with help stands in the page twice
    settled(page)
    said = page.get_by_role("dialog").inner_text()
    n = re.search(r"comes from ([\d,]+) rows", said).group(1)
    assert f"\n{n} rows" in said or f"of {n} rows" in said


def test_what_a_link_says_wrongly_is_ignored_with_a_note(visit):
    page = visit("/?region=Atlantis&grain=eon&lang=en")
    assert "Part of this link could not be understood and was ignored: grain = eon, region = Atlantis." in text(page)
    assert "region" not in url(page)


def test_the_language_follows_the_browser_and_the_switch(visit):
    page = visit("/", locale="zh-CN")
    assert page.locator("h1").inner_text() == "我们做得如何，发生了什么变化？"
    page.get_by_role("radio", name="English").or_(page.get_by_role("button", name="English")).first.click()
    settled(page)
    assert page.locator("h1").inner_text() == "How are we doing, and what changed?"
    assert url(page)["lang"] == ["en"] and page.evaluate("document.documentElement.lang") == "en"


def test_a_number_shows_its_papers(visit):
    page = visit("/?lang=en&region=North")
    page.get_by_role("button", name="Method").nth(6).click()
    page.wait_for_timeout(500)
    settled(page)
    papers = page.locator("[data-testid=stPopoverBody]").inner_text()
    assert "Won deals as a share of closed deals" in papers and "region = North" in papers and "made-1" in papers
    assert re.search(r"\bSELECT\b", papers)


def test_nothing_is_fetched_from_elsewhere_and_the_policy_blocks_nothing(visit, served):
    page = visit("/?lang=en")
    assert [address for address in page.asked if not address.startswith((served, served.replace("http", "ws"), "data:", "blob:"))] == []
    assert [said for said in page.said if "Content Security Policy" in said] == []


def test_a_table_is_downloaded_with_headings_in_the_readers_language(visit):
    page = visit("/sources?lang=zh-CN")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="CSV").first.click()
    written = Path(waiting.value.path()).read_bytes()
    assert written.startswith(b"\xef\xbb\xbf") and written.decode("utf-8-sig").startswith("数据源,过期,最近同步")


def test_a_phone_can_read_it_without_scrolling_sideways(visit):
    page = visit("/?lang=en", width=390)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
    assert len(figures(page)) == 8


def test_a_sync_from_the_screen_publishes_and_says_so(visit, tmp_path):
    demo.write(tmp_path / "demo", until="2026-06", scale=0.02)
    with serving(tmp_path / "data", RAPPORT_SOURCES=str(tmp_path / "demo" / "sources.toml")) as address:
        page = visit("/sources?lang=en", address=address)
        assert "No data has been loaded yet." in text(page)
        page.get_by_role("button", name="Sync now").click()
        page.get_by_text("Synced: the new data are shown from now on.").wait_for(timeout=120_000)
        settled(page)
        assert "No data has been loaded yet." not in text(page)
        assert figures(page)[0] == "3"  # crm, erp and the surveys
