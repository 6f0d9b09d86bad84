"""Passwords and tokens: where they are looked up, and how they are kept out of every message.

`"secret:connections.erp.url"` names the key `url` of `[connections.erp]` in `.streamlit/secrets.toml`, looked for beside the
sources file, in its parent folder and in the working folder; the environment variable `RAPPORT_SECRET_CONNECTIONS_ERP_URL`
comes first where it is set.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from connectors import redaction
from connectors.redaction import MASK
from connectors.redaction import SECRET_FILE as FILE

PREFIX = "secret:"


def variable(name: str) -> str:
    """The environment variable that stands for a secret: `connections.erp.url` is RAPPORT_SECRET_CONNECTIONS_ERP_URL."""
    return redaction.PREFIX + re.sub(r"[^A-Za-z0-9]", "_", name).upper()


def resolve(text: str, folder: Path, given: Mapping | None = None) -> str:
    """The value of `secret:NAME`, from `given`, the environment or the secrets files.

    Raises LookupError saying where was looked, and never what was found.
    """
    name = text.removeprefix(PREFIX)
    places = [folder / FILE, folder.parent / FILE, Path.cwd() / FILE]
    for entries in (given or {}, {name: os.environ.get(variable(name))}, *(_entries(place) for place in places)):
        if isinstance(value := _find(entries, name), str):
            redaction.learn(value)
            return value
    looked = ", ".join(dict.fromkeys(str(place) for place in places))
    raise LookupError(f"the secret {name!r} is set neither in the environment ({variable(name)}) nor in {looked}")


def _find(entries: Mapping, name: str):
    if name in entries:
        return entries[name]
    for part in name.split("."):
        if not isinstance(entries, Mapping) or part not in entries:
            return None
        entries = entries[part]
    return entries


def _entries(path: Path) -> Mapping:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise LookupError(f"{path} is not valid TOML, so no secret can be read from it") from None


def password_of(url: str) -> str | None:
    """The password inside a database URL, or None."""
    try:
        return make_url(url).password
    except (ArgumentError, ValueError):
        found = re.match(r"[^:/]+://[^:/@]*:([^@]+)@", url)
        return found and found[1]


def mask(text: str, url: str | None) -> str:
    """The text without the password of `url`, in whatever spelling a driver put it."""
    password = url and password_of(url)
    if not password:
        return text
    for spelling in sorted({password, quote(password, safe=""), quote(password), quote_plus(password)}, key=len, reverse=True):
        text = text.replace(spelling, MASK)
    return re.sub(r"(password\s*[=:]\s*)('[^']*'|\S+)", rf"\1{MASK}", text, flags=re.IGNORECASE)
