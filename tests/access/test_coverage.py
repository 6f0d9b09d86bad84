"""Who may be told something about a whole segment."""

import pytest

from access.coverage import covers
from access.scope import FULL, NOTHING, Scope

NORTH = Scope((("region", ("North",)),))
BOTH = Scope((("region", ("North", "South")),))
OWN_NORTH = Scope((("region", ("North",)), ("owner_id", ("crm:1",))))


@pytest.mark.parametrize(
    ("scope", "segment", "told"),
    [
        (FULL, [], True),
        (FULL, [("region", "North")], True),
        (Scope(is_full=True, veils=("personal",)), [], True),
        (NOTHING, [], False),
        (NOTHING, [("region", "North")], False),
        (NORTH, [], False),  # the whole company
        (NORTH, [("region", "North")], True),
        (NORTH, [("region", "South")], False),
        (NORTH, [("region", "North"), ("region", "South")], False),  # either of them: the south is foreign
        (NORTH, [("region", "")], False),  # customers without a region
        (NORTH, [("region", "North"), ("grade", "core")], True),  # a part of one's own
        (NORTH, [("grade", "core")], False),
        (BOTH, [("region", "North")], True),
        (BOTH, [("region", "North"), ("region", "South")], True),
        (OWN_NORTH, [("region", "North")], False),  # others have customers in the north as well
        (OWN_NORTH, [("owner_id", "crm:1")], False),
        (OWN_NORTH, [("owner_id", "crm:1"), ("region", "North")], True),
    ],
)
def test_a_total_is_told_to_who_sees_all_of_its_rows(scope, segment, told):
    assert covers(scope, segment) == told
