"""How much a table may lose before somebody has to look."""

import pytest

from warehouse.guard import Filled, losses

FULL = Filled(100, {"region": 100})
CASES = [  # before, after, rows lost, how many sentences
    ("nothing lost", FULL, FULL, 0, 0),
    ("a fifth of the rows", FULL, Filled(80, {"region": 80}), 20, 0),
    ("more than a fifth of the rows", FULL, Filled(79, {"region": 79}), 21, 1),
    ("new rows do not make up for lost ones", FULL, Filled(150, {"region": 150}), 50, 1),
    ("a column's share falls by a fifth of itself", FULL, Filled(100, {"region": 80}), 0, 0),
    ("a column's share falls by more", FULL, Filled(100, {"region": 79}), 0, 1),
    ("half filled before, a third of that lost", Filled(100, {"region": 60}), Filled(100, {"region": 40}), 0, 1),
    ("a column with few values says nothing", Filled(100, {"region": 9}), Filled(100, {}), 0, 0),
    ("both", FULL, Filled(70, {"region": 0}), 30, 2),
    ("a first load", Filled(), FULL, 0, 0),
    ("all rows of a tiny table", Filled(2), Filled(0), 2, 1),
]


@pytest.mark.parametrize("before, after, lost, n", [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_is_too_much(before, after, lost, n):
    assert len(losses("crm.customers", before, after, lost)) == n


def test_counts_add_up():
    assert Filled(5, {"a": 3}).plus(Filled(2, {"a": 1, "b": 2})).plus(Filled(1, {"b": 1}), -1) == Filled(6, {"a": 4, "b": 1})
