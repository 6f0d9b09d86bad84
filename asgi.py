"""The server: `streamlit run asgi.py`. Warm imports and caches, security headers, readiness, and the way in through app.py only."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager

from access import identity
from access.doorway import KeptLinks, LocalOnly, OverTls, is_loopback
from connectors import redaction
from ui import glance

redaction.install()  # before anything is logged
log = logging.getLogger("rapport.server")

# Without this a fresh server answers a deep link by running pages/<name>.py alone, without app.py around it.
# Internal to Streamlit 1.67, which is pinned; tests/server/test_gate.py notices if it moves.
PagesManager.uses_pages_directory = False
glance.install()

POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval'",  # Streamlit's page has inline scripts, Vega and Plotly compile
    "style-src": "'self' 'unsafe-inline'",  # emotion writes style elements
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' ws: wss: data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


WARM = ("plotly.graph_objects", "plotly.io", "pyarrow", "xlsxwriter", "babel.dates", "charts", "metrics", "ui.cards", "ui.figure", "ui.page", "ui.navigation")


class NotLocal(SystemExit):
    """The server was asked to serve other machines although nobody has to sign in."""


class SecurityHeaders:
    """Adds HEADERS to every HTTP response, and answers where nothing else does: an error says nothing but that it is one."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun = False

        async def sending(message):
            nonlocal begun
            if message["type"] == "http.response.start":
                begun, headers = True, MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if not begun:
                await PlainTextResponse("Internal Server Error", status_code=500)(scope, receive, sending)


def check_address(address: str | None, has_sign_in: bool) -> None:
    """Refuse to listen where others could reach a product that has no sign-in.

    Raises NotLocal naming the address and what to do.
    """
    if not has_sign_in and not is_loopback(address):
        raise NotLocal(
            f"rapport: refusing to serve {address or 'every address of this machine'}: nobody has to sign in, so everyone who reaches it would see all "
            "customers. Either start it with --server.address 127.0.0.1 (the default), or configure sign-in in .streamlit/secrets.toml: "
            "[auth] with redirect_uri, cookie_secret, client_id, client_secret and server_metadata_url (docs/sign-in.md)."
        )


def has_no_sign_in() -> bool:
    return not identity.is_configured()


def is_over_tls() -> bool:
    return identity.origin().startswith("https://")


class Patient:
    """Lets no page run before what pages import is there; a browser fetches its own files meanwhile."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] == "websocket":
            await _begun()
        return await self.app(scope, receive, send)


async def _begun() -> None:
    """Returns once `warm` is done."""
    if STARTED:
        await asyncio.wait(STARTED)


def migrate() -> None:
    """Bring the records up to date before anything answers. A server that cannot does not start."""
    import warehouse
    from records import database

    data = warehouse.directory()
    if identity.is_configured() or database.exists(data):
        data.mkdir(parents=True, exist_ok=True)
        database.migrate(database.connect(data))


def warm() -> None:
    """Pay for what pages import and open the newest snapshot. It runs alone: threads that import the same at once get in each other's way."""
    for name in WARM:
        importlib.import_module(name)
    import warehouse
    from warehouse.errors import StoreError

    try:
        warehouse.open(warehouse.directory())
    except StoreError as error:
        print(f"rapport: {error}", file=sys.stderr)


@asynccontextmanager
async def lifespan(_app):
    await asyncio.to_thread(migrate)
    STARTED.add(start := asyncio.create_task(_start()))
    ahead = asyncio.create_task(_ahead_of_readers())
    yield {}
    start.cancel()
    ahead.cancel()


async def _start() -> None:
    try:
        await asyncio.to_thread(warm)
    except Exception:
        log.exception("what pages need could not be made ready; each page tries again and says what fails")
    gc.collect()
    gc.freeze()  # what start-up made stays: the collector need not look at it again


async def _ahead_of_readers() -> None:
    await _begun()
    from ui import warming

    if warming.is_wanted() and has_no_sign_in():
        address = f"http://{config.get_option('server.address')}:{config.get_option('server.port')}"
        await warming.keep_warm(address, newest, lambda snapshot: WARMED.update(snapshot=snapshot))


STARTED: set[asyncio.Task] = set()  # the start of this server
WARMED: dict[str, str | None] = {"snapshot": None}  # all pages of this snapshot have been opened once


def newest() -> str | None:
    """The id of the newest snapshot; None while there is none that can be opened."""
    from ui import data
    from warehouse.errors import StoreError

    try:
        return data.newest().id
    except StoreError:
        return None


async def ready(_request) -> JSONResponse:
    """200 with the newest snapshot once one can be opened; 503 until then. Nobody has to sign in here: details are in the log."""
    await _begun()
    from ui import data
    from warehouse.errors import NoSnapshot, StoreError

    try:
        snapshot = await asyncio.to_thread(data.newest)
    except StoreError as error:
        log.warning("not ready: %s", error)
        why = "nothing has been published yet" if isinstance(error, NoSnapshot) else "the data cannot be read; the log says why"
        return JSONResponse({"ready": False, "why": why}, status_code=503)
    return JSONResponse({"ready": True, "snapshot": snapshot.id, "warm": WARMED["snapshot"] == snapshot.id})


check_address(config.get_option("server.address"), identity.is_configured())
MIDDLEWARE = [
    Middleware(SecurityHeaders), Middleware(LocalOnly, has_no_sign_in), Middleware(OverTls, is_over_tls), Middleware(KeptLinks), Middleware(Patient),
]  # fmt: skip
app = st.App(str(Path(__file__).parent / "app.py"), lifespan=lifespan, middleware=MIDDLEWARE, routes=[Route("/api/ready", ready)])
