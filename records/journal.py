"""The access log: who did what, when. Entries are added, read, and removed when they are old enough; never changed."""

from __future__ import annotations

import datetime as dt
import json
import re

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from records import settings
from records.database import RecordsError
from records.editing import is_there, read
from records.models import Entry

MOST = 1000
SHORTEST = 30  # days: no setting makes the database let go of younger entries

# Names under which secrets travel, in any spelling (apiKey, API-KEY, x_api_key), after `_words`.
SECRET = re.compile(
    r"passw|passphrase|passcode|\b(pwd|pw|jwt|otp|pin)\b|secret|token|\b(api|access|private|signing) ?key|credential|authoriz|cookie|bearer|session ?id"
    r"|密码|口令|密钥|令牌|凭证|凭据"
)
IN_A_URL = re.compile(r"(\w+://[^\s/:@]*:)[^\s/@]+(@)")


def append(engine: Engine, entry: Entry) -> None:
    """Add an entry: at, who, role, action, object, detail and snapshot; at and action are needed.

    Raises RecordsError if the detail is not plain JSON, or names something like a password: secrets have no place here.
    """
    entry.detail = _plain(entry.detail or {}, "detail")
    for name in ("who", "role", "action", "object", "snapshot"):
        setattr(entry, name, _storable(getattr(entry, name)))
    with Session(engine, expire_on_commit=False) as session, session.begin():
        session.add(entry)


def entries(
    engine: Engine,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    who: str | None = None,
    action: str | None = None,
    most: int | None = MOST,
) -> list[Entry]:
    """Entries of [since, until), of one person or one action, the newest first; at most `most` of them (None: all)."""
    filters = ((since, Entry.at.__ge__), (until, Entry.at.__lt__), (who, Entry.who.__eq__), (action, Entry.action.__eq__))
    query = select(Entry).where(*(holds(value) for value, holds in filters if value is not None))
    return read(engine, Entry, query.order_by(Entry.at.desc(), Entry.number.desc()).limit(most))


def purge(engine: Engine, now: dt.datetime) -> int:
    """Remove entries older than the setting access_log_days; returns how many. The database refuses to remove younger ones."""
    if not is_there(engine, Entry):
        return 0
    days = max(SHORTEST, settings.get(engine, "access_log_days"))
    with Session(engine) as session, session.begin():
        return session.execute(delete(Entry).where(Entry.at < now - dt.timedelta(days=days))).rowcount


def _plain(value, where: str):
    """The value as it will be stored. Raises RecordsError for what is not JSON and for names that look like secrets."""
    if isinstance(value, dict):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise RecordsError(f"the keys of {where} must be text, not {wrong[0]!r}.")
        if secret := [key for key in value if SECRET.search(_words(key))]:
            raise RecordsError(f"{where}.{secret[0]} looks like a secret by its name; the access log holds no passwords or tokens. Leave it out.")
        return {_storable(key): _plain(inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, f"{where}[{place}]") for place, inner in enumerate(value)]
    if isinstance(value, str):
        return _storable(value)
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        raise RecordsError(f"{where} is {value!r}, which is not plain JSON: text, numbers, true, false, null, lists and objects are.") from None


def _words(key: str) -> str:
    """apiKey, API-Key and api.key as "api key"."""
    return re.sub(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])", " ", key).lower()


def _storable(value: str | None) -> str | None:
    """Text that every database takes (no NUL, no half of a surrogate pair), without the passwords of URLs in it."""
    if value is None:
        return None
    return IN_A_URL.sub(r"\1***\2", value.replace("\0", "\ufffd").encode("utf-8", "replace").decode())
