"""The server opens its pages before anybody else does: every page as it comes, then by week; a page that fails keeps no other from it."""

import asyncio
import logging

import pytest

from ui import warming
from ui.navigation import ENTRIES, HOME


@pytest.fixture
def asked(monkeypatch):
    """The pages that were asked for, with their queries; the page nps cannot be reached."""
    found = []

    async def opened(address, page="", query=""):
        found.append((page, query))
        if page == "nps":
            raise OSError("connection refused")
        yield None

    monkeypatch.setattr(warming, "opened", opened)
    monkeypatch.setattr(warming, "BEGIN", 0.0)
    monkeypatch.setattr(warming, "EVERY", 0.01)
    return found


def warmed(snapshots: list[str | None]) -> list[str]:
    """The snapshots that were called done while the newest was each of these in turn, then the last one for ever."""
    done, looks = [], []

    def newest() -> str | None:
        looks.append(snapshots[min(len(looks), len(snapshots) - 1)])
        return looks[-1]

    async def run():
        keeping = asyncio.create_task(warming.keep_warm("http://127.0.0.1:1", newest, done.append))
        async with asyncio.timeout(60):
            while len(looks) < len(snapshots) + 2:  # what an earlier look found is done by then
                await asyncio.sleep(0.01)
        keeping.cancel()

    asyncio.run(run())
    return done


def test_all_pages_are_opened_as_they_come_and_then_by_week(asked, caplog):
    with caplog.at_level(logging.WARNING, "rapport.warming"):
        assert warmed(["s1"]) == ["s1"]
    pages = ["" if entry.name == HOME else entry.name for entry in ENTRIES]
    assert asked == [*((page, "") for page in pages), *((page, "grain=week") for page in pages)]
    assert [record.getMessage() for record in caplog.records] == [
        f"could not open nps?{query} ahead of its readers: connection refused" for query in ("", "grain=week")
    ]


def test_once_for_each_snapshot(asked):
    assert warmed([None, "s1", "s1", "s2", "s2"]) == ["s1", "s2"]
    assert len(asked) == 2 * len(warming.QUERIES) * len(ENTRIES)


def test_before_the_first_snapshot_nothing_is_opened(asked):
    assert warmed([None]) == [] and asked == []
