"""The schema: the models say what the migrations make, up and down from every released revision, with rows in place."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import JSON, inspect, text

from records import database
from records.models import Base
from records.schema import counts, tables
from tests.records.filled import everything, fill, filled

REVISIONS = database.known()


def test_the_migrations_make_exactly_what_the_models_say(engine):
    """What `alembic check` looks at: tables, columns, types, nullability, indices and unique constraints."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_the_comparison_would_notice(engine):
    with engine.begin() as connection:
        connection.execute(text("alter table targets add column colour integer"))
        connection.execute(text("drop index access_log_at"))
        found = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert {change[0] for change in found} == {"remove_column", "add_index"}


@pytest.mark.parametrize("revision", REVISIONS)
def test_up_from_every_revision_and_down_again_with_rows_in_place(bare, revision):
    filled(bare, revision)
    before = everything(bare, revision)
    assert all(len(rows) == 5 for rows in before.values())
    database.migrate(bare)
    assert everything(bare, revision) == before
    with bare.begin() as connection:
        database.downgrade(connection, revision)
    assert everything(bare, revision) == before
    with bare.connect() as connection:
        assert (database.revision(connection), list(counts(connection))) == (revision, [table.name for table in tables(revision)])


def test_down_to_nothing_and_up_again(engine):
    filled(engine)
    with engine.begin() as connection:
        database.downgrade(connection, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"] and counts(connection) == {}
    filled(engine)
    assert {name: len(rows) for name, rows in everything(engine).items()} == {table.name: 5 for table in tables(database.head())}


def test_a_migration_that_fails_leaves_nothing_behind(bare):
    """On SQLite as well, whose driver would not by itself put CREATE TABLE into a transaction."""
    filled(bare, "0001")
    before = everything(bare, "0001")
    with bare.begin() as connection:
        connection.execute(text("create table target_changes (number integer)"))  # stands in the way of the last table of 0002
    with pytest.raises(Exception, match="target_changes"):
        database.migrate(bare)
    with bare.begin() as connection:
        assert database.revision(connection) == "0001"
        assert "access_rules" not in inspect(connection).get_table_names()
        connection.execute(text("drop table target_changes"))
    database.migrate(bare)
    assert everything(bare, "0001") == before


def test_two_programs_that_start_at_once_migrate_once(bare):
    failed, ready = [], threading.Barrier(4)

    def start():
        ready.wait()
        try:
            database.migrate(bare)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    filled_tables = {table.name for table in tables(database.head())}
    assert filled_tables <= set(inspect(bare).get_table_names())


def test_a_database_beyond_this_program_is_refused_in_both_directions(engine):
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(database.RecordsError, match=r"'9999'.*newer version"):
        database.migrate(engine)
    with pytest.raises(database.RecordsError, match=r"'9999'.*newer version"), engine.begin() as connection:
        database.downgrade(connection, "0001")


def test_json_columns_are_never_null():
    """A JSON null and no value at all look the same in a backup; a column that may have either could not be restored."""
    assert [c for table in Base.metadata.tables.values() for c in table.columns if isinstance(c.type, JSON) and c.nullable] == []


def test_filling_fills(engine):
    with engine.begin() as connection:
        fill(connection, database.head(), rows=2)
        assert set(counts(connection).values()) == {2}
