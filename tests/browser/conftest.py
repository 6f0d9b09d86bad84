"""A browser, and a server of our own on the small company."""

import os
import shutil

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.company import SETTINGS, company
from tests.conftest import absent
from tests.published import publish
from tests.server.running import serving

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 60_000  # ms


@pytest.fixture(scope="package")  # not longer: while Playwright runs, its thread has a running event loop
def browser():
    if not CHROMIUM:
        absent("no Chromium found; set CHROMIUM to its path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    with serving(publish(tmp_path_factory.mktemp("browser") / "data", company(), SETTINGS)) as address:
        yield address


@pytest.fixture
def visit(browser, served):
    """visit("/sources?lang=zh-CN", width=390) → a page of Playwright that has finished its first run; its requests and console are kept."""
    contexts = []

    def visit(path: str = "/", address: str = served, width: int = 1440, **context):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **context))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("request", lambda request: page.asked.append(request.url))
        heard(page)
        page.goto(address + path)
        settled(page)
        return page

    yield visit
    for context in contexts:
        context.close()


QUIET = """() => document.querySelector('[data-test-script-state]').dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-testid=stSkeleton]')"""


def heard(page) -> None:
    """Keep in page.begun whether the server has begun the last run that the page asked for: until then the page looks as quiet as if nothing was to come."""
    page.begun = True

    def sent(frame) -> None:
        if isinstance(frame, bytes) and BackMsg.FromString(frame).WhichOneof("type") == "rerun_script":
            page.begun = False

    def received(frame) -> None:
        if isinstance(frame, bytes) and ForwardMsg.FromString(frame).WhichOneof("type") == "new_session":
            page.begun = True

    page.on("websocket", lambda socket: (socket.on("framesent", sent), socket.on("framereceived", received)))


def settled(page, looks: int = 4) -> None:
    """Wait until the page has its title and nothing has run, or is still awaited, for `looks` looks in a row."""
    page.wait_for_selector("h1")
    quiet = 0
    for _ in range(400):
        page.wait_for_timeout(250)
        quiet = quiet + 1 if page.begun and page.evaluate(QUIET) else 0
        if quiet == looks:
            return
    raise TimeoutError("the page was still running after 100 s")


def choose(page, box, option: str, answer=lambda page: page.url) -> None:
    """Open a list and take an option, until what the server makes of it (`answer`) is another; again where a run that came in between has closed the list."""
    from playwright.sync_api import TimeoutError as Late

    before = answer(page)
    for _ in range(5):
        try:
            box.click(timeout=PATIENCE / 4)
            page.get_by_role("option", name=option, exact=True).click(timeout=PATIENCE / 4)
        except Late:
            continue
        settled(page)
        if answer(page) != before:
            return
    raise TimeoutError(f"{option!r} could not be chosen")
