"""One calendar for everything: fiscal year, week, zone, currency and number format of the sources file, from the card to the file."""

import csv
import datetime as dt
import io
import json
from itertools import takewhile

import pytest

from tests.pages.conftest import failures, texts
from tests.published import publish
from ui import table

BILLS = {  # day → amount; 2026-06-20, a Saturday, is the last day there is
    "2024-07-01": 1000, "2025-03-31": 10, "2025-04-01": 50, "2025-12-31": 25, "2026-03-31": 100, "2026-04-01": 200.5, "2026-06-14": 800, "2026-06-20": 400,
}  # fmt: skip
CALENDAR = {"timezone": "Asia/Shanghai", "currency": "EUR", "fiscal_year_start": 4, "week_start": 7, "number_format": "1.234,56"}


@pytest.fixture(scope="module")
def companies(tmp_path_factory):
    """The same few bills under the company's own calendar, and under the usual one."""
    folder = tmp_path_factory.mktemp("calendars")
    customers = [{"customer_id": "made:a", "name": "A"}]
    bills = [{"invoice_line_id": f"made:{day}", "customer_id": "made:a", "issued_on": day, "amount": n, "currency": "EUR"} for day, n in BILLS.items()]
    usual = {**CALENDAR, "fiscal_year_start": 1, "week_start": 1, "number_format": "1,234.56"}
    rows = {"customers": customers, "invoices": bills}
    return {name: publish(folder / name, rows, {"calendar": calendar}) for name, calendar in (("own", CALENDAR), ("usual", usual))}


@pytest.fixture
def revenue(run, companies, warehouses, monkeypatch):
    """revenue("own", period="year", grain="week") → the ARPU page with revenue over time and its data open, and the files it offers."""

    def revenue(company: str, **params):
        monkeypatch.setitem(warehouses, company, companies[company])
        files, button = {}, table.st.download_button

        def offered(*args, data, file_name, **further):
            files[file_name] = data()
            return button(*args, data=data, file_name=file_name, **further)

        app = run("arpu", company, **params)
        app.session_state["arpu_metric"] = "revenue"
        app.session_state["arpu_series_data"] = True
        with monkeypatch.context() as during:
            during.setattr(table.st, "download_button", offered)
            app.run()
        assert failures(app) == []
        return app, files

    return revenue


def figure(app) -> dict:
    return next(json.loads(chart.proto.spec) for chart in app.get("plotly_chart") if "date" in chart.proto.spec)


def series(files) -> dict[str, str]:
    """Step → amount as the CSV has them, above the definitions."""
    rows = takewhile(bool, csv.reader(io.StringIO(files["arpu_series.csv"].decode("utf-8-sig"))))
    return {row[0]: row[1] for row in list(rows)[1:] if row[1]}


def card(app) -> str:
    return next(metric.value for metric in app.metric if metric.label == "Revenue")


def test_the_fiscal_year_from_preset_to_file(revenue):
    """From 1 April 2026: 200.5 + 800 + 400 = 1400.5. A calendar year would have 100 more."""
    app, files = revenue("own", period="year", grain="year")
    assert "This year · 1 Apr 2026 – 31 Mar 2027" in texts(app)
    assert card(app) == "€1.401"
    assert series(files) == {"2026-04-01": "1400.5"}  # for programs: plain decimals, days as ISO writes them
    axis = figure(app)["layout"]["xaxis"]
    assert axis["ticktext"] == ["2026/27"] and figure(app)["layout"]["separators"] == ",."


def test_every_year_of_a_series_is_fiscal(revenue):
    """2024/25: 1000 + 10; 2025/26: 50 + 25 + 100; 2026/27: 1400.5."""
    app, files = revenue("own", period="all", grain="year")
    assert series(files) == {"2024-04-01": "1010.0", "2025-04-01": "175.0", "2026-04-01": "1400.5"}
    assert figure(app)["layout"]["xaxis"]["ticktext"] == ["2024/25", "2025/26", "2026/27"]
    _, usual = revenue("usual", period="all", grain="year")
    assert series(usual) == {"2024-01-01": "1000.0", "2025-01-01": "85.0", "2026-01-01": "1500.5"}


def test_quarters_count_from_the_fiscal_year(revenue):
    app, _ = revenue("own", period="last_quarter", grain="quarter")
    assert "1 Jan 2026 – 31 Mar 2026" in texts(app)
    assert figure(app)["layout"]["xaxis"]["ticktext"] == ["Q4 2025/26"]


def test_weeks_begin_on_sunday_where_they_do(revenue):
    """14 June 2026 is a Sunday: with the Saturday after it in one week, or at the end of the week before."""
    assert dt.date(2026, 6, 14).isoweekday() == 7
    _, files = revenue("own", period="month", grain="week")
    assert series(files)["2026-06-14"] == "1200.0"
    _, usual = revenue("usual", period="month", grain="week")
    assert (series(usual)["2026-06-08"], series(usual)["2026-06-15"]) == ("800.0", "400.0")


def test_the_currency_and_its_format_are_the_companys(revenue):
    app, _ = revenue("own", period="year")
    assert "€1.401" in texts(app)
    app, _ = revenue("usual", period="all")
    assert card(app) == "€2,586"  # 1000 + 10 + 50 + 25 + 100 + 1400.5 = 2585.5, half up


DEAL = {"deal_id": "made:d", "created_at": dt.datetime(2026, 1, 1, 3, tzinfo=dt.UTC), "stage": "Lead"}  # in New York still the day before, 22:00
LAST = {"deal_id": "made:e", "created_at": dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC), "stage": "Lead"}


@pytest.mark.parametrize(("zone", "day"), [("America/New_York", "2025-12-31"), ("UTC", "2026-01-01"), ("Asia/Shanghai", "2026-01-01")])
def test_the_zone_decides_on_which_day_something_was(run, warehouses, monkeypatch, tmp_path, zone, day):
    data = publish(tmp_path / "data", {"deals": [DEAL, LAST]}, {"calendar": {**CALENDAR, "timezone": zone}})
    monkeypatch.setitem(warehouses, "zoned", data)
    there = texts(run("funnel", "zoned", **{"period": "custom", "from": day, "to": day}))
    other = {"2025-12-31": "2026-01-01", "2026-01-01": "2025-12-31"}[day]
    elsewhere = texts(run("funnel", "zoned", **{"period": "custom", "from": other, "to": other}))
    assert "Of **1** deals" in there or "**1** deals were created" in there
    assert "No deals were created in this period." in elsewhere
