"""`python -m records`: exit codes, what is said, and that no password is."""

import pytest

from records import __main__ as commands
from records import database, rules, schema
from records.models import Rule
from tests.records.conftest import NOW
from tests.records.filled import everything, filled


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch):
    for name in ("RAPPORT_DATA", "RAPPORT_RECORDS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def said(capsys):
    """said("upgrade", "--data", "x") → (exit code, what was printed)."""

    def run(*arguments) -> tuple[int, str]:
        try:
            code = commands.main([str(argument) for argument in arguments])
        except SystemExit as exit:  # argparse
            code = exit.code
        return code, "".join(capsys.readouterr())

    return run


def grant(data):
    rules.grant(database.opened(data), Rule(subject_kind="user", subject="ann@x.org", role="sales", reach="own"), "x", NOW)


def test_the_way_from_one_data_directory_to_another(said, tmp_path):
    old, new, file = tmp_path / "old", tmp_path / "deep" / "new", tmp_path / "records.zip"
    assert said("upgrade", "--data", old)[0] == 0
    assert said("upgrade", "--data", old) == (0, f"sqlite:///{old}/records.sqlite is at {database.head()}, as before\n")
    grant(old)
    code, text = said("backup", file, "--data", old)
    assert code == 0 and f"1 rows of {len(schema.tables(database.head()))} tables" in text and database.head() in text
    assert said("restore", file, "--data", new)[0] == 0
    assert [rule.subject for rule in rules.rules(database.connect(new))] == ["ann@x.org"]
    code, text = said("restore", file, "--data", new)
    assert code == 1 and "1 in access_rules" in text and "--replace" in text
    assert said("restore", file, "--data", new, "--replace")[0] == 0


def test_the_environment_gives_the_defaults(said, tmp_path, monkeypatch):
    monkeypatch.setenv("RAPPORT_DATA", str(tmp_path / "a"))
    assert said("upgrade")[0] == 0 and (tmp_path / "a" / database.FILE).exists()
    monkeypatch.setenv("RAPPORT_RECORDS", f"sqlite:///{tmp_path}/b.sqlite")
    assert said("upgrade")[0] == 0 and (tmp_path / "b.sqlite").exists()


def test_downgrading_gives_up_no_rows_unasked(said, tmp_path):
    assert said("downgrade", "0001", "--data", tmp_path)[0] == 1
    grant(tmp_path)
    code, text = said("downgrade", "0001", "--data", tmp_path)
    assert code == 1 and "1 in access_rules" in text and "--lose-rows" in text
    assert len(rules.rules(database.connect(tmp_path))) == 1
    assert said("downgrade", "0001", "--data", tmp_path, "--lose-rows") == (0, "the records are at 0001\n")
    assert said("upgrade", "--data", tmp_path) == (0, f"sqlite:///{tmp_path}/records.sqlite is at {database.head()}; it was 0001\n")
    assert rules.rules(database.connect(tmp_path)) == []


def test_downgrading_keeps_what_the_older_schema_has(said, tmp_path):
    engine = filled(database.connect(tmp_path), "0001")
    before = everything(engine, "0001")
    database.migrate(engine)
    assert said("downgrade", "0001", "--data", tmp_path)[0] == 0 and everything(engine, "0001") == before


def test_a_revision_that_does_not_exist(said, tmp_path):
    said("upgrade", "--data", tmp_path)
    code, text = said("downgrade", "0000", "--data", tmp_path)
    assert code == 1 and "no revision '0000'" in text and ", ".join(database.known()) in text


@pytest.mark.parametrize("arguments", [(), ("upgrade",), ("backup", "--data", "x"), ("downgrade", "--data", "x"), ("delete", "--data", "x")])
def test_misuse(said, arguments):
    code, text = said(*arguments)
    assert code == 2 and "usage:" in text


def test_where_there_is_nothing_nothing_is_made(said, tmp_path):
    for command in (("backup", tmp_path / "x.zip"), ("downgrade", "0001")):
        code, text = said(*command, "--data", tmp_path / "none")
        assert code == 1 and "does not exist" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "code"),
    [("postgresql://ann:geheim@127.0.0.1:1/x", 1), ("nosuch://ann:geheim@h/x", 2), ("ann:geheim@h", 2), ("postgresql://ann:geheim@h:port/x", 2)],
)
def test_no_password_is_said(said, url, code):
    found, text = said("upgrade", "--url", url)
    assert found == code and text.strip() and "geheim" not in text and "Traceback" not in text


@pytest.mark.server
def test_a_server_by_url(said, place, tmp_path):
    url = place("postgresql")
    code, text = said("upgrade", "--url", url)
    assert code == 0 and "it was empty" in text and ":***@" in text
    filled_rows = everything(filled(database.connect(tmp_path, url)))
    assert said("backup", tmp_path / "s.zip", "--url", url)[0] == 0
    assert said("restore", tmp_path / "s.zip", "--data", tmp_path / "d")[0] == 0
    assert everything(database.connect(tmp_path / "d")) == filled_rows
    code, text = said("upgrade", "--url", url.replace("boss", "nobody"))
    assert code == 1 and "password authentication failed" in text and "geh" not in text


def test_a_disk_that_cannot_be_written(said, tmp_path):
    grant(tmp_path)
    code, text = said("backup", tmp_path / "no" / "such" / "folder.zip", "--data", tmp_path)
    assert code == 1 and "folder.zip" in text and "Traceback" not in text
