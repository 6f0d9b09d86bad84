"""Pages run as a reader runs them: through app.py, on a full, an empty or a missing warehouse, in either language."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from tests.company import SETTINGS, company
from tests.published import publish
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


def texts(app: AppTest) -> str:
    """Everything written on the page and in its sidebar, for searching."""
    kinds = ("title", "subheader", "caption", "markdown", "metric", "error", "warning", "info", "success", "code", "button", "text")
    parts = [part for kind in kinds for part in app.get(kind)]
    return "\n".join(str(getattr(part, name)) for part in parts for name in ("label", "value", "delta") if getattr(part, name, None))


def failures(app: AppTest) -> list[str]:
    """What the page shows as failed: boxes of `page.safely`, and exceptions that nothing caught."""
    refused = [box for box in app.warning if box.icon == ":material/report:"]
    return [box.value for box in (*app.error, *app.exception, *refused)]
