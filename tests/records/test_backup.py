"""Backups: the same rows on every database, one moment, and files and programs that break in the middle."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import String, insert, text

from records import backup, database, rules, targets
from records.database import RecordsError
from records.models import Base, Instant, Rule, Target
from records.schema import tables
from tests.records.conftest import NOW
from tests.records.filled import VALUES, everything, filled

ROOT = Path(__file__).parents[2]
KNOWN_TYPES = (*VALUES, Instant)


@pytest.fixture
def empty(place, kind, tmp_path):
    """empty() → an engine on another empty database of the same kind."""
    return lambda of=None: database.connect(tmp_path, place(of or kind))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "records.zip"


def rewritten(file, **changes):
    """The archive with some of its members' contents replaced; every check sum of the zip itself is right."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()} | {name.replace("__", "."): text for name, text in changes.items()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def manifest_of(file) -> dict:
    with zipfile.ZipFile(file) as archive:
        return json.loads(archive.read(backup.MANIFEST))


def test_what_was_backed_up_is_what_is_restored(bare, empty, file):
    before = everything(filled(bare))
    manifest = backup.backup(bare, file, NOW)
    assert {name: table["rows"] for name, table in manifest["tables"].items()} == dict.fromkeys(before, 5)
    other = empty()
    assert backup.restore(other, file, NOW) == manifest == manifest_of(file)
    assert everything(other) == before


@pytest.mark.server
@pytest.mark.parametrize("kind", ["sqlite"])
def test_from_sqlite_to_postgresql_and_back(bare, empty, file):
    """And a second backup of the same rows is the same, table by table, whatever it was made from."""
    before = everything(filled(bare))
    first = backup.backup(bare, file, NOW)
    server, back = empty("postgresql"), empty("sqlite")
    backup.restore(server, file, NOW)
    assert everything(server) == before
    second = backup.backup(server, file, NOW)
    assert (first["tables"], first["made_from"], second["made_from"]) == (second["tables"], "sqlite", "postgresql")
    backup.restore(back, file, NOW)
    assert everything(back) == before


def test_every_column_has_a_type_that_a_backup_can_hold():
    assert [c for table in Base.metadata.tables.values() for c in table.columns if not isinstance(c.type, (*KNOWN_TYPES, String))] == []


def test_numbers_go_on_after_the_restored_ones(bare, empty, file):
    filled(bare)
    backup.backup(bare, file, NOW)
    other = empty()
    backup.restore(other, file, NOW)
    assert rules.grant(other, Rule(subject_kind="user", subject="new@x.org", role="sales", reach="own"), "x", NOW).number == 6
    first = next(target for target in targets.targets(other) if target.number == 2)
    assert targets.close(other, first.number, first.version, by="x", at=NOW).version == first.version + 1


def test_an_empty_table_is_restored_empty_and_counts_from_one(engine, empty, file):
    backup.backup(engine, file, NOW)
    other = empty()
    backup.restore(other, file, NOW)
    assert {len(rows) for rows in everything(other).values()} == {0}
    assert rules.grant(other, Rule(subject_kind="group", subject="g", role="sales", reach="own"), "x", NOW).number == 1


@pytest.mark.parametrize("revision", database.known())
def test_a_backup_of_every_revision_is_restored_and_moved_up(bare, empty, file, revision):
    before = everything(filled(bare, revision), revision)
    assert backup.backup(bare, file, NOW)["revision"] == revision
    other = empty()
    backup.restore(other, file, NOW)
    assert everything(other, revision) == before
    with other.connect() as connection:
        assert database.revision(connection) == database.head()


def test_a_backup_is_of_one_moment(bare, file, monkeypatch):
    """What others write while it is being taken is in none of its tables."""
    filled(bare)
    last = tables(database.head())[-1].name

    def writing_meanwhile(archive, connection, table, written=backup._written):
        done = written(archive, connection, table)
        if table.name != last:
            with bare.begin() as other:
                other.execute(text(f"delete from {last}"))
        return done

    before = everything(bare)
    monkeypatch.setattr(backup, "_written", writing_meanwhile)
    manifest = backup.backup(bare, file, NOW)
    assert manifest["tables"][last]["rows"] == len(before[last]) == 5 and everything(bare)[last] == []


def test_a_backup_that_fails_leaves_the_one_before(bare, file, monkeypatch):
    filled(bare)
    before = backup.backup(bare, file, NOW)
    assert file.stat().st_mode & 0o777 == 0o600  # it holds the access log
    monkeypatch.setattr(backup, "_digest", lambda manifest: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        backup.backup(bare, file, NOW)
    assert manifest_of(file) == before and [found.name for found in file.parent.iterdir() if "zip" in found.name] == [file.name]


def test_where_there_is_nothing_there_is_nothing_to_back_up(bare, file):
    with pytest.raises(RecordsError, match="no records here to back up"):
        backup.backup(bare, file, NOW)
    assert not file.exists()


# restoring over something


def test_a_database_with_rows_is_left_alone(bare, empty, file):
    filled(bare)
    backup.backup(bare, file, NOW)
    other = filled(empty(), rows=2)
    before = everything(other)
    with pytest.raises(RecordsError, match=r"not empty: it has rows \(.*2 in access_log.*say --replace"):
        backup.restore(other, file, NOW)
    assert everything(other) == before


def test_a_database_without_rows_may_be_filled(bare, empty, file):
    before = everything(filled(bare))
    backup.backup(bare, file, NOW)
    other = empty()
    database.migrate(other)
    backup.restore(other, file, NOW)
    assert everything(other) == before


def test_replacing_says_so_in_the_access_log(bare, empty, file):
    before = everything(filled(bare))
    manifest = backup.backup(bare, file, NOW)
    other = filled(empty(), rows=2)
    backup.restore(other, file, NOW, replace=True)
    after = everything(other)
    *log, added = after.pop("access_log")
    assert log == before.pop("access_log") and after == before
    assert (added.number, added.at, added.action) == (6, NOW, backup.REPLACED)
    assert added.detail["backup"] == manifest["digest"] and added.detail["rows_given_up"]["access_log"] == 2


def test_a_replaced_log_is_kept_by_the_database_again(bare, empty, file):
    backup.backup(filled(bare), file, NOW)
    other = filled(empty(), rows=2)
    backup.restore(other, file, NOW, replace=True)
    with pytest.raises(Exception, match="append-only"), other.begin() as connection:
        connection.execute(text("update access_log set who = 'nobody'"))


def test_a_newer_database_is_not_replaced(bare, file):
    backup.backup(filled(bare), file, NOW)
    with bare.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(RecordsError, match="'9999'"):
        backup.restore(bare, file, NOW, replace=True)
    with bare.connect() as connection:
        assert connection.execute(text("select count(*) from targets")).scalar_one() == 5


@pytest.mark.slow
def test_killed_in_the_middle_the_old_database_is_there(bare, empty, file, kind):
    backup.backup(filled(bare), file, NOW)
    other = filled(empty(), rows=2)
    before = everything(other)
    command = [sys.executable, "-m", "tests.records.crash", other.url.render_as_string(hide_password=False), str(file)]
    killed = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert everything(other) == before
    backup.restore(other, file, NOW, replace=True)
    assert len(everything(other)["targets"]) == 5


def test_a_row_that_does_not_fit_undoes_everything(bare, empty, file):
    """The digest is right and the row is not: the restore fails in the middle of its transaction."""
    backup.backup(filled(bare), file, NOW)
    manifest = manifest_of(file)
    broken = b'{"number": 1}\n'
    manifest["tables"]["targets"] = {"rows": 1, "sha256": hashlib.sha256(broken).hexdigest()}
    manifest["digest"] = backup._digest(manifest)
    rewritten(file, targets__jsonl=broken, manifest__json=json.dumps(manifest))
    other = filled(empty(), rows=2)
    before = everything(other)
    with pytest.raises(Exception, match=r"(?i)null"):
        backup.restore(other, file, NOW, replace=True)
    assert everything(other) == before


# damaged files


def cut(file):
    file.write_bytes(file.read_bytes()[:-200])


def flipped(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 0xFF
    file.write_bytes(bytes(content))


def another_row(file):
    rewritten(file, settings__jsonl=b'{"name": "session_hours", "value": 720}\n')


def a_row_less(file):
    with zipfile.ZipFile(file) as archive:
        lines = archive.read("access_log.jsonl").splitlines(keepends=True)
    rewritten(file, access_log__jsonl=b"".join(lines[:-1]))


def another_count(file):
    manifest = manifest_of(file)
    manifest["tables"]["targets"]["rows"] = 4
    rewritten(file, manifest__json=json.dumps(manifest))


def no_manifest(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "hello")


def a_list(file):
    rewritten(file, manifest__json="[1, 2]")


@pytest.mark.parametrize("damage", [cut, flipped, another_row, a_row_less, another_count, no_manifest, a_list, lambda file: file.write_text("no zip")])
@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_damaged_file_is_refused_before_anything_is_touched(bare, empty, file, damage):
    backup.backup(filled(bare), file, NOW)
    damage(file)
    other = filled(empty(), rows=2)
    before = everything(other)
    with pytest.raises(RecordsError, match=r"damaged.*take another copy|damaged.*Take another copy"):
        backup.restore(other, file, NOW, replace=True)
    assert everything(other) == before


@pytest.mark.parametrize("change", [{"revision": "9999"}, {"format": 2}])
@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_file_of_a_newer_program_is_refused(bare, empty, file, change):
    backup.backup(filled(bare), file, NOW)
    manifest = {**manifest_of(file), **change}
    rewritten(file, manifest__json=json.dumps({**manifest, "digest": backup._digest(manifest)}))
    with pytest.raises(RecordsError, match=r"made by a newer program.*upgrade this program first"):
        backup.restore(empty(), file, NOW)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_file_that_is_not_there(empty, file):
    with pytest.raises(RecordsError, match="there is no file"):
        backup.restore(empty(), file, NOW)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_many_rows_go_through_in_batches(bare, empty, file):
    """More than one batch on both ways, and the last of them is not whole."""
    n = 2 * backup.BATCH + 7
    database.migrate(bare)
    table = next(t for t in tables(database.head()) if t.name == "access_log")
    with bare.begin() as connection:
        connection.execute(insert(table), [{"number": i + 1, "at": NOW, "action": str(i), "detail": {}} for i in range(n)])
    assert backup.backup(bare, file, NOW)["tables"]["access_log"]["rows"] == n
    other = empty()
    backup.restore(other, file, NOW)
    assert [row.action for row in everything(other)["access_log"]] == [str(i) for i in range(n)]


def test_the_records_of_one_program_are_those_of_another(engine, empty, file):
    """Through the functions people use, not only row by row."""
    given = {
        "metric": "nps", "options": {}, "period": "last12", "segment": [["region", "北"]], "baseline": 12.5, "baseline_on": NOW.date(), "target": 5,
        "is_relative": False, "lower_is_better": False, "starts_on": NOW.date(), "due_on": NOW.date().replace(year=2027), "owner": "Ann", "note": "",
    }  # fmt: skip
    targets.add(engine, Target(**given), "x", NOW)
    backup.backup(engine, file, NOW)
    other = empty()
    backup.restore(other, file, NOW)
    (found,) = targets.targets(other)
    assert {name: getattr(found, name) for name in given} == given and len(targets.history(other, found.number)) == 1
