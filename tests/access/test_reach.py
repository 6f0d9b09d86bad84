"""Whose customers a grant reaches."""

import pytest

from access import reach
from access.grants import Grant
from access.reach import Owner, scope_of
from access.scope import Scope

# Chief leads Ann (Sales North) and Cem (Service); Ann leads Bo (Sales North), Bo leads Dee (Partners). Ann is known to two systems.
OWNERS = (
    Owner("crm:chief", "chief@x.com", "Board", None), Owner("crm:ann", "Ann@x.com", "Sales North", "crm:chief"),
    Owner("erp:ann", "ann@x.com ", None, None), Owner("crm:bo", "bo@x.com", "Sales North", "crm:ann"), Owner("crm:cem", "cem@x.com", "Service", "crm:chief"),
    Owner("crm:dee", None, "Partners", "crm:bo"), Owner("crm:eve", "eve@x.com", "Sales North", None),
)  # fmt: skip


def ids(reach: str, user: str | None, owners=OWNERS) -> set[str]:
    scope = scope_of(Grant("sales", reach), user, owners)
    assert not scope.is_full
    return set(dict(scope.rules).get("owner_id", ()))


@pytest.mark.parametrize(
    ("reach", "user", "expected"),
    [
        ("own", "bo@x.com", {"crm:bo"}),
        ("own", "ANN@x.com", {"crm:ann", "erp:ann"}),  # one person, two systems
        ("own", "nobody@x.com", set()),
        ("own", None, set()),
        ("department", "eve@x.com", {"crm:eve", "crm:ann", "crm:bo"}),  # no one reports to Eve: her department alone
        ("department", "bo@x.com", {"crm:bo", "crm:ann", "crm:eve", "crm:dee"}),  # and Dee, who reports to Bo from elsewhere
        ("department", "cem@x.com", {"crm:cem"}),
        ("department", "chief@x.com", {"crm:chief", "crm:ann", "crm:bo", "crm:cem", "crm:dee"}),  # Eve reports to nobody
        ("department", "nobody@x.com", set()),
    ],
)
def test_whose_accounts(reach, user, expected):
    assert ids(reach, user) == expected


def test_a_circle_of_managers_ends():
    circle = (Owner("a", "a@x.com", None, "b"), Owner("b", "b@x.com", None, "a"))
    assert ids("department", "a@x.com", circle) == {"a", "b"}


def test_people_without_an_address_or_a_department_are_nobodys_colleagues():
    nameless = (Owner("a", "", None, None), Owner("b", None, None, None))
    assert ids("own", "", nameless) == set()
    assert ids("department", "", nameless) == set()


def test_who_owns_nothing_sees_nothing_rather_than_everything():
    assert scope_of(Grant("customer_success", "own"), "nobody@x.com", OWNERS) == Scope()


def test_a_segment_and_all_need_no_owners():
    assert scope_of(Grant("sales", "segment", "region", ("North", "East")), None, ()) == Scope((("region", ("North", "East")),))
    assert scope_of(Grant("administrator", "all"), None, ()) == Scope(is_full=True)


def test_a_role_brings_its_veils_whatever_it_reaches():
    assert scope_of(Grant("auditor", "all"), None, ()).veils == ("personal",)
    assert scope_of(Grant("partner", "segment", "channel", ("partner",)), None, ()).veils == ("personal", "contacts", "amounts")


def test_the_ids_under_which_a_person_owns_customers(monkeypatch, tmp_path):
    monkeypatch.setattr(reach, "owners", lambda data: OWNERS)
    assert reach.owned(tmp_path, "Ann@X.com") == {"crm:ann", "erp:ann"} and reach.owned(tmp_path, None) == reach.owned(tmp_path, "zoe@x.com") == set()
