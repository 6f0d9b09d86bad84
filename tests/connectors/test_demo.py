"""The demo company: the same seed gives the same company, its databases hold together, and its sources file is valid."""

import json
import sqlite3

import pytest

from connectors.demo import write
from connectors.demo.__main__ import main
from connectors.sources import load
from warehouse.contract import ENTITIES

UNTIL = "2026-10"
OLDER = ("signed_time", "begin_date", "rate_date")  # customers, contracts and rates from before the systems' first month


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    write(out, until=UNTIL, scale=0.05)
    return out


def rows(path):
    """Every row of every table of a database."""
    with sqlite3.connect(path) as database:
        names = [name for (name,) in database.execute("select name from sqlite_master where type = 'table' order by name")]
        return {name: database.execute(f"select * from {name}").fetchall() for name in names}


def test_same_seed_and_month_give_the_same_company(folder, tmp_path):
    write(tmp_path, until=UNTIL, scale=0.05)
    assert rows(tmp_path / "crm.sqlite") == rows(folder / "crm.sqlite")
    assert rows(tmp_path / "erp.sqlite") == rows(folder / "erp.sqlite")
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.suffix in (".csv", ".json", ".toml"))
    assert len(files) == 2 + 1 + 2 * 11  # truth and sources, the waves, and two files for each of the 11 quarters inside 2023-11 … 2026-10
    for name in files:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


@pytest.mark.parametrize("other", [{"seed": 8}, {"until": "2026-09"}])
def test_another_seed_or_month_gives_another_company(folder, tmp_path, other):
    write(tmp_path, **{"until": UNTIL, "scale": 0.05, **other})
    assert rows(tmp_path / "erp.sqlite")["ar_invoice_line"] != rows(folder / "erp.sqlite")["ar_invoice_line"]


@pytest.mark.parametrize(("system", "declared"), [("crm", 17), ("erp", 7)])  # `references` in crm.sql and erp.sql
def test_references_lead_to_rows(folder, system, declared):
    with sqlite3.connect(folder / f"{system}.sqlite") as database:
        assert database.execute("pragma foreign_key_check").fetchall() == []
        keys = "select count(*) from sqlite_master t join pragma_foreign_key_list(t.name) where t.type = 'table'"
        assert database.execute(keys).fetchone() == (declared,)


def test_the_truth_counts_the_rows(folder):
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    written = {**rows(folder / "crm.sqlite"), **rows(folder / "erp.sqlite")}
    assert {name: len(content) for name, content in written.items()} == {name: n for name, n in truth["rows"].items() if "/" not in name}
    for name in (name for name in truth["rows"] if "/" in name):
        assert len((folder / name).read_text("utf-8").splitlines()) - 1 == truth["rows"][name], name


def test_everything_happens_inside_the_months(folder):
    """Only plans reach further: service periods paid in advance, renewals, steps that are due; and agreements are older."""
    happened = {
        "crm": {"crm_activity": ("act_time", "done_time"), "crm_case": ("open_time", "respond_time", "solve_time", "plan_time"), "crm_lead": ("create_time",),
                "crm_opportunity": ("create_time", "close_time", "modified_time"), "crm_opp_stage_log": ("enter_time",), "portal_usage": ("stat_date",),
                "crm_feature_log": ("week_date",),
                "crm_account": ("signed_time", "lost_date", "modified_time")},
        "erp": {"ar_receipt": ("receive_date",), "bd_exchange_rate": ("rate_date",), "so_contract": ("begin_date",)},
    }  # fmt: skip
    for system, tables in happened.items():
        with sqlite3.connect(folder / f"{system}.sqlite") as database:
            for table, columns in tables.items():
                for column in columns:
                    first, last = database.execute(f"select min({column}), max({column}) from {table}").fetchone()
                    assert last < "2026-11-01", (table, column)
                    assert first >= "2023-11-01" or column in OLDER, (table, column)


def test_the_features_that_few_use_are_those_that_are_told(folder):
    """Of those who used the CRM in the last quarter: what fewer than three of ten used, and was there before, is in the truth; nothing else is."""
    told = json.loads((folder / "truth.json").read_text("utf-8"))["features"]
    quarter = "clicks > 0 and week_date >= '2026-07-01' and week_date < '2026-10-01'"
    ((everybody,),) = asked(folder, f"select count(distinct uid) from crm_feature_log where {quarter}")
    query = f"select feature, count(distinct case when {quarter} then uid end), min(week_date) from crm_feature_log group by feature"
    used = {feature: (users / everybody, first) for feature, users, first in asked(folder, query)}
    assert [(everybody,)] == asked(folder, "select count(*) from crm_user where enabled = 1") and len(used) == 21
    few = sorted(feature for feature, (share, first) in used.items() if share < 0.3 and first < "2026-07-01")
    assert few == told["under_used"] and "Scripted calls" in few
    assert sorted(feature for feature, (_, first) in used.items() if first >= "2026-07-01") == told["young"]
    assert all(share < 0.2 or share > 0.4 for share, _ in used.values()), "nothing lies near the threshold"


def asked(folder, query):
    with sqlite3.connect(folder / "crm.sqlite") as database:
        return database.execute(query).fetchall()


def test_the_sources_file_is_an_ordinary_one(folder):
    sources = load(folder / "sources.toml")
    assert {name: source.kind for name, source in sources.sources.items()} == {"crm": "sql", "erp": "sql", "survey": "files"}
    assert {table.entity for source in sources.sources.values() for table in source.tables.values()} == set(ENTITIES)


def test_the_full_company_is_large_enough(tmp_path):
    truth = write(tmp_path, until=UNTIL)
    assert truth.rows["crm_account"] == 3000 + 30  # 30 accounts entered twice
    assert 380_000 <= sum(truth.rows.values()) <= 480_000
    assert (truth.begins_on, truth.ends_on) == ("2023-11-01", "2026-11-01")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--until", "2026-13"], "expected a month such as '2026-10'"),
        (["--until", "October"], "expected a month such as '2026-10'"),
        (["--until", UNTIL, "--scale", "0.001"], "expected 0.02 or more"),
        (["--until", UNTIL, "--without", "silent_core"], "expected some of low_touchpoint, low_pair, nps_drop, core_drift, no_follow_up"),
    ],
)
def test_misuse_is_told(tmp_path, capsys, arguments, told):
    assert main(["--out", str(tmp_path / "new"), *arguments]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
