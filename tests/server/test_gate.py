"""Over a real websocket, on a freshly started server: no page shows anything unless app.py ran around it."""

import json
import time
import urllib.error
import urllib.request

import pytest

import asgi
from tests.company import SETTINGS, company
from tests.published import publish
from tests.server.running import elements, serving, written
from ui.navigation import ENTRIES

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
    with urllib.request.urlopen(address + "/api/ready", timeout=10) as answer:
        assert json.load(answer) == {"ready": True, "snapshot": "made-1", "warm": False}


def test_the_server_opens_its_pages_before_its_readers_do(data):
    with serving(data, RAPPORT_WARM="1") as address:
        until = time.monotonic() + 200
        while not json.load(urllib.request.urlopen(address + "/api/ready", timeout=10))["warm"]:
            assert time.monotonic() < until, "the pages were not opened ahead"
            time.sleep(0.5)
        assert "metric" in kinds(elements(address))


def test_ready_is_503_with_the_reason_while_there_is_nothing_to_show(tmp_path):
    with serving(tmp_path / "nothing") as address, pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address + "/api/ready", timeout=10)
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
    asgi.check_address(address)


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.4", "rapport.example.com"])
def test_others_are_refused_while_nobody_has_to_sign_in(address):
    with pytest.raises(asgi.NotLocal, match=r"refusing to serve .* nobody has to sign in"):
        asgi.check_address(address)
