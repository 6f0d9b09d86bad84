"""Pages run as a reader runs them: through app.py, on a full, an empty or a missing warehouse, in either language."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest, element_tree
from streamlit.util import calc_hash

from tests import sent
from tests.company import SETTINGS, company
from tests.published import publish
from ui import numbers, words
from ui.navigation import HOME

ENTRY = Path(__file__).parent / "entry.py"
WAREHOUSES = ("full", "empty", "missing")
LANGUAGES = ("en", "zh-CN")


@pytest.fixture(scope="session")
def warehouses(tmp_path_factory) -> dict[str, Path]:
    """Data directories: a small company, a published snapshot without a single row, and one where nothing was ever published."""
    folder = tmp_path_factory.mktemp("warehouses")
    return {
        "full": publish(folder / "full", company(), SETTINGS),
        "empty": publish(folder / "empty", {}),
        "missing": folder / "missing",
    }


@pytest.fixture
def run(warehouses, monkeypatch):
    """run("nps", warehouse="full", language="en", region="North") → the finished AppTest of a deep link to that page."""

    def run(name: str, warehouse: str = "full", language: str = "en", **params) -> AppTest:
        monkeypatch.setenv("RAPPORT_DATA", str(warehouses[warehouse]))
        app = AppTest.from_file(ENTRY, default_timeout=60)
        app._page_hash = "" if name == HOME else calc_hash(name)  # what a browser sends for /name
        for key, value in {"lang": language, **params}.items():
            app.query_params[key] = value
        return app.run()

    return run


@pytest.fixture
def alone(warehouses, monkeypatch):
    """alone("ui.zero_based.part", warehouse="full", language="en") → the finished AppTest of that part of a page and nothing around it."""

    def alone(part: str, warehouse: str = "full", language: str = "en") -> AppTest:
        monkeypatch.setenv("RAPPORT_DATA", str(warehouses[warehouse]))
        app = AppTest.from_file(ENTRY.with_name("alone.py"), default_timeout=60)
        app.session_state["_part"] = part
        app.query_params["lang"] = language
        return app.run()

    return alone


@pytest.fixture
def opened(run, monkeypatch):
    """opened("nps", "full", "en") → all that was sent for a page: as it opens; with every box on it open and the first mark of every chart
    chosen; and with the last of every few options chosen."""
    formatted = element_tree._format_value_for_widget

    def opened(name: str, warehouse: str, language: str) -> list[sent.Said]:
        for module in (words, numbers):  # AppTest asks for the words of a choice outside of the session
            monkeypatch.setattr(module, "language", lambda: language)
        with sent.watching() as messages:
            app = run(name, warehouse, language, period="all")
            assert failures(app) == []
            told = sent.said(messages)
            for key in boxes(messages):
                app.session_state[key] = True
            for pick in app.selectbox:
                if (pick.key or "").endswith("_pick") and pick.options:
                    pick.select_index(0)
            app.run()
            assert failures(app) == []
            told += sent.said(messages)
            for group in app.get("button_group"):
                if group.key != "lang" and group.options:
                    last = Chosen(group.options[-1])
                    group.set_value([last] if isinstance(group.value, list) else last)
            app.run()  # what cannot be meant together says so, in words that count as well
            return told + sent.said(messages)

    monkeypatch.setattr(element_tree, "_format_value_for_widget", lambda said, value: value if isinstance(value, Chosen) else formatted(said, value))
    return opened


class Chosen(str):
    """An option by what is written on it."""


def boxes(messages) -> list[str]:
    """Keys of expanders and popovers that rerun when they are opened: only then is their inside sent."""
    blocks = [message.delta.add_block for message in messages if message.WhichOneof("type") == "delta" and message.delta.HasField("add_block")]
    found = [getattr(block, kind).id for block in blocks for kind in ("expandable", "popover") if block.HasField(kind)]
    return [id.split("-", 2)[2] for id in found if id.startswith("$$ID-") and not id.endswith("-None")]


def texts(app: AppTest) -> str:
    """Everything written on the page and in its sidebar, for searching."""
    kinds = ("title", "subheader", "caption", "markdown", "metric", "error", "warning", "info", "success", "code", "button", "text")
    parts = [part for kind in kinds for part in app.get(kind)]
    return "\n".join(str(getattr(part, name)) for part in parts for name in ("label", "value", "delta") if getattr(part, name, None))


def failures(app: AppTest) -> list[str]:
    """What the page shows as failed: boxes of `page.safely`, and exceptions that nothing caught."""
    refused = [box for box in app.warning if box.icon == ":material/report:"]
    return [box.value for box in (*app.error, *app.exception, *refused)]
