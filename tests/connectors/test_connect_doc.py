"""`docs/connect.md` names every key that a sources file may have, and its example is one."""

import re
from pathlib import Path

import pytest

from connectors.sources import Calendar, Reading, Source, Table, Unpivot, load

DOC = (Path(__file__).parents[2] / "docs" / "connect.md").read_text("utf-8")
OURS = {(Table, "name"), (Source, "name"), (Source, "tables"), (Calendar, "week_start"), (Calendar, "currency")}
KEYS = [(m, field.alias or name) for m in (Table, Source, Reading, Unpivot, Calendar) for name, field in m.model_fields.items() if (m, name) not in OURS]


@pytest.mark.parametrize(("model", "key"), KEYS)
def test_every_key_is_documented(model, key):
    assert re.search(rf"`{key}`|\b{key} =", DOC)


def test_the_example_is_a_sources_file(tmp_path):
    (tmp_path / "sources.toml").write_text(re.search(r"```toml\n(.*?)```", DOC, re.DOTALL)[1])
    assert set(load(tmp_path / "sources.toml", files=False).sources["shop"].tables) == {"invoices"}
