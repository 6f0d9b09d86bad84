"""Over a real websocket, on a freshly started server: no page shows anything unless app.py ran around it."""

import datetime as dt
import json
import time
import urllib.error
import urllib.request

import pytest

import access.__main__ as rules_cli
import asgi
from access import kept
from tests.company import SETTINGS, company
from tests.published import publish
from tests.server.running import elements, fragment_after, serving, written
from tests.server.signing import SECRET, browser, claims, guarded, seen
from ui.navigation import ENTRIES
from ui.words import plain

pytestmark = pytest.mark.slow
NAMES = [entry.name for entry in ENTRIES if entry.name != "overview"]
DATA_KINDS = {"metric", "arrow_data_frame", "plotly_chart", "download_button"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("served") / "data", company(), SETTINGS)


def kinds(found) -> set[str]:
    return {element.WhichOneof("type") for element in found}


def test_a_deep_link_to_a_fresh_server_runs_the_page_inside_app_py(data):
    with serving(data) as address:
        first = elements(address, "sources")
    assert "How fresh is it, and what was refused?" in written(first)
    assert "f_period" in written(first)  # the sidebar: app.py ran


def test_a_page_that_runs_without_app_py_shows_nothing(data):
    """`streamlit run app.py` leaves Streamlit's old router in charge of the first request: the guard is the second wall."""
    with serving(data, entry="app.py") as address:
        for name in NAMES:
            found = elements(address, name)
            assert "opened without the application around it" in written(found), name
            assert kinds(found) <= {"alert"}, name


@pytest.fixture(scope="module")
def address(data):
    with serving(data) as address:
        yield address


def test_every_answer_carries_the_security_headers(address):
    for path in ("/", "/_stcore/health", "/api/ready", "/static/nothing"):
        try:
            answer = urllib.request.urlopen(address + path, timeout=10)
        except urllib.error.HTTPError as error:
            answer = error
        assert {name: answer.headers[name] for name in asgi.HEADERS} == asgi.HEADERS, path


def test_ready_says_which_snapshot_is_shown(address):
    with urllib.request.urlopen(address + "/api/ready", timeout=60) as answer:
        assert json.load(answer) == {"ready": True, "snapshot": "made-1", "warm": False}


def test_the_server_opens_its_pages_before_its_readers_do(data):
    with serving(data, RAPPORT_WARM="1") as address:
        until = time.monotonic() + 200
        while not json.load(urllib.request.urlopen(address + "/api/ready", timeout=60))["warm"]:
            assert time.monotonic() < until, "the pages were not opened ahead"
            time.sleep(0.5)
        assert "metric" in kinds(elements(address))


def test_ready_is_503_with_the_reason_while_there_is_nothing_to_show(tmp_path):
    with serving(tmp_path / "nothing") as address, pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address + "/api/ready", timeout=60)
    assert refused.value.code == 503
    assert "nothing has been published" in json.load(refused.value)["why"]


def test_text_from_a_source_is_sent_as_data_never_as_markup(tmp_path):
    """A customer called <script>: in filters and tables it is a value; where Markdown is read it is escaped."""
    evil = "<script>alert(1)</script> **x** [y](javascript:z)"
    rows = {
        "customers": [{"customer_id": "made:1", "name": evil, "region": evil}],
        "invoices": [{"customer_id": "made:1", "issued_on": "2026-01-05", "amount": 5}],
    }
    with serving(publish(tmp_path / "data", rows)) as address:
        found = elements(address, "", "region=" + urllib.request.quote(evil))
    for element in found:
        if element.WhichOneof("type") == "markdown":
            assert "<script" not in element.markdown.body.replace("\\<script", "") and not element.markdown.allow_html
        assert element.WhichOneof("type") != "html" or "alert" not in element.html.body


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.5"])
def test_loopback_addresses_may_be_served(address):
    asgi.check_address(address, has_sign_in=False)


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.4", "rapport.example.com"])
def test_others_are_refused_while_nobody_has_to_sign_in(address):
    with pytest.raises(asgi.NotLocal, match=r"refusing to serve .* nobody has to sign in"):
        asgi.check_address(address, has_sign_in=False)
    asgi.check_address(address, has_sign_in=True)


# with sign-in


@pytest.fixture(scope="module")
def guarded_address(data, tmp_path_factory):
    with guarded(data, tmp_path_factory.mktemp("guarded")) as address:
        yield address


@pytest.mark.parametrize("name", ["", *NAMES])
def test_the_first_request_to_a_fresh_server_shows_nothing_of_the_company(data, tmp_path, name):
    with guarded(data, tmp_path) as address:
        found = elements(address, name)
    assert "Sign in to see" in written(found)
    assert not kinds(found) & DATA_KINDS
    assert "Customer 1" not in written(found) and "f_period" not in written(found)


@pytest.mark.parametrize(
    ("said", "secret", "why"),
    [
        (None, SECRET, "Sign in to see"),
        ({"user": "root@example.com"}, "another secret", "Sign in to see"),  # signed by somebody else
        ({"user": "root@example.com", "aud": "another-application"}, SECRET, "made for another application"),
        ({"user": "root@example.com", "age": dt.timedelta(hours=13)}, SECRET, "more than 12 hours ago"),
        ({"user": "root@example.com", "email_verified": False}, SECRET, "did not give a confirmed e-mail"),
        ({"user": None}, SECRET, "did not give a confirmed e-mail"),
        ({"user": "nobody@example.com"}, SECRET, "nobody has given you a role here yet"),
    ],
)
@pytest.mark.parametrize("name", ["", "nps", "settings"])
def test_a_cookie_that_is_not_good_enough(guarded_address, granted, said, secret, why, name):
    found = seen(guarded_address, name, said=said and claims(guarded_address, **said), secret=secret)
    assert why in written(found)
    assert not kinds(found) & DATA_KINDS


def test_a_cookie_of_another_address_is_not_read(guarded_address, granted):
    said = claims(guarded_address, "root@example.com") | {"origin": "http://elsewhere.example.com"}
    assert "Sign in to see" in written(seen(guarded_address, said=said))


def test_who_has_a_rule_sees_the_page(guarded_address, granted):
    found = seen(guarded_address, "nps", said=claims(guarded_address, "root@example.com"))
    assert "metric" in kinds(found)
    bodies = [element.markdown.body for element in found if element.WhichOneof("type") == "markdown"]
    assert any(plain("root@example.com") in body and "Administrator" in body for body in bodies)


def test_a_page_of_another_role_says_so(guarded_address, granted):
    found = seen(guarded_address, "sources", said=claims(guarded_address, "sales@example.com"))
    assert "not part of your role" in written(found)
    assert not kinds(found) & {"metric", "arrow_data_frame", "plotly_chart"}


def test_a_revoked_reader_is_out_with_the_next_run(guarded_address, granted):
    said = claims(guarded_address, "leaver@example.com")
    assert "metric" in kinds(seen(guarded_address, "nps", said=said))
    rules_cli.main(["deny", "leaver@example.com", "--data", str(granted)])
    time.sleep(kept.SECONDS + 0.1)
    found = seen(guarded_address, "nps", said=said)
    assert "nobody has given you a role" in written(found) and not kinds(found) & DATA_KINDS


def test_a_revoked_reader_is_out_inside_a_fragment_too(guarded_address, granted):
    """The session stays open, the page is not run again: only the card's own fragment is."""
    rules_cli.main(["grant", "stayer@example.com", "executive", "all", "--data", str(granted)])
    signed_in = browser(guarded_address, claims(guarded_address, "stayer@example.com"))
    before, after = fragment_after(guarded_address, "nps", lambda: _deny(granted, "stayer@example.com"), **signed_in)
    assert "metric" in kinds(before)
    assert "nobody has given you a role" in written(after) and not kinds(after) & DATA_KINDS


def _deny(granted, user: str) -> None:
    rules_cli.main(["deny", user, "--data", str(granted)])
    time.sleep(kept.SECONDS + 0.1)


@pytest.fixture(scope="module")
def granted(data):
    """The served data directory with rules: root sees all, sales own customers, leaver all until revoked."""
    rules = {"root": ("administrator", "all"), "sales": ("sales", "segment", "--where", "region=North"), "leaver": ("executive", "all")}
    for name, words in rules.items():
        assert rules_cli.main(["grant", f"{name}@example.com", *words, "--data", str(data)]) == 0
    return data
