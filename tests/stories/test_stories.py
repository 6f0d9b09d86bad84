"""What was planted in the demo company is what the product finds: written to two databases and files, synced, asked from the command line.

Places, times and sizes come from the truth file. That the stories are in the raw data is shown by tests/connectors/test_demo_stories.py.
"""

import datetime as dt
import re
import sqlite3

import narwhals as nw
import pytest
from streamlit.testing.v1 import AppTest

import warehouse
from connectors.demo import write
from metrics.query import collect
from tests.commands import by, rows, show, status, sync, value
from tests.pages.conftest import ENTRY, failures, texts

YEAR = ("--from", "2025-11-01", "--to", "2026-11-01")  # the last twelve months of the demo
YEAR_BEFORE = ("--from", "2024-11-01", "--to", "2025-11-01")
LAST_QUARTER = ("--from", "2026-07-01", "--to", "2026-10-01")
QUARTER_BEFORE = ("--from", "2026-04-01", "--to", "2026-07-01")


@pytest.fixture(scope="module")
def planted(truth):
    return {name: (story["where"], story["size"]) for name, story in truth["stories"].items()}


def alone(found: dict, name) -> bool:
    """Whether one key's (value, low, high) lies apart from those of every other key."""
    low, high = found[name][1:]
    return all(other[1] > high or other[2] < low for key, other in found.items() if key not in (name, None))


def with_limits(data, *arguments) -> dict:
    limits = [by(data, *arguments, measure=measure) for measure in ("value", "low", "high")]
    return {key: tuple(part[key] for part in limits) for key in limits[0]}


# --- a healthy company -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "low", "high"),
    [
        (("nps",), 30, 40),  # points
        (("nrr", *YEAR), 1.00, 1.08),
        (("retention", *YEAR), 0.87, 0.92),
        (("win_rate",), 0.28, 0.36),
        (("response_rate",), 0.30, 0.40),
        (("concentration", *YEAR), 0.40, 0.80),
    ],
    ids=lambda part: part[0] if isinstance(part, tuple) else "",
)
def test_headline_is_that_of_a_healthy_company(demo_data, question, low, high):
    assert low <= value(demo_data, *question) <= high


def test_revenue_grows(demo_data):
    assert value(demo_data, "revenue", *YEAR) > value(demo_data, "revenue", *YEAR_BEFORE)


# --- surveys -----------------------------------------------------------------------------------------------------------


def test_nps_drop_is_changed_and_stands_in_one_industry(demo_data, planted):
    where, _ = planted["nps_drop"]
    (now,), (before,) = (rows(demo_data, "nps", *period) for period in (LAST_QUARTER, QUARTER_BEFORE))
    z = (now["value"] - before["value"]) / (now["se"] ** 2 + before["se"] ** 2) ** 0.5
    assert z < -1.96  # "changed", by the rule of every card
    found = with_limits(demo_data, "nps", *LAST_QUARTER, "--by", "industry")
    assert min(found, key=lambda key: found[key][0]) == where["industry"]
    assert alone(found, where["industry"])


def test_why_names_the_industry(demo_data, planted):
    """Of all columns the industry explains most of the fall, and of all industries the planted one does, inside itself."""
    where, _ = planted["nps_drop"]
    answer = show(demo_data, "why", "--option", "metric=nps", *LAST_QUARTER)
    assert next(iter(answer["notes"]["columns"])) == "industry"
    parts = {row["segment"]: row for row in answer["rows"] if row["column"] == "industry"}
    own = parts.pop(where["industry"])
    assert own["rate"] < 0.8 * answer["notes"]["delta"] < 0  # four fifths of the fall, or more
    assert own["stands_out"]
    assert not any(row["stands_out"] for row in parts.values())


def test_low_touchpoint_is_the_only_low_one(demo_data, planted):
    where, _ = planted["low_touchpoint"]
    for dimension in ("service quality", "product function", "response speed", "delivery", "overall"):
        low = by(demo_data, "satisfaction", "--by", "touchpoint", "--where", f"dimension={dimension}", measure="is_low")
        assert [name for name, is_low in low.items() if is_low] == [where["touchpoint"]], dimension


def test_low_pair_is_low_and_its_parts_are_not(demo_data, planted):
    where, _ = planted["low_pair"]
    overall = ("satisfaction", "--where", "dimension=overall")
    assert value(demo_data, *overall, *(word for name, v in where.items() for word in ("--where", f"{name}={v}"))) < 3.0
    for name, own in where.items():
        assert by(demo_data, *overall, "--by", name)[own] > 3.0, name
    found = {(row["region"], row["product_line"]): row["is_low"] for row in rows(demo_data, *overall, "--by", "region", "--by", "product_line")}
    assert [pair for pair, is_low in found.items() if is_low] == [(where["region"], where["product_line"])]


def test_the_search_lists_the_weak_areas_that_were_planted_and_no_other(demo_data, planted):
    """The touchpoint costs NPS most; the pair and the industry whose NPS fell in the last wave follow."""
    found = [row for row in rows(demo_data, "low_scores", *YEAR) if row["role"] == "stands_out"]
    areas = [{row[f"column_{k}"]: row[f"value_{k}"] for k in range(1, int(row["depth"]) + 1)} for row in found]
    stories = [planted[name][0] for name in ("low_touchpoint", "low_pair", "nps_drop")]
    assert areas[0] == stories[0] and [row["rank"] for row in found] == [1, 2, 3]
    assert [area for area in areas if area not in stories] == [] and [story for story in stories if story not in areas] == []


def test_the_overview_tells_them_in_a_sentence_the_worst_first(demo_data, planted, monkeypatch):
    monkeypatch.setenv("RAPPORT_DATA", str(demo_data))
    app = AppTest.from_file(ENTRY, default_timeout=60).run()
    assert failures(app) == []
    assert f"**Touchpoint {planted['low_touchpoint'][0]['touchpoint']}** holds NPS down most" in texts(app)
    pair = planted["low_pair"][0]
    assert f"**Region {pair['region']} · Product line {pair['product_line']}** (" in texts(app).split("Next: ")[1].split("\n")[0]


def test_core_customers_are_silent(demo_data, planted):
    _, size = planted["silent_core"]
    found = with_limits(demo_data, "response_rate", "--by", "grade")
    assert alone(found, "core")
    assert found["core"][0] == pytest.approx(size["response_rate"], abs=0.03)
    assert found["ordinary"][0] == pytest.approx(size["response_rate_elsewhere"], abs=0.03)


# --- customers and revenue ---------------------------------------------------------------------------------------------


def test_one_region_loses_its_customers(demo_data, planted):
    where, _ = planted["region_churn"]
    now, before = (with_limits(demo_data, "retention", *period, "--by", "region") for period in (YEAR, YEAR_BEFORE))
    assert min(now, key=lambda key: now[key][0]) == where["region"]
    assert alone(now, where["region"])
    assert now[where["region"]][2] < before[where["region"]][1]


def test_why_names_the_region(demo_data, planted):
    where, _ = planted["region_churn"]
    answer = show(demo_data, "why", "--option", "metric=retention", "--option", "against=year", *YEAR, "--by", "region")
    parts = {row["segment"]: row["rate"] for row in answer["rows"]}
    assert min(parts, key=parts.get) == where["region"]
    assert parts[where["region"]] < 3 * min(part for name, part in parts.items() if name != where["region"])


def test_drift_inside_the_core_customers(demo_data, truth, planted):
    """The last quarter against the one before the drift began: what was planted has moved, what customers are has not."""
    story = truth["stories"]["core_drift"]
    period = ("--from", story["since"], "--to", "2026-10-01")
    found = {row["feature"]: row for row in rows(demo_data, "feature_drift", *period)}
    moved = {name for name, row in found.items() if row["is_drifted"]}
    assert {"orders", "order_value", "visit_share", "usage"} <= moved
    assert moved.isdisjoint({"region", "industry", "size", "channel", "satisfaction", "interactions"})
    for feature, planted_ratio in (("visit_share", story["size"]["visit_share"]), ("usage", story["size"]["usage"])):
        assert found[feature]["now"] / found[feature]["then"] == pytest.approx(planted_ratio, rel=0.25), feature
    (told_apart,) = rows(demo_data, "drift_auc", *period)
    assert told_apart["low"] > 0.6 and told_apart["is_drifted"]


def test_ordinary_customers_keep_their_habits(demo_data, truth):
    period = ("--from", truth["stories"]["core_drift"]["since"], "--to", "2026-10-01")
    found = {row["feature"]: row for row in rows(demo_data, "feature_drift", *period, "--option", "grade=ordinary")}
    assert not found["visit_share"]["is_drifted"] and not found["usage"]["is_drifted"]


def test_price_rise_is_an_expansion_on_its_day(demo_data, truth, planted):
    """Nearly all who had the dearer line expanded in that month, and hardly anybody else."""
    since = dt.date.fromisoformat(truth["stories"]["price_rise"]["since"])
    months = rows(demo_data, "nrr_bridge", "--option", "horizon=period", "--grain", "month", "--from", "2026-01-01", "--to", "2026-07-01")
    expansion = {row["period"]: row["n"] for row in months if row["step"] == "expansion"}
    assert expansion.pop(str(since)) > 3 * max(expansion.values())


@pytest.mark.parametrize("story", ["promotion_paid", "promotion_lost"])
def test_promotions(demo_data, planted, story):
    where, size = planted[story]
    found = {row["name"]: row["value"] for row in rows(demo_data, "promotion_roi")}
    assert found[where["campaign"]] == pytest.approx(size["revenue_per_cost"] - 1, abs=0.2)  # ROI; rates of the day against average rates
    best, worst = max(found, key=found.get), min(found, key=found.get)
    assert where["campaign"] == (best if story == "promotion_paid" else worst)


# --- sales -------------------------------------------------------------------------------------------------------------


def test_stalled_stage_raises_its_alarm_and_no_other(demo_data, truth, planted):
    where, _ = planted["stalled_quote"]
    since = truth["stories"]["stalled_quote"]["since"]
    found = rows(demo_data, "time_in_stage", "--from", since, "--to", "2026-10-01")
    assert [row["stage"] for row in found if row["alarm"]] == [where["stage"]]


def test_open_deals_pile_up_there(demo_data, planted):
    where, _ = planted["stalled_quote"]
    found = by(demo_data, "stalled", "--by", "stage")
    assert found[where["stage"]] > 3 * sum(n for stage, n in found.items() if stage != where["stage"])


# --- what the sync refused, and that numbers reconcile -----------------------------------------------------------------


def test_dirty_rows_are_refused_and_nothing_else_is(demo_data, truth):
    tables = {f"{source['source']}.{table['table']}": table for source in status(demo_data)["sources"] for table in source["tables"]}
    refused = {name: table["refused"] for name, table in tables.items() if table["refused"]}
    assert refused == {"erp.invoices": truth["dirty"]["currency"] + truth["dirty"]["impossible_day"]}
    assert tables["erp.invoices"]["last_try"]["folded"] == truth["dirty"]["doubled"]
    assert sum(tables["erp.invoices"]["last_try"][key] for key in ("new", "rejected", "folded")) == truth["rows"]["ar_invoice_line"]


def test_all_other_rows_arrived(demo_data, truth):
    arrived = {table["table"]: table["rows"] for source in status(demo_data)["sources"] if source["source"] == "crm" for table in source["tables"]}
    assert arrived["interactions"] == truth["rows"]["crm_activity"]
    assert arrived["customers"] == truth["rows"]["crm_account"]
    assert arrived["deal_stages"] == truth["rows"]["crm_opp_stage_log"]


def test_funnel_and_bridge_reconcile(demo_data):
    for question in ("funnel", "nrr_bridge", "logo_churn", "win_rate"):
        assert show(demo_data, question, *YEAR)["rows"]


# --- who is one customer -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def identity(demo_data):
    """account(record), the accounts whose pair waits for a decision, and the records that were linked by more than their source's word."""
    tables = warehouse.open(demo_data)
    accounts = dict(collect(tables["identities"]).itertuples(index=False))
    waiting = {frozenset(pair) for pair in collect(tables["identity_pairs"].select("account_a", "account_b")).itertuples(index=False)}
    linked = collect(tables["identity_links"].filter(~nw.col("rule").is_null(), nw.col("rule") != "source").select("record_id", "via"))
    return lambda record: accounts.get(record, record), waiting, linked


def duplicates(truth) -> list[tuple[str, str]]:
    told = truth["identity"]
    two = [(f"crm:{pair['crm']}", f"erp:{pair['erp']}") for pair in told["same_customer_two_records"]]
    return two + [(f"crm:{pair['crm']}", f"crm:{pair['crm_copy']}") for pair in told["same_customer_twice_in_crm"]]


def test_planted_duplicates_are_one_account_or_asked_about(identity, truth):
    """130 were planted; a company that the CRM holds to be a person and of which the ERP has no tax number is asked about."""
    account, waiting, _ = identity
    apart = [pair for pair in duplicates(truth) if account(pair[0]) != account(pair[1])]
    assert len(duplicates(truth)) == 130 and len(apart) <= 2
    assert {frozenset(map(account, pair)) for pair in apart} <= waiting


def test_nobody_else_is_linked_and_namesakes_stay_two(identity, truth, demo_data):
    account, _, linked = identity
    planted = {account(record) for pair in duplicates(truth) for record in pair}
    assert {account(record) for record in linked["record_id"]} <= planted and len(linked)
    names = [(f"crm:{pair['crm']}", f"crm:{pair['other_crm']}") for pair in truth["identity"]["two_customers_one_name"]]
    assert all(account(one) != account(other) for one, other in names)
    found = {row["source"]: row["value"] for row in rows(demo_data, "identity_findings") if row["finding"] == "one name"}
    assert found["crm"] == len(names) == 15


# --- customers at risk -------------------------------------------------------------------------------------------------


def test_customers_without_a_follow_up_raise_their_flag(demo_data, demo_folder):
    """Signed in the 90 days before the end, over 72 h ago, and neither visited nor called by us within 72 h: counted in the CRM's own tables."""
    crm = sqlite3.connect(demo_folder / "crm.sqlite")
    missed = """
        select count(*) from crm_account a where signed_time >= datetime('2026-11-01', '-90 days') and signed_time < datetime('2026-11-01', '-72 hours')
            and (lost_date is null or lost_date >= '2026-11-01') and not exists (select 1 from crm_activity t where t.acct_no = a.acct_no
            and t.direction = 'out' and t.act_time >= a.signed_time and t.act_time <= datetime(a.signed_time, '+72 hours'))"""
    expected = crm.execute(missed).fetchone()[0]
    found = {row["kind"]: row["value"] for row in rows(demo_data, "flags")}
    assert found["follow_up"] == expected > 3


NEEDED = ("owners", "customers", "interactions")  # all that the comparison needs
FOLLOW_UP = ("follow_up_churn", "--from", "2023-11-01", "--to", "2026-11-01")


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """The data directory of the same company without the effect; only the tables that are needed."""
    folder, data = tmp_path_factory.mktemp("quiet"), tmp_path_factory.mktemp("quiet_data")
    write(folder, until="2026-10", untold=("no_follow_up",))
    first, *parts = re.split(r"(?m)^(?=\[sources\.)", (folder / "sources.toml").read_text("utf-8"))
    kept = [part for part in parts if part.startswith("[sources.crm]") or part.startswith(tuple(f"[sources.crm.tables.{name}" for name in NEEDED))]
    (folder / "sources.toml").write_text("".join([first, *kept]), "utf-8")
    sync(folder / "sources.toml", data)
    return data


def missed_to_followed(data) -> tuple[float, float, float]:
    """Missed to followed, with 95 % limits, after weighting."""
    answer = show(data, *FOLLOW_UP)
    return tuple(answer["notes"]["adjusted"]["ratio"])


def test_who_was_not_followed_up_leaves_more_often(demo_data, planted):
    """A hazard 2.2 times as high for the first months: the limits of the ratio of risks hold it and leave out 1."""
    _, low, high = missed_to_followed(demo_data)
    assert 1 < low < planted["no_follow_up"][1]["hazard_ratio"] < high


def test_where_that_was_not_planted_the_comparison_stays_quiet(quiet):
    _, low, high = missed_to_followed(quiet)
    assert low < 1 < high
