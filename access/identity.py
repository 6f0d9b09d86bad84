"""Who is asking, as the sign-in provider says it: the claims of the signed cookie, checked anew at every look.

Streamlit keeps the cookie for thirty days with the claims of the moment of signing in. So its age is checked here, against
the setting `session_hours`, and its audience against the configured client; roles are looked up elsewhere (access.grants)
and never taken from it, except for the names of groups, which are as old as the sign-in.

In `.streamlit/secrets.toml`, `[auth]` is Streamlit's own; `[access]` may say which claims to read: `user = "email"`,
`groups = "groups"`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import streamlit as st
from streamlit.auth_util import get_origin_from_redirect_uri, get_secrets_auth_section
from streamlit.runtime.secrets import secrets_singleton

USER, GROUPS = "email", "groups"  # claims read where `[access]` names no others
SKEW = dt.timedelta(minutes=5)  # by which the provider's clock may be ahead of ours


class Refusal(StrEnum):
    """Why a cookie is not accepted; keys of locales/access.toml."""

    ABSENT = "absent"
    EXPIRED = "expired"
    AUDIENCE = "audience"
    NAMELESS = "nameless"
    NO_ROLE = "no_role"


@dataclass(frozen=True)
class Person:
    """Who signed in. user: lower-case e-mail. signed_in_at: when the provider said so."""

    user: str
    groups: tuple[str, ...]
    signed_in_at: dt.datetime


@cache
def is_configured() -> bool:
    """Whether readers have to sign in on this server. Settled once: a secrets file that vanishes later opens nothing."""
    return bool(get_secrets_auth_section())


def origin() -> str:
    """The address under which readers come, from `redirect_uri`: "https://rapport.example.com". Empty without sign-in."""
    return get_origin_from_redirect_uri() or ""


def clients() -> set[str]:
    """The client ids under which this server is known to its providers."""
    auth = get_secrets_auth_section()
    named = [auth, *(section for section in auth.values() if isinstance(section, Mapping))]
    return {str(section["client_id"]) for section in named if "client_id" in section}


def providers() -> tuple[str | None, ...]:
    """Names of the sections `[auth.NAME]`; (None,) where `[auth]` itself is the only provider."""
    auth = get_secrets_auth_section()
    return tuple(name for name, section in auth.items() if isinstance(section, Mapping) and "client_id" in section) or (None,)


def person(hours: float, now: dt.datetime | None = None) -> Person | Refusal:
    """Who this session belongs to. hours: how long a sign-in is good for."""
    return judged(st.user.to_dict(), clients(), _claims(), hours, now or dt.datetime.now(dt.UTC))


def judged(claims: Mapping, known: set[str], names: Mapping[str, str], hours: float, now: dt.datetime) -> Person | Refusal:
    """What to make of a cookie's claims. known: client ids; names: which claims hold the user and the groups."""
    if not claims.get("is_logged_in"):
        return Refusal.ABSENT
    if not known & set(_listed(claims.get("aud"))):
        return Refusal.AUDIENCE
    signed_in_at = _instant(claims.get("auth_time")) or _instant(claims.get("iat"))
    if signed_in_at is None or not -SKEW <= now - signed_in_at <= dt.timedelta(hours=hours):
        return Refusal.EXPIRED
    user = claims.get(names.get("user", USER))
    if not isinstance(user, str) or not user.strip() or claims.get("email_verified") is False:
        return Refusal.NAMELESS
    return Person(user.strip().lower(), tuple(sorted(set(_listed(claims.get(names.get("groups", GROUPS)))))), signed_in_at)


def _claims() -> Mapping[str, str]:
    return secrets_singleton.get("access", {}) if secrets_singleton.load_if_toml_exists() else {}


def _listed(value) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(one) for one in value] if isinstance(value, Sequence) else []


def _instant(value) -> dt.datetime | None:
    is_time = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e11
    return dt.datetime.fromtimestamp(value, dt.UTC) if is_time else None
