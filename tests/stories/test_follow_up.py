"""Customers who were not followed up in time leave more often where that was planted, and do not where it was not."""

import re

import pytest

from connectors.demo import write
from tests.commands import show, sync

TABLES = ("owners", "customers", "interactions")  # all that the comparison needs
ASKED = ("follow_up_churn", "--from", "2023-11-01", "--to", "2026-11-01")


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """The data directory of the same company without the effect; only the tables that are needed."""
    folder, data = tmp_path_factory.mktemp("quiet"), tmp_path_factory.mktemp("quiet_data")
    write(folder, until="2026-10", untold=("no_follow_up",))
    first, *parts = re.split(r"(?m)^(?=\[sources\.)", (folder / "sources.toml").read_text("utf-8"))
    kept = [part for part in parts if part.startswith("[sources.crm]") or part.startswith(tuple(f"[sources.crm.tables.{name}" for name in TABLES))]
    (folder / "sources.toml").write_text("".join([first, *kept]), "utf-8")
    sync(folder / "sources.toml", data)
    return data


def adjusted(data) -> tuple[float, float, float]:
    """Missed to followed, with 95 % limits, after weighting."""
    answer = show(data, *ASKED)
    return tuple(answer["notes"]["adjusted"]["ratio"])


def test_the_planted_effect_is_found(demo_data, truth):
    """A hazard 2.2 times as high for the first months: the limits of the ratio of risks hold it and leave out 1."""
    _, low, high = adjusted(demo_data)
    assert 1 < low < truth["stories"]["no_follow_up"]["size"]["hazard_ratio"] < high


def test_without_it_the_comparison_stays_quiet(quiet):
    _, low, high = adjusted(quiet)
    assert low < 1 < high
