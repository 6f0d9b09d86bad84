"""From rules to what a person may act as; the command line that writes them."""

import datetime as dt

import pytest

import access.__main__ as command
from access import grants
from access.grants import Grant, NotAGrant, checked
from access.reader import reader, scope_as
from access.scope import NOTHING
from records import database, journal, rules
from tests.company import SETTINGS, company
from tests.published import publish


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The small company; Owner 1 is one@example.com in Service, as is Owner 3; Owner 1 reports to Owner 0."""
    rows = company()
    for owner, email in zip(rows["owners"], ("zero", "one", "two", "three", "four"), strict=True):
        owner |= {"email": f"{email}@example.com", "manager_id": "crm:o0" if email == "one" else None}
    return publish(tmp_path_factory.mktemp("granted") / "data", rows, SETTINGS)


@pytest.fixture
def data(published):
    engine = database.opened(published)
    for rule in rules.rules(engine):
        rules.remove(engine, rule.number, rule.version)
    grants.forget()
    return published


def run(data, *words) -> int:
    done = command.main([*words, "--data", str(data)])
    grants.forget()
    return done


def test_without_a_rule_a_person_is_nobody(data):
    assert grants.grants(data, "ann@example.com", ("crm",)) == ()
    assert reader(data, "ann@example.com") is None
    assert scope_as(data, "ann@example.com") == NOTHING


def test_without_any_records_as_well(tmp_path):
    assert grants.grants(tmp_path / "nothing", "ann@example.com") == ()
    assert not (tmp_path / "nothing").exists()


def test_a_rule_by_name_comes_before_those_of_groups(data):
    assert run(data, "grant", "crm-a", "auditor", "all", "--group") == 0
    assert run(data, "grant", "crm-b", "sales", "own", "--group") == 0
    both = (Grant("auditor", "all", through="crm-a"), Grant("sales", "own", through="crm-b"))
    assert grants.grants(data, "ann@example.com", ("crm-b", "crm-a", "unknown")) == both
    assert run(data, "grant", "Ann@Example.com", "sales", "segment", "--where", "region=North", "region=East") == 0
    assert grants.grants(data, "ann@example.com", ("crm-a",)) == (Grant("sales", "segment", "region", ("East", "North")),)


def test_a_denial_by_name_outweighs_every_group(data):
    run(data, "grant", "crm-a", "auditor", "all", "--group")
    run(data, "deny", "ann@example.com")
    assert grants.grants(data, "ann@example.com", ("crm-a",)) == ()
    run(data, "remove", "ann@example.com")
    assert len(grants.grants(data, "ann@example.com", ("crm-a",))) == 1


def test_a_role_nobody_knows_gives_nothing(data):
    """A newer program may write roles that this one does not have."""
    rule = rules.Rule(subject_kind="user", subject="ann@example.com", role="wizard", reach="all", column=None, values=[])
    rules.grant(database.opened(data), rule, "test", dt.datetime.now(dt.UTC))
    assert grants.grants(data, "ann@example.com") == ()


def test_the_first_grant_acts_unless_another_of_ones_own_is_chosen(data):
    run(data, "grant", "crm-a", "auditor", "all", "--group")
    run(data, "grant", "crm-b", "sales", "own", "--group")
    groups = ("crm-a", "crm-b")
    assert reader(data, "one@example.com", groups).role.name == "auditor"
    assert reader(data, "one@example.com", groups, Grant("sales", "own", through="crm-b")).scope.rules == (("owner_id", ("crm:o1",)),)
    assert reader(data, "one@example.com", groups, Grant("administrator", "all")).role.name == "auditor", "not one's own"


def test_the_reach_is_read_from_the_newest_snapshot(data):
    run(data, "grant", "three@example.com", "sales", "department")
    run(data, "grant", "zero@example.com", "sales", "department")
    assert dict(scope_as(data, "three@example.com").rules)["owner_id"] == ("crm:o1", "crm:o3")
    assert dict(scope_as(data, "zero@example.com").rules)["owner_id"] == ("crm:o0", "crm:o1", "crm:o2", "crm:o4")  # Sales, and One who reports to Zero


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("king", "all"), "no role 'king'"),
        (("sales", "everyone"), "no reach 'everyone'"),
        (("sales", "segment"), "needs a column"),
        (("sales", "segment", "name", ("x",)), "needs a column"),
        (("sales", "segment", "region", (" ",)), "at least one of its values"),
        (("sales", "own", "region", ("North",)), "takes no column"),
    ],
)
def test_what_cannot_be_a_grant(given, said):
    with pytest.raises(NotAGrant, match=said):
        checked(*given)


def test_the_command_line_lists_refuses_and_notes(data, capsys):
    assert run(data, "list") == 0
    assert "whoever signs in sees nothing" in capsys.readouterr().out
    assert run(data, "grant", "ann@example.com", "sales", "segment") == 1
    assert "needs a column" in capsys.readouterr().err
    assert run(data, "remove", "ann@example.com") == 1
    assert "no rule for ann@example.com" in capsys.readouterr().err
    run(data, "grant", "ann@example.com", "sales", "own")
    run(data, "grant", "ann@example.com", "sales", "department")
    run(data, "list")
    assert "sales, department" in capsys.readouterr().out
    newest = journal.entries(database.opened(data), most=2)
    assert [(entry.action, entry.object, entry.detail["reach"]) for entry in newest] == [
        ("rule_changed", "ann@example.com", "department"), ("rule_added", "ann@example.com", "own"),
    ]  # fmt: skip


@pytest.mark.parametrize("words", [("grant", "a@b.c", "king", "all"), ("grant", "a@b.c", "sales"), ("fly",)])
def test_misuse_is_2(data, words):
    with pytest.raises(SystemExit) as ended:
        run(data, *words)
    assert ended.value.code == 2
