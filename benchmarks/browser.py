"""From opening a page to its charts drawn, in Chromium: with an empty cache, and again."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from benchmarks import measure
from benchmarks.serving import HOME, names, server

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WARM_RUNS = 3
QUIET = 600  # ms without change before a page counts as drawn
DRAWN = """
quiet => {
  const busy = document.querySelectorAll('[data-testid="stSkeleton"], [data-testid="stStatusWidget"], [data-stale="true"]').length;
  const seen = document.querySelectorAll('[data-testid="stMetric"], .js-plotly-plot .main-svg, [data-testid="stDataFrame"]').length;
  const isDone = document.querySelector('[data-test-script-state]')?.dataset.testScriptState === 'notRunning' && document.querySelector('h1');
  const now = performance.now(), state = `${busy}/${seen}`;
  if (window.rapportState !== state) { window.rapportState = state; window.rapportSince = now; }
  return busy === 0 && (seen > 0 || isDone) && now - window.rapportSince > quiet ? window.rapportSince : false;
}
"""


def section(data: Path) -> measure.Section:
    """Milliseconds from the beginning of navigation until nothing changes any more, by page. Skips without Chromium."""
    goal = "as fast as Streamlit's own page allows; read the warm column beside the server's"
    columns = ("page", "cold ms", "warm ms", "charts")
    if not CHROMIUM:
        return measure.Section("In the browser", goal, columns, [], ("no Chromium found; set CHROMIUM to its path",))
    from playwright.sync_api import sync_playwright

    rows = []
    with sync_playwright() as playwright:
        for page in names():
            with server("asgi.py", data) as served:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
                rows.append((page or HOME, *_timed(browser, f"{served.url}/{page}")))
                browser.close()
    return measure.Section(
        "In the browser", goal, columns, rows, ("cold: empty cache, first reader of a fresh server; warm: the same browser opens the page again",)
    )


def _timed(browser, url: str) -> tuple[float, float, int]:
    tab = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    cold = _open(tab, url)
    charts = tab.locator(".js-plotly-plot").count()
    return cold, min(_open(tab, url) for _ in range(WARM_RUNS)), charts


def _open(tab, url: str) -> float:
    tab.goto("about:blank")
    begun = time.perf_counter()
    tab.goto(url, wait_until="commit")
    offset = 1000 * (time.perf_counter() - begun)
    return offset + tab.wait_for_function(DRAWN, arg=QUIET, timeout=120_000, polling=50).json_value()
