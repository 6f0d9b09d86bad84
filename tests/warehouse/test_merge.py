"""Files are swapped whole: a change rewrites the files it lies in and no others."""

import pytest

from tests.warehouse import scripted
from tests.warehouse.scripted import Company, customer
from warehouse import merge, store


@pytest.fixture
def many(tmp_path, monkeypatch):
    """A table of three files: one per sync, none of them small."""
    monkeypatch.setattr(merge, "SMALL_ROWS", 0)
    monkeypatch.setattr(scripted, "BATCH", 100)
    c = Company(tmp_path / "data", incremental="changed", deletes="flag")
    for n in range(3):
        c.rows.extend(customer(100 * n + i, hour=1000 * n + i) for i in range(20))
        c.sync()
    return c


def files(c):
    return {f.path: f.rows for f in store.files(c.data, "customers", store.latest(c.data).tables["customers"])}


def test_a_change_rewrites_only_the_file_it_lies_in(many):
    before = files(many)
    assert list(before.values()) == [20, 20, 20]
    many.rows[45] |= {"name": "renamed", "changed": many.rows[-1]["changed"]}  # a row of the third sync
    many.sync()
    after = files(many)
    assert len(before.keys() & after.keys()) == 2 and sum(after.values()) == 60
    assert ("205", "renamed") in many.stored(columns="source_id, name")


def test_a_new_row_rewrites_nothing(many):
    before = files(many)
    many.rows.append(customer(999, hour=3000))
    many.sync()
    after = files(many)
    assert before.items() < after.items() and sum(after.values()) == 61


def test_many_small_files_are_written_together(many, monkeypatch):
    monkeypatch.setattr(merge, "SMALL_ROWS", 1000)
    monkeypatch.setattr(merge, "MANY_SMALL", 3)
    before = many.stored(columns="source_id, name, load_id")
    many.rows.append(customer(999, hour=3000))
    many.sync()
    assert list(files(many).values()) == [61]
    assert set(before) < set(many.stored(columns="source_id, name, load_id"))


def test_a_table_that_was_moved_away_is_built_anew(many):
    before = many.stored(columns="source_id, name")
    store.folder(many.data, "customers").rename(many.data / "damaged")
    assert many.sync().exit_code == 0
    assert many.stored(columns="source_id, name") == before


def test_a_table_changed_from_outside_is_not_built_upon(many):
    version = store.latest(many.data).tables["customers"]
    one, *_ = store.files(many.data, "customers", version)
    for log in (store.folder(many.data, "customers") / "_delta_log").glob("*.json"):
        log.write_text(log.read_text().replace(f'"size":{one.bytes}', f'"size":{one.bytes + 1}'))
    with pytest.raises(store.StoreError, match=r"'customers' in .* changed from outside.*Restore"):
        many.sync()
