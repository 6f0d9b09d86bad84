"""What the running server lets in and lets out: uploads, origins, headers, errors."""

import asyncio
import http.client
import re
import urllib.request
from urllib.parse import urlsplit

import pytest
import websockets
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

import asgi
from tests import sent
from tests.company import SETTINGS, company
from tests.published import publish
from tests.server.running import serving
from ui.warming import opened

slow = pytest.mark.slow
COOKIE = "_streamlit_xsrf"
LIMIT = 25 * 1024 * 1024  # bytes: server.maxUploadSize of .streamlit/config.toml


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("safe") / "data", company(), SETTINGS)


@pytest.fixture(scope="module")
def address(data):
    with serving(data) as address:
        yield address


def token(address: str) -> str:
    with urllib.request.urlopen(address + "/_stcore/health", timeout=10) as answer:
        return re.search(rf"{COOKIE}=([^;]+)", answer.headers["Set-Cookie"])[1]


def asked(address: str, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> http.client.HTTPResponse:
    """An answer, read to its end, whatever its status. A Content-Length that is given stands even if the body is shorter."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    connection.putrequest(method, path)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    answer.body = answer.read()
    connection.close()
    return answer


FORM = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\na,b\r\n--x--\r\n'


def upload(address: str, session: str, **headers: str) -> http.client.HTTPResponse:
    path = f"/_stcore/upload_file/{session}/some-file"
    return asked(address, path, "PUT", FORM, **{"Content-Type": "multipart/form-data; boundary=x", **headers})


async def in_session(address: str, act):
    """Call `act` with the id of a session while its websocket is open."""
    stream = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with websockets.connect(stream, subprotocols=["streamlit"], origin=address, max_size=None) as socket:
        begin = BackMsg()
        begin.rerun_script.query_string = ""
        await socket.send(begin.SerializeToString())
        async for bytes_ in socket:
            said = ForwardMsg.FromString(bytes_)
            if said.WhichOneof("type") == "new_session":
                return await asyncio.to_thread(act, said.new_session.initialize.session_id)


@slow
def test_an_upload_needs_the_token_of_the_browsers_own_cookie(address):
    own, foreign = token(address), token(address)
    tries = {
        "none": {},
        "cookie alone": {"Cookie": f"{COOKIE}={own}"},
        "header alone": {"X-Xsrftoken": own},
        "another's": {"Cookie": f"{COOKIE}={own}", "X-Xsrftoken": foreign},
        "own": {"Cookie": f"{COOKIE}={own}", "X-Xsrftoken": own},
    }

    def act(session):
        return {name: upload(address, session, **headers).status for name, headers in tries.items()}

    assert asyncio.run(in_session(address, act)) == {"none": 403, "cookie alone": 403, "header alone": 403, "another's": 403, "own": 204}


@slow
def test_an_upload_over_the_limit_is_refused_before_it_is_read(address):
    own = token(address)
    right = {"Cookie": f"{COOKIE}={own}", "X-Xsrftoken": own}

    def act(session):
        return [upload(address, session, **right, **{"Content-Length": str(size)}).status for size in (LIMIT + 1, 10 * LIMIT)]

    assert asyncio.run(in_session(address, act)) == [413, 413]


@slow
def test_a_page_elsewhere_cannot_open_a_session(address):
    stream = address.replace("http", "ws", 1) + "/_stcore/stream"

    async def opens(origin: str) -> bool:
        try:
            async with websockets.connect(stream, subprotocols=["streamlit"], origin=origin):
                return True
        except websockets.InvalidStatus:
            return False

    assert asyncio.run(opens(address)) and not asyncio.run(opens("http://evil.example"))


def files_of(address: str) -> list[str]:
    """What the start page loads from the server."""
    page = asked(address, "/").body.decode()
    return re.findall(r'(?:src|href)="\.?/?(static/[^"]+)"', page)


@slow
def test_every_answer_carries_the_security_headers(address):
    scripts = files_of(address)
    assert any(path.endswith(".js") for path in scripts)
    answers = [asked(address, f"/{path}") for path in ("", "nps", "_stcore/health", "_stcore/metrics", "api/ready", *scripts)]
    answers += [asked(address, path) for path in ("/static/nothing.js", "/media/nothing", "/_stcore/nothing", "/../../etc/passwd", "//etc/passwd")]
    answers += [upload(address, "nobody"), asked(address, "/api/ready", "POST"), asked(address, "/_stcore/health", "OPTIONS")]
    assert {answer.status for answer in answers} >= {200, 403, 404, 405}
    for answer in answers:
        assert {name: answer.headers[name] for name in asgi.HEADERS} == asgi.HEADERS, (answer.status, answer.body[:80])


async def answered(app) -> tuple[dict, bytes]:
    """What an application answers to GET /: status with headers, and body."""
    sent_back: list[dict] = []

    async def send(message):
        sent_back.append(message)

    await app({"type": "http", "method": "GET", "path": "/", "headers": []}, None, send)
    start, body = sent_back
    return {"status": start["status"], **{name.decode().lower(): value.decode() for name, value in start["headers"]}}, body["body"]


def test_an_answer_that_fails_has_them_too_and_tells_nothing(caplog):
    async def fails(scope, receive, send):
        raise RuntimeError("unforeseen")

    head, body = asyncio.run(answered(asgi.SecurityHeaders(fails)))
    assert (head["status"], body) == (500, b"Internal Server Error")
    assert {name: head[name.lower()] for name in asgi.HEADERS} == asgi.HEADERS
    assert "unforeseen" in caplog.text  # the log has it


# what readers learn of an error


async def messages(address: str, page: str = "") -> list:
    return [message async for message in opened(address, page)]


TELLING = re.compile(r"geheim|Traceback|RuntimeError|duckdb|\.parquet|\.py\b|site-packages|_delta_log", re.IGNORECASE)


@slow
def test_a_script_that_raises_tells_the_reader_nothing(data, tmp_path):
    """Streamlit's own page for what nothing caught, under our configuration."""
    (tmp_path / "raises.py").write_text('import streamlit as st\nst.write("here")\nraise RuntimeError("geheim in /srv/geheim")\n')
    with serving(data, entry=str(tmp_path / "raises.py")) as address:
        told = sent.said(asyncio.run(messages(address)))
    assert any(part.text == "here" for part in told) and any(part.element == "exception" for part in told)
    assert [part for part in told if TELLING.search(part.text) or str(tmp_path) in part.text] == []


@slow
@pytest.mark.parametrize(
    ("lost", "says"), [("marts/scores/*.parquet", "NPS cannot be shown: files of the table 'scores'"), ("**/*.parquet", "files of the table 'coverage'")]
)
def test_tables_that_vanish_under_the_server_tell_readers_nothing(tmp_path, lost, says):
    """Without the answers a part of the page fails, without anything all of it: none says where the files were, or what Python said."""
    broken = publish(tmp_path / "data", company(), SETTINGS)
    for file in list(broken.glob(lost)):
        file.unlink()
    with serving(broken) as address:
        told = [part for page in ("", "nps") for part in sent.said(asyncio.run(messages(address, page)))]
    assert any(says in part.text for part in told)
    assert [part for part in told if TELLING.search(part.text) or str(tmp_path) in part.text] == []


def test_the_configuration_says_so():
    wanted = {
        "server.enableXsrfProtection": True, "server.enableCORS": True, "server.maxUploadSize": 25, "client.showErrorDetails": "none",
        "server.enableStaticServing": False, "browser.gatherUsageStats": False, "client.disableDataExport": True, "logger.enableRich": False,
        "server.enableAgentApi": False, "server.trustedUserHeaders": {},
    }  # fmt: skip
    assert {name: config.get_option(name) for name in wanted} == wanted
