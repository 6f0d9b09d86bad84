"""Signing in without a browser: cookies as the server itself would have set them, and a server that wants them."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from tests.server.running import elements, free_port, serving

SECRET = "a-cookie-secret-that-only-tests-know"
CLIENT = "rapport"


def secrets(folder: Path, port: int, provider: str = "http://127.0.0.1:9", client: str = CLIENT) -> Path:
    """A secrets file with one provider, whose address need not answer as long as nobody signs in for real."""
    path = folder / f"secrets-{port}.toml"
    path.write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{SECRET}"\nclient_id = "{client}"\n'
        f'client_secret = "only-for-tests"\nserver_metadata_url = "{provider}/.well-known/openid-configuration"\n'
        'client_kwargs = { scope = "openid email groups", prompt = "login" }\n',
        encoding="utf-8",
    )
    return path


@contextlib.contextmanager
def guarded(data: Path, folder: Path, provider: str = "http://127.0.0.1:9", port: int | None = None, **environment: str) -> Iterator[str]:
    """A server on which one has to sign in; its address."""
    port = port or free_port()
    with serving(data, port=port, options=("--secrets.files", str(secrets(folder, port, provider))), **environment) as address:
        yield address


def claims(address: str, user: str | None, groups=(), age: dt.timedelta = dt.timedelta(minutes=1), **other) -> dict:
    """What a provider says of a user who signed in `age` ago."""
    at = dt.datetime.now(dt.UTC) - age
    named = {} if user is None else {"email": user, "email_verified": True}
    told = {"iss": "http://127.0.0.1:9", "sub": user, "aud": CLIENT, "iat": int(at.timestamp()), "groups": list(groups), **named, **other}
    return {**told, "origin": address, "is_logged_in": True, "provider": "default"}


def cookies(address: str, said: dict | None, secret: str = SECRET) -> dict[str, str]:
    """The cookies of a browser for which the provider said this; None: of one that never signed in."""
    with urllib.request.urlopen(address + "/_stcore/health", timeout=10) as answer:
        xsrf = answer.headers["Set-Cookie"].split("_streamlit_xsrf=")[1].split(";")[0]
    user = {} if said is None else {"_streamlit_user": create_signed_value(secret, "_streamlit_user", json.dumps(said)).decode()}
    return {"_streamlit_xsrf": xsrf, **user}


def as_header(found: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in found.items())


def seen(address: str, page: str = "", query: str = "", said: dict | None = None, secret: str = SECRET) -> list:
    """The elements that a signed-in browser is sent for /page?query."""
    return elements(address, page, query, **browser(address, said, secret))


def browser(address: str, said: dict | None = None, secret: str = SECRET) -> dict[str, str]:
    """What `elements` needs of a browser: its XSRF token and its cookies."""
    found = cookies(address, said, secret)
    return {"xsrf": found["_streamlit_xsrf"], "cookie": as_header(found)}
