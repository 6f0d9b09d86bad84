"""Signing in for real: a browser, our server, and a certified OpenID provider on this machine."""

import contextlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

import access.__main__ as rules_cli
from access import kept
from tests.browser.conftest import choose, settled
from tests.company import SETTINGS, company
from tests.conftest import absent
from tests.published import publish
from tests.server.running import free_port
from tests.server.signing import guarded
from ui.words import JOINER

pytestmark = pytest.mark.slow
PROVIDER = Path(__file__).parents[1] / "oidc" / "provider.mjs"
GROUPS = '{"bo@example.com": ["crm-sales", "crm-audit"]}'
START = 30  # s


@contextlib.contextmanager
def provider(redirect: str, **environment: str):
    """The address of a provider that knows one redirect address; skipped without Node.js or its package."""
    if not shutil.which("node") or not (PROVIDER.parent / "node_modules").exists():
        absent("no OpenID provider: install Node.js and run `npm ci --prefix tests/oidc`")
    port = free_port()
    command = ["node", str(PROVIDER), str(port), redirect]
    program = subprocess.Popen(command, env={**os.environ, "GROUPS": GROUPS, **environment}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert "ready" in program.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        program.terminate()
        program.wait(timeout=START)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    data = publish(tmp_path_factory.mktemp("signing") / "data", company(), SETTINGS)
    for words in (
        ("ann@example.com", "executive", "all"), ("leaver@example.com", "executive", "all"),
        ("crm-sales", "sales", "segment", "--where", "region=North", "--group"), ("crm-audit", "auditor", "all", "--group"),
    ):  # fmt: skip
        assert rules_cli.main(["grant", *words, "--data", str(data)]) == 0
    return data


@contextlib.contextmanager
def signing_in(data, folder, **environment):
    port = free_port()
    with provider(f"http://127.0.0.1:{port}/oauth2callback", **environment) as issuer, guarded(data, folder, issuer, port) as address:
        yield address


@pytest.fixture(scope="module")
def address(data, tmp_path_factory):
    with signing_in(data, tmp_path_factory.mktemp("secrets")) as address:
        yield address


def sign_in(page, user: str) -> None:
    """From our sign-in page through the provider's two forms and back."""
    page.get_by_role("button", name="Sign in").click()
    page.locator("input[name=login]").fill(user)
    page.locator("input[name=password]").fill("anything")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(re.compile(r"http://127\.0\.0\.1:\d+/(?!interaction|auth)"))
    settled(page)


def shown(page) -> str:
    return page.locator("body").inner_text().replace(JOINER, "")


def test_a_deep_link_survives_signing_in_and_signing_out_ends_it(visit, address):
    page = visit("/nps?region=North&period=last3", address)
    assert "Sign in to see your company's customers." in shown(page) and page.locator("[data-testid=stMetric]").count() == 0
    sign_in(page, "ann@example.com")
    assert "/nps" in page.url and "region=North" in page.url and "period=last3" in page.url
    assert page.locator("[data-testid=stMetric]").count() > 0
    assert "ann@example.com" in shown(page) and "Executive" in shown(page)
    cookie = next(cookie for cookie in page.context.cookies() if cookie["name"] == "_streamlit_user")
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_timeout(3000)
    with contextlib.suppress(Exception):  # the provider asks whether to end its own session as well
        page.get_by_role("button", name=re.compile("Yes")).click(timeout=3000)
    page.goto(address + "/nps")
    settled(page)
    assert "Sign in to see your company's customers." in shown(page) and page.locator("[data-testid=stMetric]").count() == 0


def test_without_a_role_one_sees_a_friendly_page_and_nothing_else(visit, address):
    page = visit("/retention", address)
    sign_in(page, "stranger@example.com")
    assert "You are signed in as stranger@example.com, but nobody has given you a role here yet." in shown(page)
    assert page.locator("[data-testid=stMetric], [data-testid=stDataFrame], [data-testid=stPlotlyChart], [data-testid=stSidebarNavLink]").count() == 0


def test_an_address_that_is_not_confirmed_is_nobody(visit, address):
    page = visit("/", address)
    sign_in(page, "unconfirmed@example.com")
    assert "did not give a confirmed e-mail address" in shown(page)


def test_groups_give_roles_and_one_acts_under_one_at_a_time(visit, address):
    page = visit("/", address)
    sign_in(page, "bo@example.com")
    assert "Auditor · all customers" in shown(page)  # crm-audit comes before crm-sales
    assert page.get_by_role("link", name="Sources").count() == 1
    box, links = page.locator("[data-testid=stSelectbox]", has_text="Act as").locator("input"), page.locator("[data-testid=stSidebarNavLink]")
    choose(page, box, "Sales · Region: North", answer=lambda _: links.count())
    assert "Sales · Region: North" in shown(page) and page.get_by_role("link", name="Sources").count() == 0


def test_who_is_revoked_loses_the_open_page(visit, address, data):
    page = visit("/nps", address)
    sign_in(page, "leaver@example.com")
    assert page.locator("[data-testid=stMetric]").count() > 0
    rules_cli.main(["deny", "leaver@example.com", "--data", str(data)])
    time.sleep(kept.SECONDS + 0.1)
    page.get_by_role("button", name="Rows").first.click()  # runs one card's fragment, not the page
    page.get_by_text("nobody has given you a role here yet").wait_for()
    assert page.locator("[data-testid=stMetric], [data-testid=stDataFrame]").count() == 0


def test_a_sign_in_made_out_to_another_application_is_refused(visit, data, tmp_path):
    with signing_in(data, tmp_path, ISSUE_TO="other") as address:
        page = visit("/nps", address)
        sign_in(page, "ann@example.com")
        assert "Sign in to see your company's customers." in shown(page)
        assert page.locator("[data-testid=stMetric]").count() == 0
        assert not [cookie for cookie in page.context.cookies() if cookie["name"].startswith("_streamlit_user") and cookie["value"]]
