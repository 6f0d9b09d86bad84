"""What is set about customers at risk: defaults that hold, bands without gaps and overlaps, and every fault told at once."""

import pytest

from metrics.policies import CARE, FACTORS, Band, Policy, bands_of, checked, gaps, within
from metrics.query import QuestionError


def test_the_defaults_are_a_policy():
    policy = checked({})
    assert policy == Policy() and set(policy.weights) == set(FACTORS)
    assert (policy.bands[0].follow_up_hours, policy.bands[0].low_dimensions, policy.bands[0].fall_share, policy.coverage) == (72, 3, 0.2, 0.6)


def test_what_is_given_changes_that_alone():
    policy = checked({"weights": {"fall": 0}, "care": {"core": {"within_days": 3}}})
    assert (policy.weights["fall"], policy.weights["silence"]) == (0, 2)
    assert (policy.care["core"].within_days, policy.care["key"]) == (3, CARE["key"])


@pytest.mark.parametrize(
    ("ends", "faults"),
    [
        ([(None, None)], []),
        ([(None, 90), (90, None)], []),
        ([(90, None), (None, 90)], []),  # in whatever order
        ([(None, 90), (100, None)], ["none holds what lies above 90 and up to 100"]),
        ([(None, 90), (80, None)], ["two of them hold what lies above 80"]),
        ([(None, None), (80, None)], ["two of them hold what lies above 80"]),
        ([(None, 5), (None, None)], ["two of them hold what lies above nothing"]),
        ([(10, 90), (90, None)], ["nothing up to 10"]),
        ([(None, 90)], ["nothing above 90"]),
        ([(None, 90), (90, 90), (90, None)], ["(90, 90] holds nothing"]),
        ([], ["there are none"]),
    ],
)
def test_bands_cover_everything_once(ends, faults):
    found = gaps(ends, "bands", "days")
    assert len(found) == len(faults) and all(said in fault for said, fault in zip(faults, found, strict=True))


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"), [(90, None, 90, True), (90, 90, None, False), (91, 90, None, True), (None, 90, None, True), (None, None, 90, False)]
)
def test_an_edge_belongs_to_the_band_whose_top_it_is(value, low, high, expected):
    assert within(value, low, high) == expected


def test_a_grade_has_its_own_bands_or_those_of_every_grade():
    policy = checked({"bands": [{}, {"grade": "core", "until_days": 30}, {"grade": "core", "after_days": 30}]})
    assert [band.until_days for band in bands_of(policy, "core")] == [30, None]
    assert bands_of(policy, "key") == bands_of(policy, None) == (Band(),)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bands": [{"until_days": 90}, {"after_days": 100}]}, "bands of every grade: none holds what lies above 90 and up to 100 days"),
        ({"bands": [{}, {"grade": "core", "after_days": 9}]}, "bands of grade 'core': nothing up to 9 days"),
        ({"levels": [{"name": "low", "upto": 40}, {"name": "high", "above": 60}]}, "levels of the score: none holds what lies above 40 and up to 60 points"),
        ({"weights": {"mood": 1}}, "'mood' is no factor; there are follow_up, complaint"),
        ({"weights": dict.fromkeys(FACTORS, 0)}, "all of them are 0"),
        ({"bands": [{"renewal_day": 5}]}, "metrics.risk.bands.0.renewal_day: Extra inputs"),
        ({"bands": [{"renewal_days": 0}]}, "metrics.risk.bands.0.renewal_days: Input should be greater"),
        ({"plays": [{"name": "x", "kinds": ["weather"]}]}, "metrics.risk.plays.0.kinds.0: Input should be 'follow_up'"),
        ({"plays": [{"name": "x", "kinds": ["fall"], "says": {"en": "Do"}}]}, "metrics.risk.plays.0.says.zh: Field required"),
        ({"care": {"core": {"within_days": 1, "who": "nobody"}}}, "metrics.risk.care.core.who"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(given, said):
    with pytest.raises(QuestionError) as refusal:
        checked(given)
    assert said in str(refusal.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(QuestionError) as refusal:
        checked({"bands": [{"until_days": 90}, {"after_days": 80}], "weights": {"mood": 1}})
    assert "two of them hold" in str(refusal.value) and "'mood'" in str(refusal.value)
