"""The next best action: which play answers the flags, for whom it is meant, and by when."""

import pytest

from metrics.plays import next_action
from metrics.policies import KINDS, checked

DEFAULT = checked({})


@pytest.mark.parametrize(
    ("points", "grade", "tenure", "play", "kind"),
    [
        ({"silence": 30, "complaint": 10}, "key", 500, "solve_complaint", "complaint"),  # what stops a loss at once comes first
        ({"silence": 30, "fall": 40}, "core", 500, "executive_visit", "fall"),  # of two that a play answers, the dearer
        ({"silence": 30, "fall": 30}, "core", 500, "executive_visit", "fall"),  # equally dear: as the play names them
        ({"silence": 30, "fall": 40}, "key", 500, "train_users", "fall"),
        ({"silence": 30}, "key", 180, "onboard_again", "silence"),  # the edge belongs to the young
        ({"silence": 30}, "key", 181, "recall_offer", "silence"),
        ({"silence": 30}, None, None, "recall_offer", "silence"),  # nobody knows since when: for long
        ({"silence": None, "detractor": None}, "", 500, "close_loop", "detractor"),  # a score that is withheld costs nothing known
    ],
)
def test_the_play_that_fits_first(points, grade, tenure, play, kind):
    found = next_action(points, grade, tenure, DEFAULT)
    assert (found.play.name, found.kind) == (play, kind)


@pytest.mark.parametrize(
    ("grade", "days", "who", "how"),
    [("core", 1, "sponsor", "visit"), ("potential", 10, "owner", "message"), (None, 5, "owner", "call"), ("gold", 5, "owner", "call")],
)
def test_a_grade_says_by_whom_how_and_when(grade, days, who, how):
    found = next_action({"complaint": 1}, grade, 1, DEFAULT)
    assert (found.within_days, found.who, found.how) == (days, who, how)


@pytest.mark.parametrize("kind", KINDS)
def test_every_flag_has_an_action_by_default(kind):
    assert next_action({kind: 1}, "ordinary", 900, DEFAULT).kind == kind


def test_a_company_with_plays_of_its_own():
    policy = checked({"plays": [{"name": "lunch", "kinds": ["silence"], "says": {"en": "Go for lunch", "zh": "共进午餐"}}]})
    assert next_action({"silence": 1, "complaint": 9}, "core", 9, policy).play.says.zh == "共进午餐"
    assert next_action({"complaint": 9}, "core", 9, policy) is None
