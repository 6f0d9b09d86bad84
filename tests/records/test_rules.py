"""Rules: what is stored of them, in which order they are read, and what happens when two people edit one."""

import pytest

from records import rules
from records.database import RecordsError
from records.editing import Conflict
from records.models import Rule
from tests.records.conftest import NOW


def given(subject="ann@x.org", kind="user", role="sales", reach="own", **further):
    return Rule(subject_kind=kind, subject=subject, role=role, reach=reach, **further)


def grant(engine, *args, **further):
    return rules.grant(engine, given(*args, **further), "boss@x.org", NOW)


def test_a_rule_is_kept_as_it_was_given_with_who_made_it(engine):
    grant(engine, " Ann@X.org ", role="sales", reach="segment", column="region", values=["South", "North", "South"])
    (rule,) = rules.rules(engine)
    assert (rule.subject, rule.role, rule.reach, rule.column, rule.values) == ("ann@x.org", "sales", "segment", "region", ["North", "South"])
    assert (rule.created_at, rule.changed_at, rule.changed_by, rule.version) == (NOW, NOW, "boss@x.org", 1)


def test_a_persons_own_rule_comes_first_then_groups_in_order_of_name(engine):
    for subject, kind in (("b", "group"), ("a", "group"), ("ann@x.org", "user"), ("other", "group")):
        grant(engine, subject, kind)
    assert [r.subject for r in rules.rules_for(engine, "ANN@x.org", ["b", "a", "Other"])] == ["ann@x.org", "a", "b"]
    assert rules.rules_for(engine, "bob@x.org", []) == []


def test_a_group_named_like_a_person_is_another_subject(engine):
    grant(engine, "ann@x.org", "group", role="auditor")
    assert rules.rules_for(engine, "ann@x.org", []) == []
    assert [r.role for r in rules.rules_for(engine, "x@x.org", ["ann@x.org"])] == ["auditor"]


def test_only_a_segment_keeps_its_column(engine):
    assert (grant(engine, reach="all", column="region", values=["North"]).column, rules.rules(engine)[0].values) == (None, [])


def test_a_role_of_none_denies(engine):
    grant(engine, role=None, reach="own")
    assert rules.rules(engine)[0].role is None


def test_where_nothing_was_ever_made_there_are_no_rules(bare):
    assert rules.rules(bare) == [] and rules.rules_for(bare, "ann@x.org", ["a"]) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "robot"}, "one of user, group, not 'robot'"), ({"subject": " "}, "needs the e-mail"), ({"subject": "ann"}, "'ann' is no e-mail"),
        ({"reach": "world"}, "one of own, department, segment, all, not 'world'"), ({"reach": "segment", "column": "region"}, "at least one value"),
        ({"reach": "segment", "values": ["North"]}, "needs a column"),
    ],
)  # fmt: skip
def test_an_impossible_rule_is_refused_in_words(engine, wrong, said):
    with pytest.raises(RecordsError, match=said):
        grant(engine, **wrong)
    assert rules.rules(engine) == []


def test_all_faults_are_told_at_once(engine):
    with pytest.raises(RecordsError, match=r"robot.*world"):
        grant(engine, kind="robot", reach="world")


def test_a_second_rule_for_one_subject_is_a_conflict_that_shows_the_first(engine):
    grant(engine, role="auditor")
    with pytest.raises(Conflict, match=r"made by boss@x.org on 2026-08-02 at 12:00 UTC") as conflict:
        rules.grant(engine, given("ANN@x.org", role="sales"), "second@x.org", NOW)
    assert conflict.value.present.role == "auditor" and [r.role for r in rules.rules(engine)] == ["auditor"]


def test_two_people_at_one_rule(engine):
    """Both have read version 1; the second is told who was faster, and what the first wrote stays."""
    number = grant(engine).number
    assert rules.change(engine, number, 1, by="first@x.org", at=NOW, role="auditor").version == 2
    with pytest.raises(Conflict, match=r"changed by first@x.org on 2026-08-02 at 12:00 UTC.*save your change again") as conflict:
        rules.change(engine, number, 1, by="second@x.org", at=NOW, reach="all")
    assert (conflict.value.by, conflict.value.at, conflict.value.present.role) == ("first@x.org", NOW, "auditor")
    assert [(r.role, r.reach, r.version) for r in rules.rules(engine)] == [("auditor", "own", 2)]
    rules.change(engine, number, conflict.value.present.version, by="second@x.org", at=NOW, reach="all")
    assert [(r.role, r.reach, r.changed_by) for r in rules.rules(engine)] == [("auditor", "all", "second@x.org")]


def test_changing_into_a_subject_that_has_a_rule_is_a_conflict(engine):
    grant(engine, "ann@x.org")
    number = grant(engine, "bob@x.org").number
    with pytest.raises(Conflict, match=r"the rule for user ann@x\.org"):
        rules.change(engine, number, 1, by="x", at=NOW, subject="Ann@x.org")
    assert [r.subject for r in rules.rules(engine)] == ["ann@x.org", "bob@x.org"]


def test_removing_what_somebody_changed_or_removed_is_a_conflict(engine):
    number = grant(engine).number
    rules.change(engine, number, 1, by="first@x.org", at=NOW, role="auditor")
    with pytest.raises(Conflict, match=r"first@x\.org"):
        rules.remove(engine, number, 1)
    rules.remove(engine, number, 2)
    assert rules.rules(engine) == []
    for call in (lambda: rules.remove(engine, number, 2), lambda: rules.change(engine, number, 2, by="x", at=NOW, role="sales")):
        with pytest.raises(Conflict, match="was removed by somebody else") as conflict:
            call()
        assert conflict.value.present is None


def test_the_number_of_a_removed_rule_is_never_given_again(engine):
    """Else somebody who still has the removed one open would overwrite the new one: same number, same version."""
    number = grant(engine).number
    rules.remove(engine, number, 1)
    assert grant(engine, "bob@x.org").number > number


def test_a_column_that_does_not_exist_is_refused(engine):
    number = grant(engine).number
    with pytest.raises(RecordsError, match="a rule has no colour"):
        rules.change(engine, number, 1, by="x", at=NOW, colour="red")
