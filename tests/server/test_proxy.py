"""The proxy file of docs/deploy/ as it is documented: nginx takes it, and a server behind it is served as SECURITY.md says."""

import asyncio
import contextlib
import http.client
import re
import shutil
import ssl
import subprocess
import time
from pathlib import Path

import pytest
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.conftest import absent
from tests.published import publish
from tests.server.running import free_port
from tests.server.signing import guarded

pytestmark = pytest.mark.slow
CONF = Path(__file__).parents[2] / "docs" / "deploy" / "nginx.conf"
NAME = "rapport.example.com"
WHOLE = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 128; }}
http {{
client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
{conf}
}}
"""


@pytest.fixture(scope="module")
def nginx() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if not found or not shutil.which("openssl"):
        absent("no nginx or openssl found: install nginx-light and openssl")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("nginx")
    subject = ["-subj", f"/CN={NAME}", "-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject], check=True, capture_output=True)
    return folder


def configured(folder: Path, server: str, plain: int, tls: int) -> Path:
    """The documented file with this machine's ports and paths, inside the rest of a configuration. Nothing else is changed."""
    conf = CONF.read_text("utf-8")
    conf = conf.replace("127.0.0.1:8501", server).replace("/etc/ssl/rapport", str(folder)).replace("/var/log/nginx", str(folder))
    conf = conf.replace("127.0.0.1/32  1", "192.0.2.1/32  1")  # the scraper is not on this machine
    conf = re.sub(r"listen \[::\].*\n", "", conf).replace("listen 80;", f"listen 127.0.0.1:{plain};").replace("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl")
    path = folder / "nginx.conf"
    path.write_text(WHOLE.format(folder=folder, conf=conf), "utf-8")
    return path


def test_nginx_takes_the_file(nginx, folder):
    done = subprocess.run([nginx, "-t", "-c", configured(folder, "127.0.0.1:8501", free_port(), free_port())], capture_output=True, text=True)
    assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr


@pytest.fixture(scope="module")
def proxied(nginx, folder, tmp_path_factory):
    """(port of HTTP, port of TLS) of nginx before a server on which one has to sign in."""
    plain, tls = free_port(), free_port()
    data = publish(tmp_path_factory.mktemp("behind") / "data", {})
    with guarded(data, tmp_path_factory.mktemp("secrets")) as address:
        running = subprocess.Popen([nginx, "-c", configured(folder, address.removeprefix("http://"), plain, tls)])
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until and not _answers(tls):
                time.sleep(0.2)
            yield plain, tls
        finally:
            running.terminate()
            running.wait(timeout=20)


TLS = ssl.create_default_context()
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        return asked(port, "/_stcore/health").status == 200
    return False


def asked(port: int, path: str, method: str = "GET", is_tls: bool = True, **headers: str) -> http.client.HTTPResponse:
    how = {"context": TLS} if is_tls else {}
    connection = (http.client.HTTPSConnection if is_tls else http.client.HTTPConnection)("127.0.0.1", port, timeout=30, **how)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": NAME, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.body = answer.read()
    connection.close()
    return answer


def test_plain_http_leads_to_https(proxied):
    answer = asked(proxied[0], "/nps?region=North", is_tls=False)
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{NAME}/nps?region=North")


def test_headers_and_cookies(proxied):
    answer = asked(proxied[1], "/_stcore/health")
    assert answer.headers.get_all("Strict-Transport-Security") == ["max-age=31536000; includeSubDomains"]
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"] and "nginx/" not in answer.headers["Server"]
    assert all("secure" in cookie.lower() for cookie in answer.headers.get_all("Set-Cookie")) and answer.headers.get_all("Set-Cookie")


def test_the_servers_own_figures_are_hidden(proxied):
    assert asked(proxied[1], "/_stcore/metrics").status == 404
    assert asked(proxied[1], "/_stcore/health").status == 200


def test_a_body_that_is_too_large_is_refused(proxied):
    assert asked(proxied[1], "/_stcore/upload_file/x/y", "PUT", **{"Content-Length": str(40 * 1024 * 1024)}).status == 413


def test_scripts_are_compressed(proxied):
    script = re.search(rb'src="\.?/?(static/js/[^"]+\.js)"', asked(proxied[1], "/").body)[1].decode()
    whole, packed = asked(proxied[1], f"/{script}"), asked(proxied[1], f"/{script}", **{"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and len(packed.body) < len(whole.body) / 2


def test_the_websocket_comes_through_and_only_from_its_own_page(proxied):
    async def first(origin: str) -> str:
        async with websockets.connect(
            f"wss://{NAME}/_stcore/stream", host="127.0.0.1", port=proxied[1], ssl=TLS, subprotocols=["streamlit"], origin=origin, max_size=None
        ) as socket:
            begin = BackMsg()
            begin.rerun_script.query_string = ""
            await socket.send(begin.SerializeToString())
            return ForwardMsg.FromString(await socket.recv()).WhichOneof("type")

    assert asyncio.run(first(f"https://{NAME}"))
    with pytest.raises(websockets.InvalidStatus):
        asyncio.run(first("https://evil.example"))


def test_the_log_keeps_no_query(proxied, folder):
    asked(proxied[1], "/nps?region=Geheim&code=geheim")
    time.sleep(0.5)
    log = (folder / "rapport.log").read_text("utf-8")
    assert '"GET /nps"' in log and "eheim" not in log
