"""Most tests of the warehouse are not about marts, and run without them; those that are ask for `with_marts`."""

import pytest

from warehouse import marts


@pytest.fixture(autouse=True)
def without_marts(request, monkeypatch):
    if "with_marts" not in request.fixturenames:
        monkeypatch.setattr(marts, "MARTS", {})


@pytest.fixture
def with_marts():
    return marts.MARTS
