"""What happens before Streamlit sees a request: who may reach a server without sign-in, cookies over TLS, links kept through sign-in."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, MutableMapping
from http.cookies import SimpleCookie
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

NEXT = "rapport_next"  # cookie: where the reader was when signing in began
NEXT_SECONDS = 600
LONGEST = 2000  # characters of a link that is kept
LOCAL_NAMES = ("localhost",)
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")  # written by proxies
LOCAL_ONLY = (
    "This server has no sign-in, so it answers only to the machine it runs on, asked directly as localhost. "
    "To serve others, configure sign-in (docs/sign-in.md)."
)


def is_loopback(address: str | None) -> bool:
    """Whether only this machine can reach the address. None listens everywhere."""
    if not address:
        return False
    if address in LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


class LocalOnly:
    """Without sign-in: refuses what came through a proxy or was asked under another name (a page elsewhere whose name now points here)."""

    def __init__(self, app, is_needed: Callable[[], bool]):
        self.app, self.is_needed = app, is_needed

    async def __call__(self, scope, receive, send):
        if scope["type"] in ("http", "websocket") and self.is_needed() and not _asked_here(Headers(scope=scope)):
            if scope["type"] == "http":
                return await PlainTextResponse(LOCAL_ONLY, status_code=403)(scope, receive, send)
            return await send({"type": "websocket.close", "code": 1008, "reason": "local only"})
        return await self.app(scope, receive, send)


def _asked_here(headers: Headers) -> bool:
    name = urlsplit(f"//{headers.get('host', '')}").hostname
    return is_loopback(name) and not any(header in headers for header in FORWARDED)


class KeptLinks:
    """A link opened before signing in is where the reader lands afterwards; Streamlit alone always returns to "/".

    When signing in begins, the page it began on is in the Referer; it is kept in a cookie for ten minutes, and put in place
    of the "/" to which the provider's answer redirects.
    """

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        path = scope.get("path", "") if scope["type"] == "http" else ""
        if path.endswith("/auth/login"):
            return await self.app(scope, receive, _changing(send, lambda headers: _keep(headers, Headers(scope=scope))))
        if path.endswith("/oauth2callback"):
            return await self.app(scope, receive, _changing(send, lambda headers: _return(headers, Headers(scope=scope))))
        return await self.app(scope, receive, send)


def _changing(send, change: Callable[[MutableHeaders], None]):
    async def sending(message: MutableMapping):
        if message["type"] == "http.response.start":
            change(MutableHeaders(scope=message))
        await send(message)

    return sending


def _keep(answer: MutableHeaders, asked: Headers) -> None:
    came = urlsplit(asked.get("referer", ""))
    if came.netloc and came.netloc == asked.get("host"):
        link = safe(came.path + (f"?{came.query}" if came.query else ""))
        answer.append("set-cookie", f"{NEXT}={quote(link, safe='')}; Max-Age={NEXT_SECONDS}; Path=/; HttpOnly; SameSite=Lax")


def _return(answer: MutableHeaders, asked: Headers) -> None:
    kept = SimpleCookie(asked.get("cookie", "")).get(NEXT)
    if kept is not None and "location" in answer:
        answer["location"] = safe(unquote(kept.value))
        answer.append("set-cookie", f"{NEXT}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax")


def safe(link: str) -> str:
    """A link to this server; anything that could lead elsewhere becomes "/"."""
    is_ours = link.startswith("/") and not link.startswith(("//", "/\\")) and len(link) <= LONGEST and not any(ord(c) < 33 for c in link)
    return link if is_ours else "/"


class OverTls:
    """Where readers come by https: every cookie is for https alone, and browsers are told to stay with it."""

    def __init__(self, app, is_needed: Callable[[], bool]):
        self.app, self.is_needed = app, is_needed

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, _changing(send, _secured) if self.is_needed() else send)


def _secured(answer: MutableHeaders) -> None:
    cookies = answer.getlist("set-cookie")
    del answer["set-cookie"]
    for cookie in cookies:
        answer.append("set-cookie", cookie if "; secure" in cookie.lower() else f"{cookie}; Secure")
    answer["Strict-Transport-Security"] = "max-age=31536000"
