"""What happens before Streamlit sees a request."""

from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from access.doorway import NEXT, KeptLinks, LocalOnly, OverTls, is_loopback, safe


async def _talk(socket):
    await socket.accept()
    await socket.send_text("hello")


async def _signed_in(_request):
    answer = RedirectResponse("/", 302)
    answer.set_cookie("_streamlit_user", "signed", httponly=True, samesite="lax")
    return answer


def client(wrap, **options) -> TestClient:
    routes = [
        Route("/auth/login", lambda _: RedirectResponse("https://provider/", 302)), Route("/oauth2callback", _signed_in),
        Route("/{rest:path}", lambda _: PlainTextResponse("page")), WebSocketRoute("/_stcore/stream", _talk),
    ]  # fmt: skip
    return TestClient(wrap(Starlette(routes=routes)), follow_redirects=False, **options)


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.5"])
def test_loopback(address):
    assert is_loopback(address)


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "10.1.2.3", "rapport.example.com", "localhost.evil.com", "127.0.0.1.evil.com"])
def test_everything_else_is_not(address):
    assert not is_loopback(address)


@pytest.mark.parametrize(
    ("base", "headers", "status"),
    [
        ("http://127.0.0.1:8501", {}, 200),
        ("http://localhost:8501", {}, 200),
        ("http://rapport.example.com", {}, 403),  # a name elsewhere that was made to point here
        ("http://127.0.0.1:8501", {"X-Forwarded-For": "10.0.0.7"}, 403),  # a proxy on this machine, asked by another one
        ("http://127.0.0.1:8501", {"Forwarded": "for=10.0.0.7"}, 403),
        ("http://127.0.0.1:8501", {"X-Real-IP": "10.0.0.7"}, 403),
        ("http://127.0.0.1:8501", {"Host": ""}, 403),
    ],
)
def test_without_sign_in_only_this_machine_is_answered(base, headers, status):
    asked = client(lambda app: LocalOnly(app, lambda: True), base_url=base, headers=headers)
    assert asked.get("/nps").status_code == status
    if status == 200:
        with asked.websocket_connect(base.replace("http", "ws") + "/_stcore/stream") as socket:
            assert socket.receive_text() == "hello"
    else:
        with pytest.raises(WebSocketDisconnect), asked.websocket_connect(base.replace("http", "ws") + "/_stcore/stream"):
            pass


def test_with_sign_in_every_name_is_answered():
    assert client(lambda app: LocalOnly(app, lambda: False), base_url="http://rapport.example.com").get("/").status_code == 200


def test_a_link_survives_signing_in():
    browser = client(KeptLinks, base_url="http://rapport.example.com")
    began = browser.get("/auth/login", headers={"Referer": "http://rapport.example.com/nps?region=North&lang=zh-CN"})
    kept = began.headers["set-cookie"]
    assert kept.startswith(f"{NEXT}=") and "HttpOnly" in kept and "SameSite=Lax" in kept
    back = browser.get("/oauth2callback")
    assert back.headers["location"] == "/nps?region=North&lang=zh-CN"
    assert any(cookie.startswith("_streamlit_user=") for cookie in back.headers.get_list("set-cookie")), "the sign-in itself is kept"
    assert browser.get("/oauth2callback").headers["location"] == "/", "once only"


@pytest.mark.parametrize("referer", [None, "", "http://evil.com/nps", "http://rapport.example.com.evil.com/x", "javascript:alert(1)"])
def test_nobody_elses_page_is_returned_to(referer):
    browser = client(KeptLinks, base_url="http://rapport.example.com")
    browser.get("/auth/login", headers={"Referer": referer} if referer is not None else {})
    assert browser.get("/oauth2callback").headers["location"] == "/"


@pytest.mark.parametrize(
    ("link", "safe_link"),
    [
        ("/nps?x=1", "/nps?x=1"), ("/", "/"), ("//evil.com", "/"), ("/\\evil.com", "/"), ("https://evil.com", "/"), ("javascript:alert(1)", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"), ("", "/"), ("/" + "x" * 3000, "/"),
    ],
)  # fmt: skip
def test_links_lead_nowhere_else(link, safe_link):
    assert safe(link) == safe_link
    browser = client(KeptLinks, base_url="http://rapport.example.com", cookies={NEXT: quote(link, safe="")})
    assert browser.get("/oauth2callback").headers["location"] == safe_link


def test_over_tls_every_cookie_is_secure():
    answer = client(lambda app: OverTls(app, lambda: True)).get("/oauth2callback")
    assert all("; Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))
    assert "max-age=" in answer.headers["strict-transport-security"]
    plain = client(lambda app: OverTls(app, lambda: False)).get("/oauth2callback")
    assert "Secure" not in plain.headers["set-cookie"] and "strict-transport-security" not in plain.headers
