"""Where the reader is in a survey: to and from the URL, and the way back up."""

import pytest

from ui.level import ALL, Level, as_params, parse

DIMENSIONS, COLUMNS, WAVES = ["nps", "delivery"], ["region", "touchpoint"], ["2026Q1", "2026Q2"]


def read(**params) -> tuple[Level, bool]:
    listed = {name.rstrip("_"): [value] if isinstance(value, str) else value for name, value in params.items()}
    return parse(listed, DIMENSIONS, COLUMNS, WAVES, "nps")


DEEP = Level("delivery", "q2", (("region", "South: east"), ("touchpoint", None)), "crm:1", "2026Q1", None, True)


LEVELS = [
    Level("nps"), Level("delivery", measure="low_share"), Level("nps", wave=ALL), Level("nps").into(),
    Level("delivery", wave="2026Q2").into(question="q2"), DEEP,
]  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
def test_a_copied_link_opens_the_same_level(level):
    assert parse(_listed(as_params(level, "nps")), DIMENSIONS, COLUMNS, WAVES, "nps") == (level, False)


def _listed(params) -> dict:
    return {name: [value] if isinstance(value, str) else value for name, value in params.items()}


def test_what_is_usual_is_not_in_the_url():
    assert as_params(Level("nps"), "nps") == {}
    assert as_params(Level("delivery"), "nps") == {"about": "delivery"} and as_params(Level("nps").into(), "nps") == {"dimension": "nps"}


@pytest.mark.parametrize(
    ("params", "level", "is_odd"),
    [
        ({}, Level("nps"), False),
        ({"about": "DELIVERY"}, Level("delivery"), False),
        ({"about": "gone"}, Level("nps"), True),
        ({"dimension": "gone"}, Level("nps"), True),
        ({"wave": "2019Q1"}, Level("nps"), True),
        ({"measure": "median"}, Level("nps"), True),
        ({"in_": ["region:South"]}, Level("nps", segment=(("region", "South"),), is_open=True), False),  # a segment opens its level by itself
        ({"dimension": "nps", "in_": ["ticket:7", "region:South"]}, Level("nps", segment=(("region", "South"),), is_open=True), True),
        ({"account": "crm:1"}, Level("nps"), False),  # nobody is opened without a place to come from
    ],
)
def test_what_cannot_be_meant_is_left_out_and_said(params, level, is_odd):
    assert read(**params) == (level, is_odd)


def test_the_way_up_has_a_step_per_part():
    kinds = [kind for kind, _ in DEEP.path()]
    assert kinds == ["areas", "dimension", "question", "segment", "segment", "account"]
    assert DEEP.path()[-1][1] == DEEP and DEEP.path()[3][1].segment == (("region", "South: east"),) and DEEP.path()[3][1].account is None
    assert not DEEP.path()[0][1].is_open and DEEP.path()[0][1].wave == "2026Q1"


def test_a_level_as_filters_and_as_an_option():
    assert DEEP.where == {"region": "South: east", "touchpoint": None, "wave": "2026Q1"}
    assert DEEP.as_option == "region=South%3A+east&touchpoint="
    assert Level("nps", wave=ALL).where == {} and Level("nps").as_option is None


def test_going_within_replaces_a_columns_value_and_leaves_the_account():
    assert DEEP.within({"touchpoint": "hotline"}).segment == (("region", "South: east"), ("touchpoint", "hotline"))
    assert DEEP.within({"touchpoint": "hotline"}).account is None
