"""The figures that others published about five data sets come out of the two command lines.

[P] published by the data set's authors or a named analysis and recomputed in SQL over the raw files; [D] derived here.
"""

import tomllib

import pandas as pd
import pytest

from metrics.importance import lmg
from tests.commands import by, rows, show, status, value
from tests.examples.conftest import EXAMPLES

# --- Online Retail: customers 2010-12-01 to 2011-12-09, cleaned [P] ---------------------------------------------------

DECEMBER = [885, 324, 286, 340, 321, 352, 321, 309, 313, 350, 331, 445]  # active in the month of age 0 … 11
JANUARY = [417, 92, 111, 96, 134]


@pytest.mark.parametrize(("cohort", "active"), [("2010-12-01", DECEMBER), ("2011-01-01", JANUARY)])
def test_online_retail_cohorts(synced, cohort, active):
    found = rows(synced("online_retail"), "cohorts", "--from", "2010-12-01", "--to", "2011-02-01")
    mine = {row["age"]: row for row in found if row["cohort"] == cohort}
    assert [mine[age]["numerator"] for age in range(len(active))] == active
    assert [mine[age]["value"] for age in range(len(active))] == pytest.approx([n / active[0] for n in active])


def test_online_retail_last_month_runs(synced):
    """December 2011 has nine days: 235 of the first cohort have come back so far, and that is no share yet."""
    found = rows(synced("online_retail"), "cohorts", "--from", "2010-12-01", "--to", "2011-01-01")
    (last,) = [row for row in found if row["cohort"] == "2010-12-01" and row["age"] == 12]
    assert (last["cell"], last["so_far"], last["value"], last["state"]) == ("in_progress", 235, None, "no_data")


def test_online_retail_lines_and_revenue(synced):
    """397,884 lines worth 8,911,407.904 are clean; 5,192 of them repeat another one exactly and are worth 24,199.01 [D]."""
    assert _loaded(synced("online_retail"), "invoices") == 397_884 - 5_192  # 392,692 [P]
    assert value(synced("online_retail"), "revenue") == pytest.approx(8_911_407.904 - 24_199.01, abs=0.001)


# --- Maven CRM: fictional hardware seller [P] -------------------------------------------------------------------------


def test_maven_deals(synced):
    (row,) = rows(synced("maven_crm"), "win_rate")
    assert (row["won"], row["lost"], row["open"]) == (4238, 2473, 1589 + 500)  # engaging and prospecting are open
    assert row["value"] == pytest.approx(4238 / (4238 + 2473))  # 63.15 %
    assert row["of_all"] == pytest.approx(4238 / 8800)  # 48.16 %
    assert row["won_amount"] == pytest.approx(10_005_534)


@pytest.mark.parametrize(("office", "won", "mean"), [("Central", 1629, 2054), ("East", 1171, 2639), ("West", 1438, 2482)])
def test_maven_offices(synced, office, won, mean):
    amounts = by(synced("maven_crm"), "win_rate", "--by", "department", measure="won_amount")
    assert by(synced("maven_crm"), "win_rate", "--by", "department", measure="won")[office] == won
    assert amounts[office] / won == pytest.approx(mean, abs=0.5)


def test_maven_revenue_by_quarter_of_closing(synced):
    found = rows(synced("maven_crm"), "win_rate", "--option", "base=closed", "--grain", "quarter", "--from", "2017-01-01", "--to", "2018-01-01")
    assert [row["won_amount"] for row in found] == pytest.approx([1_134_672, 3_086_111, 2_982_255, 2_802_496])


def test_maven_cycle_of_won_deals(synced):
    (row,) = rows(synced("maven_crm"), "sales_cycle")
    assert row["mean_won"] == pytest.approx(51.8, abs=0.05)  # days


def test_maven_funnel_reconciles(synced):
    found = {row["stage"]: row["numerator"] for row in rows(synced("maven_crm"), "funnel")}
    assert found == {"Prospecting": 8800, "Engaging": 8800 - 500, "Won": 4238}


# --- Olist: marketing qualified leads [P] -----------------------------------------------------------------------------

ORIGINS = {
    "organic search": (271, 2296), "paid search": (195, 1586), "social": (75, 1350), "unknown": (179, 1099), "direct traffic": (56, 499),
    "email": (15, 493), "referral": (24, 284), None: (14, 60),
}  # fmt: skip


def test_olist_leads_that_became_sellers(synced):
    (row,) = rows(synced("olist_funnel"), "lead_conversion", "--option", "to=won")
    assert (row["numerator"], row["n"]) == (842, 8000)
    assert row["value"] == pytest.approx(0.10525)


@pytest.mark.parametrize("origin", ORIGINS, ids=str)
def test_olist_origins(synced, origin):
    joined, leads = ORIGINS[origin]
    assert by(synced("olist_funnel"), "lead_conversion", "--by", "source_channel")[origin] == pytest.approx(joined / leads)


# --- SFO: passengers of May 2017 [P] ----------------------------------------------------------------------------------


def test_sfo_net_promoter_score(synced):
    """Code 11 is "left blank" and one passenger has no code at all: 2,831 asked, 2,746 answered."""
    answer = show(synced("sfo_survey_2017"), "nps")
    (row,) = answer["rows"]
    assert (row["promoters"], row["passives"], row["detractors"], row["n"]) == (1436, 968, 342, 2746)
    assert row["value"] == pytest.approx(100 * (1436 - 342) / 2746)  # 39.84
    assert row["dismissed"] == 2831 - 2746


@pytest.mark.parametrize(("dimension", "mean", "n"), [("overall", 4.064, 2688), ("food", 3.615, 2421)])
def test_sfo_satisfaction(synced, dimension, mean, n):
    (row,) = rows(synced("sfo_survey_2017"), "satisfaction", "--where", f"dimension={dimension}")
    assert (row["n"], row["value"]) == (n, pytest.approx(mean, abs=0.0005))


def test_sfo_restaurants_are_the_lowest_item(synced):
    means = by(synced("sfo_survey_2017"), "satisfaction", "--by", "dimension")
    assert min((mean, dimension) for dimension, mean in means.items() if mean is not None)[1] == "food"


def test_sfo_drivers_of_the_overall_score(synced):
    """pandas' correlations of the file itself, pair by pair: 14 items, of which few passengers know all; restaurants come first, and low [D]."""
    answer = show(synced("sfo_survey_2017"), "drivers", "--option", "overall=overall", "--option", "replicates=100")
    rows, notes = {row["dimension"]: row for row in answer["rows"]}, answer["notes"]
    scores = _sfo_items()
    scores = scores[scores["overall"].notna()]
    items = [name for name in scores if name != "overall"]
    assert {name: row["n"] for name, row in rows.items()} == scores[items].notna().sum().to_dict()
    assert [rows[name]["value"] for name in items] == pytest.approx(lmg(scores[[*items, "overall"]].corr().to_numpy()))
    assert (notes["n"], notes["complete"], notes["mended"]) == (len(scores.dropna(subset=items, how="all")), len(scores.dropna()), False)
    assert (answer["rows"][0]["dimension"], rows["food"]["standing"]) == ("food", "low")


def _sfo_items() -> pd.DataFrame:
    """The items on 1 to 5 as the file has them, one row per passenger: 0 is blank, 6 "never used it"."""
    source = tomllib.loads((EXAMPLES / "sfo_survey_2017.toml").read_text(encoding="utf-8"))["sources"]["sfo"]
    codes = {row["code"]: row["about"] for row in source["tables"]["questions"]["rows"] if row["about"] != "nps"}
    scores = pd.read_csv(EXAMPLES / source["path"] / source["tables"]["answers"]["from"], usecols=list(codes)).apply(pd.to_numeric, errors="coerce")
    return scores.where((scores >= 1) & (scores <= 5)).rename(columns=codes)


# --- CDNOW: a tenth of the customers of early 1997 [P] ----------------------------------------------------------------


def test_cdnow_customers_and_purchases(synced):
    assert _loaded(synced("cdnow"), "customers") == 2357
    assert _loaded(synced("cdnow"), "invoices") == 6919


def test_cdnow_first_cohort(synced):
    """All began in the first quarter of 1997; eight took something free and nothing else, which is no purchase [D]."""
    found = rows(synced("cdnow"), "cohorts", "--grain", "quarter")
    assert {row["cohort"]: row["size"] for row in found if row["cohort"]} == {"1997-01-01": 2357 - 8}


def test_cdnow_has_no_recurring_value(synced):
    """A shop without agreements has no NRR: no data, never 0."""
    (row,) = rows(synced("cdnow"), "nrr", "--from", "1997-07-01", "--to", "1998-07-01")
    assert (row["state"], row["value"]) == ("no_data", None)
    assert value(synced("cdnow"), "retention", "--from", "1997-07-01", "--to", "1998-07-01", "--option", "horizon=6") is not None


def _loaded(data, entity: str) -> int:
    """Rows of an entity in the newest snapshot."""
    return sum(table["rows"] for source in status(data)["sources"] for table in source["tables"] if table["entity"] == entity)
