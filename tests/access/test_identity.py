"""What to make of a cookie's claims."""

import datetime as dt

import pytest

from access.identity import Person, Refusal, judged

NOW = dt.datetime(2026, 11, 27, 12, 0, tzinfo=dt.UTC)
SIGNED_IN = int((NOW - dt.timedelta(hours=1)).timestamp())
GOOD = {"is_logged_in": True, "aud": "rapport", "iat": SIGNED_IN, "email": "Ann@Example.com ", "email_verified": True, "groups": ["b", "a", "a"]}


def judge(hours=12, names=None, known=("rapport",), **changes):
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return judged(claims, set(known), names or {}, hours, NOW)


def test_a_person_is_known_by_the_confirmed_address_in_lower_case():
    assert judge() == Person("ann@example.com", ("a", "b"), NOW - dt.timedelta(hours=1))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"is_logged_in": False}, Refusal.ABSENT),
        ({"is_logged_in": ...}, Refusal.ABSENT),
        ({"aud": "other"}, Refusal.AUDIENCE),
        ({"aud": ...}, Refusal.AUDIENCE),
        ({"aud": []}, Refusal.AUDIENCE),
        ({"iat": int((NOW - dt.timedelta(hours=12, seconds=1)).timestamp())}, Refusal.EXPIRED),
        ({"iat": ...}, Refusal.EXPIRED),
        ({"iat": "yesterday"}, Refusal.EXPIRED),
        ({"iat": True}, Refusal.EXPIRED),
        ({"iat": int((NOW + dt.timedelta(minutes=6)).timestamp())}, Refusal.EXPIRED),  # from the future: a clock that cannot be trusted
        ({"auth_time": int((NOW - dt.timedelta(days=2)).timestamp())}, Refusal.EXPIRED),  # an old session at the provider, whatever it issued today
        ({"email": ...}, Refusal.NAMELESS),
        ({"email": "  "}, Refusal.NAMELESS),
        ({"email": ["ann@example.com"]}, Refusal.NAMELESS),
        ({"email_verified": False}, Refusal.NAMELESS),
    ],
)  # fmt: skip
def test_who_is_refused_and_why(changes, why):
    assert judge(**changes) is why


@pytest.mark.parametrize(
    "changes", [{"aud": ["rapport", "more"]}, {"email_verified": ...}, {"iat": int(NOW.timestamp()) + 200}, {"groups": "a"}, {"groups": ...}]
)
def test_what_providers_may_differ_in(changes):
    assert isinstance(judge(**changes), Person)


def test_other_claims_can_hold_the_name_and_the_groups():
    found = judge(names={"user": "upn", "groups": "roles"}, upn="bo@example.com", roles=["crm"])
    assert (found.user, found.groups) == ("bo@example.com", ("crm",))


def test_the_last_moment_is_still_in_time():
    assert isinstance(judge(hours=1), Person)
    assert judge(hours=0.99) is Refusal.EXPIRED
