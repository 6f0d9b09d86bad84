"""No log line holds a password, token, cookie or code, whoever wrote it; real libraries and real failures."""

import io
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from connectors import redaction, secrets

ROOT = Path(__file__).parents[2]
LINES = [
    ("connecting to postgresql://reader:geheim@erp:5432/db", "connecting to postgresql://reader:***@erp:5432/db"),
    ("postgresql://reader:ge%2Fheim@erp/db and mysql://a:geheim@b", "postgresql://reader:***@erp/db and mysql://a:***@b"),
    ("host=erp password=geheim dbname=x", "host=erp password=*** dbname=x"),
    ("password='gehe im' user=reader", "password=*** user=reader"),
    ('{"password": "geheim", "user": "reader"}', '{"password": ***, "user": "reader"}'),
    ("Authorization: Bearer geheim.token", "Authorization: ***"),
    ("[(b'authorization', b'Basic Z2VoZWlt'), (b'host', b'x')]", "[(b'authorization', b***), (b'host', b'x')]"),
    ("headers={'Authorization': 'token geheim'}", "headers={'Authorization': ***}"),
    ("cookie: _streamlit_user=geheim; _streamlit_xsrf=geheim", "cookie: ***"),
    ("saw _streamlit_user=geheim, and more", "saw _streamlit_user=***, and more"),
    ("sent bearer geheim", "sent bearer ***"),
    ("GET /oauth2callback?code=geheim&state=geheim2 HTTP/1.1", "GET /oauth2callback?code=***&state=*** HTTP/1.1"),
    ("POST https://idp/token?client_secret=geheim&x=1", "POST https://idp/token?client_secret=***&x=1"),
    ("id_token=eyJhbGciOi.eyJzdWIi.sig", "id_token=***"),
    ("got eyJhbGciOi.eyJzdWIi.c2ln from it", "got *** from it"),
]
HARMLESS = [
    "nothing listens at erp:5432", "the secret 'connections.erp.url' is set neither in the environment", "GET /nps?region=North HTTP/1.1 200",
    'url = "secret:connections.erp.url"', "after authorization, the page is drawn", "http://127.0.0.1:8501/x?y=a@b", "password is wrong", "tokens: 3",
]  # fmt: skip


@pytest.mark.parametrize(("line", "masked"), LINES)
def test_what_is_secret_by_its_shape(line, masked):
    assert redaction.redacted(line) == masked and "geheim" not in masked


@pytest.mark.parametrize("line", HARMLESS)
def test_what_is_not_secret_stays(line):
    assert redaction.redacted(line) == line


@pytest.fixture
def forgetful(monkeypatch):
    monkeypatch.setattr(redaction, "_known", set())


def test_a_secret_that_was_looked_up_is_known_by_its_value(forgetful, tmp_path):
    assert redaction.redacted("it said p@ss/wört twice") == "it said p@ss/wört twice"
    secrets.resolve("secret:erp.url", tmp_path, {"erp": {"url": "postgresql://reader:p%40ss%2Fw%C3%B6rt@erp/db"}})
    assert redaction.redacted("it said p@ss/wört, p%40ss%2Fw%C3%B6rt, p%40ss/w%C3%B6rt at erp/db") == "it said ***, ***, *** at erp/db"


def test_configured_secrets_are_known_before_they_are_looked_up(forgetful, tmp_path, monkeypatch):
    (tmp_path / ".streamlit").mkdir()
    entries = '[auth]\nclient_secret = "gehe-1"\ncookie_secret = "gehe-2"\nclient_id = "rapport"\n[connections.erp]\nurl = "mysql://u:gehe-3@erp/db"\n'
    (tmp_path / ".streamlit" / "secrets.toml").write_text(entries)
    monkeypatch.setenv("RAPPORT_SECRET_CRM_TOKEN", "gehe-4")
    redaction.learn_configured(tmp_path)
    assert redaction.redacted("gehe-1 gehe-2 gehe-3 gehe-4 rapport erp") == "*** *** *** *** rapport erp"


def test_a_secret_of_three_letters_hides_no_words(forgetful):
    redaction.learn("abc")
    assert redaction.redacted("abc abcdef") == "abc abcdef"


@pytest.fixture
def logged():
    """A logger as it is after `install`, and what its handler wrote."""
    before, out = logging.getLogRecordFactory(), io.StringIO()
    hooks = sys.excepthook, redaction.threading.excepthook
    log, handler = logging.getLogger("tests.redaction"), logging.StreamHandler(out)
    log.addHandler(handler)
    redaction.install(ROOT / "tests")
    yield log, out
    log.removeHandler(handler)
    logging.setLogRecordFactory(before)
    sys.excepthook, redaction.threading.excepthook = hooks


def test_arguments_and_tracebacks_are_masked(logged):
    log, out = logged
    log.warning("cannot reach %s in %d s", "mysql://u:geheim@erp/db", 3)
    try:
        raise ValueError("password=geheim")
    except ValueError:
        log.exception("failed")
    log.error("%s", ValueError("Authorization: geheim"))
    assert "geheim" not in out.getvalue()
    assert "cannot reach mysql://u:***@erp/db in 3 s" in out.getvalue() and "ValueError: password=***" in out.getvalue()


def test_the_access_log_of_the_server_still_takes_its_lines_apart(logged):
    """uvicorn's own formatter reads the five values of a line, not its text."""
    from uvicorn.logging import AccessFormatter

    log, out = logged
    log.handlers[0].setFormatter(AccessFormatter('%(client_addr)s - "%(request_line)s" %(status_code)s', use_colors=False))
    log.setLevel("INFO")
    log.info('%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", "/oauth2callback?code=geheim&state=geheim", "1.1", 302)
    assert out.getvalue() == '127.0.0.1:5 - "GET /oauth2callback?code=***&state=*** HTTP/1.1" 302 Found\n'


def test_installing_twice_masks_once(logged):
    factory = logging.getLogRecordFactory()
    redaction.install()
    assert logging.getLogRecordFactory() is factory


REAL = """
import logging, sys, threading
from sqlalchemy import create_engine
from connectors.sql import extension
from connectors import redaction
import duckdb
logging.basicConfig()
if sys.argv[1] == "masked":
    redaction.install()
con = duckdb.connect()
con.execute(f"load '{extension('postgres_scanner')}'")
try:
    con.execute("attach 'host=127.0.0.1 port=1 user=reader password=geheim dbname=erp connect_timeout=1' as src (type postgres, read_only)")
except duckdb.Error as error:
    logging.error("the source could not be reached: %s", error)
    logging.exception("again")
def fails():
    raise RuntimeError("could not use postgresql://reader:geheim@erp/db")
thread = threading.Thread(target=fails); thread.start(); thread.join()
fails()
"""


@pytest.mark.parametrize(("mode", "tells"), [("bare", True), ("masked", False)])
def test_a_connection_that_really_fails(mode, tells):
    """DuckDB quotes the whole connection string, the password in it. Without the filter it would stand in the log: the test would notice."""
    done = subprocess.run([sys.executable, "-c", REAL, mode], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "could not be reached" in done.stderr and done.stderr.count("RuntimeError") == 2
    assert ("geheim" in done.stderr) == tells
    assert ("***" in done.stderr) != tells
