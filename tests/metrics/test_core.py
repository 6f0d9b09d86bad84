"""The steps every metric takes: cutting, segmenting, bucketing, finishing an answer, hiding small groups, comparing, asking from a shell."""

import datetime as dt
import json
from types import SimpleNamespace

import narwhals as nw
import numpy as np
import pandas as pd
import pytest

import metrics.__main__ as cli
import warehouse
from metrics import stats
from metrics.change import changed, compare, differ
from metrics.metric import Metric, ask
from metrics.period import Period
from metrics.query import Query, QuestionError, aggregate, bucketed, collect, grouped, segmented, within
from metrics.result import STANDARD, Answer, Check, answer, suppress
from tests.made import made
from warehouse.errors import NoSnapshot

D = dt.date.fromisoformat
YEAR = Period(D("2026-01-01"), D("2027-01-01"), D("2027-01-01"))
CUSTOMERS = [
    {"customer_id": "c:1", "region": "North", "grade": "core", "tags": "vip, new"},
    {"customer_id": "c:2", "region": "South", "grade": "key", "tags": "vip-old"},
    {"customer_id": "c:3", "region": None, "tags": None},
]


def line(customer, day, amount=10, **more):
    return {"customer_id": customer, "issued_on": day, "amount": amount, **more}


LINES = [
    line("c:1", "2026-01-31", 10), line("c:1", "2026-02-01", 20), line("c:2", "2026-02-28", 30), line("c:3", "2026-04-10", 40),
    line("c:1", "2027-01-01", 999), line("c:1", "2025-12-31", 999),
]  # fmt: skip


def credit_share(tables, query):
    """A metric for these tests: the share of invoice lines that are credit notes."""
    frame, keys = grouped(tables["invoices"], "issued_on", tables, query)
    is_credit = nw.when(nw.col("kind") == "credit_note").then(1).otherwise(0)
    rows = aggregate(frame, keys, n=nw.len(), numerator=is_credit.sum())
    rows["denominator"], rows["se"] = rows["n"], stats.share_se(rows["numerator"].fillna(0), rows["n"])
    return answer(rows, query)


CREDIT = Metric(
    "credit_share", credit_share, "Share of lines that are credit notes.", "c / n", "share", ("invoices",), options={"cut": 180, "fresh": False, "kind": None}
)


@pytest.fixture(scope="module")
def tables():
    return made({"customers": CUSTOMERS, "invoices": LINES})


# cutting and segmenting


def test_a_period_is_half_open(tables):
    assert collect(within(tables["invoices"], "issued_on", YEAR))["amount"].sum() == 10 + 20 + 30 + 40


@pytest.mark.parametrize(
    ("where", "customers"),
    [
        ((), {"c:1", "c:2", "c:3"}),
        ((("region", ("North",)),), {"c:1"}),
        ((("region", ("North", "South")),), {"c:1", "c:2"}),
        ((("region", ("",)),), {"c:3"}),  # "" asks for those without a value
        ((("region", ("South", "")),), {"c:2", "c:3"}),
        ((("region", ("North",)), ("grade", ("key",))), set()),  # every column must hold
        ((("region", ()),), set()),
        ((("region", ("Atlantis",)),), set()),
        ((("customer_id", ("c:2",)),), {"c:2"}),
        ((("amount", ("30.0000",)),), {"c:2"}),  # any column of the table itself, compared as text
        ((("tags", ("vip",)),), {"c:1"}),  # a whole tag, not a part of one: "vip-old" is another
        ((("tags", ("new",)),), {"c:1"}),
        ((("tags", ("vip-old", "new")),), {"c:1", "c:2"}),
        ((("tags", ("",)),), {"c:3"}),
        ((("tags", ("vip", "")),), {"c:1", "c:3"}),
        ((("tags", ()),), set()),
    ],
)
def test_where_keeps_rows_that_carry_an_accepted_value(tables, where, customers):
    assert set(collect(segmented(tables["invoices"], tables, Query(YEAR, where=where)))["customer_id"]) == customers


def test_segments_come_from_the_table_itself_before_its_customers():
    """An answer given for another region than the customer's counts for the answer's region."""
    tables = made({"customers": CUSTOMERS, "answers": [{"customer_id": "c:1", "region": "East"}, {"customer_id": None, "region": "West"}]})
    frame = segmented(tables["answers"], tables, Query(YEAR, by=("region", "grade")))
    assert sorted(map(tuple, collect(frame.select("region", "grade")).fillna("-").to_numpy())) == [("East", "core"), ("West", "-")]


def test_segmenting_never_multiplies_rows(tables):
    assert len(collect(segmented(tables["invoices"], tables, Query(YEAR, by=("region", "grade", "owner"))))) == len(LINES)


@pytest.mark.parametrize("query", [Query(YEAR, by=("colour",)), Query(YEAR, where=(("colour", ("red",)),))])
def test_an_unknown_column_is_refused_with_those_there_are(tables, query):
    with pytest.raises(QuestionError, match=r"no column 'colour' .* there are .*amount.*region"):
        segmented(tables["invoices"], tables, query)


def test_a_table_without_customers_has_only_its_own_columns(tables):
    with pytest.raises(QuestionError, match=r"no column 'region' .* there are .*cost"):
        segmented(tables["campaigns"], tables, Query(YEAR, by=("region",)))


# buckets and answers


@pytest.mark.parametrize("grain", ["day", "week", "month", "quarter", "year"])
def test_the_engines_bucket_is_the_periods_bucket(grain):
    """The engine's integer arithmetic against the calendar's, over three years of days."""
    days = [D("2024-12-01") + dt.timedelta(days=k) for k in range(0, 1100, 7)]
    tables = made({"invoices": [line("c:1", day) for day in days]})
    query = Query(Period(days[0], days[-1] + dt.timedelta(days=1), days[-1]), grain)
    rows = collect(bucketed(tables["invoices"], "issued_on", query))
    assert [query.period.bucket_number(day, grain) for day in rows["issued_on"]] == rows["bucket"].tolist()


def test_a_series_has_every_bucket_and_an_empty_one_is_no_data_not_zero(tables):
    rows = ask(CREDIT, tables, Query(Period(D("2026-01-01"), D("2026-05-01"), D("2026-04-11")), "month")).rows
    assert rows["period"].tolist() == [D("2026-01-01"), D("2026-02-01"), D("2026-03-01"), D("2026-04-01")]
    assert rows["state"].tolist() == ["value", "value", "no_data", "value"]
    assert rows["n"].fillna(0).tolist() == [1, 2, 0, 1]
    assert rows["value"].isna().tolist() == [False, False, True, False]
    assert rows["complete"].tolist() == [True, True, True, False]  # April still runs


def test_a_series_by_segment_has_every_bucket_of_every_segment(tables):
    rows = ask(CREDIT, tables, Query(Period(D("2026-01-01"), D("2026-05-01"), D("2026-05-01")), "month", by=("region",))).rows
    assert len(rows) == 4 * 3
    assert rows.fillna({"region": "none"}).groupby("region")["n"].sum().to_dict() == {"North": 2, "South": 1, "none": 1}  # no region: a segment of its own


def test_an_answer_has_keys_then_the_standard_columns_then_the_metrics_own():
    rows = answer(pd.DataFrame({"extra": [7], "denominator": [4], "numerator": [3], "region": ["N"]}), Query(YEAR, by=("region",)), extra=("extra",)).rows
    assert tuple(rows) == ("region", *STANDARD, "extra")
    assert rows.loc[0, "value"] == 3 / 4 and rows.loc[0, "state"] == "value" and rows.loc[0, "complete"]


def test_a_denominator_of_zero_is_no_data():
    row = answer(pd.DataFrame({"numerator": [0], "denominator": [0]}), Query(YEAR)).rows.iloc[0]
    assert row["state"] == "no_data" and np.isnan(row["value"])


def test_a_failed_check_fails_the_answer():
    assert not Answer(pd.DataFrame(), (Check("a", True), Check("bridge", False, "100 ≠ 99"))).ok


# small groups


def finished(sizes, siblings=None):
    frame = pd.DataFrame({"position": range(10, 10 + len(sizes)), "n": sizes, "value": [0.5] * len(sizes), "first_on": D("2026-01-01"), "words": "secret"})
    query = Query(YEAR, by=("position",))
    return answer(frame, query, extra=("first_on", "words")).rows


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ([100, 50, 20], []),
        ([100, 50, 5], []),  # five are enough
        ([100, 50, 4], [1, 2]),  # total − 100 − 50 would give the 4 away, so 50 goes too
        ([100, 3, 4], [1, 2]),  # together seven: the total gives away only their sum
        ([100, 50, 2, 2], [1, 2, 3]),  # together four: still fewer than five people
        ([100, 50, 2, 0], [1, 2]),  # an empty group hides nothing
        ([3], [0]),
        ([0, 0], []),
        ([2, 1], [0, 1]),
    ],
)
def test_a_small_group_is_hidden_and_so_is_what_would_give_it_away(sizes, hidden):
    rows = suppress(finished(sizes), [])
    assert rows.index[rows["state"] == "suppressed"].tolist() == hidden


def test_hidden_rows_keep_their_keys_and_nothing_else():
    row = suppress(finished([3]), []).iloc[0]
    assert (row["position"], row["state"], row["complete"]) == (10, "suppressed", True)
    assert row.drop(["position", "state", "complete"]).isna().all()


def test_each_period_is_a_family_of_its_own():
    frame = pd.DataFrame({"wave": [1, 1, 1, 2, 2, 2], "region": list("abc") * 2, "n": [50, 20, 3, 50, 20, 30], "value": 1.0})
    rows = suppress(answer(frame, Query(YEAR, by=("wave", "region"))).rows, ["wave"])
    assert rows["state"].tolist() == ["value", "suppressed", "suppressed", "value", "value", "value"]


def test_only_a_finished_answer_can_be_suppressed():
    """On raw rows a count beside the value would stay readable."""
    with pytest.raises(ValueError, match="finished answer"):
        suppress(pd.DataFrame({"n": [3], "promoters": [2], "value": [66.7]}), [])


# options


@pytest.mark.parametrize(
    ("given", "arrived"),
    [
        ({}, {"cut": 180, "fresh": False, "kind": None}),
        ({"cut": "90"}, {"cut": 90, "fresh": False, "kind": None}),
        ({"fresh": "true", "kind": "sale"}, {"cut": 180, "fresh": True, "kind": "sale"}),
        ({"fresh": "no"}, {"cut": 180, "fresh": False, "kind": None}),
    ],
)
def test_options_arrive_complete_and_in_the_type_of_their_default(tables, given, arrived):
    seen = {}
    metric = Metric("m", lambda _, query: seen.update(query.options), "d", "f", "count", (), options=CREDIT.options)
    ask(metric, tables, Query(YEAR, options=given))
    assert seen == arrived


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shade": 1}, "has no option shade; it has: cut=180"),
        ({"cut": "soon"}, "option cut of credit_share is int, not 'soon'"),
        ({"fresh": "maybe"}, "option fresh"),
    ],
)
def test_a_wrong_option_is_refused_with_what_there_is(tables, given, message):
    with pytest.raises(QuestionError, match=message):
        ask(CREDIT, tables, Query(YEAR, options=given))


def test_the_digest_of_a_definition_changes_with_the_definition():
    assert CREDIT.digest == Metric(**vars(CREDIT)).digest != Metric(**{**vars(CREDIT), "formula": "c / all"}).digest


# comparing


def row(value, n=100, se=1.0, state="value"):
    return {"value": value, "n": n, "se": se, "state": state}


NOTHING_THERE = row(np.nan, 0, np.nan, "no_data")


@pytest.mark.parametrize(
    ("now", "before", "verdict", "delta"),
    [
        # P 100, D 40, n 200 against P 72, D 54, n 180: z 2.40, p 0.016 (DEFINITIONS 1; SE of the adjusted Wald interval)
        (row(30, 200, 5.76), row(10, 180, 6.03), "changed", 20),
        (row(30, 100, 7.88), row(20, 100, 8.10), "no_clear_change", 10),  # z 0.88
        (row(30, 29, 1), row(10, 100, 1), "too_few", 20),
        (row(30, 100, 1), row(10, 29, 1), "too_few", 20),
        (row(30, 30, 1), row(10, 30, 1), "changed", 20),
        (row(30), row(0), "new", None),
        (row(30), NOTHING_THERE, "new", None),
        (row(30), row(np.nan, state="suppressed"), "before_suppressed", None),
        (NOTHING_THERE, row(30), "no_data", None),
        (row(np.nan, state="suppressed"), row(30), "suppressed", None),
        (row(30, se=np.nan), row(10), "no_clear_change", 20),  # no interval, no claim
        (row(30, se=np.nan), row(10, se=0), "no_clear_change", 20),
        (row(30, se=0), row(10, se=0), "changed", 20),  # stocks, fully counted: a difference is one
        (row(0.1 + 0.2, se=0), row(0.3, se=0), "no_clear_change", 0.1 + 0.2 - 0.3),  # the same amounts in another order
        (row(30, 12, se=0), row(10, 12, se=0), "too_few", 20),  # twelve equal answers are a sample all the same
        ({**row(30, 12, se=0), "is_counted": True}, {**row(10, 9, se=0), "is_counted": True}, "changed", 20),  # a stock is none
        ({**row(30, 12, se=0), "is_counted": True}, row(10, 9, se=0), "too_few", 20),
        (row(30, pd.NA), row(10, pd.NA), "changed", 20),  # a number without a base of its own
    ],
)
def test_changed_is_said_only_when_a_test_says_so(now, before, verdict, delta):
    change = changed(now, before)
    assert (change.verdict, change.delta) == (verdict, delta)


def test_the_published_two_sample_case():
    """z = 20 / √(5.76² + 6.03²) = 2.40; two-sided p = 0.0165."""
    assert stats.two_sample_p(30, 5.76, 10, 6.03) == pytest.approx(0.0165, abs=2e-4)


def test_a_running_month_is_compared_with_as_many_days_of_the_one_before():
    """Ten days of March (1 credit note of 40) against ten of February (30 of 40); what lies after day ten would hide the change."""
    february = [line("c:1", f"2026-02-{1 + k % 10:02}", kind="credit_note" if k < 30 else "sale") for k in range(40)]
    after = [line("c:1", "2026-02-20", kind="sale") for _ in range(2000)]
    march = [line("c:1", f"2026-03-{1 + k % 10:02}", kind="credit_note" if k < 1 else "sale") for k in range(40)]
    tables = made({"customers": CUSTOMERS, "invoices": february + after + march})
    change = compare(CREDIT, tables, Query(Period(D("2026-03-01"), D("2026-04-01"), D("2026-03-11")), "month", by=("region",)))
    assert (change.now["value"], change.before["value"], change.verdict) == (1 / 40, 30 / 40, "changed")
    assert compare(CREDIT, tables, Query(Period(D("2026-03-01"), D("2026-04-01"), D("2026-03-11"))), against="year").verdict == "new"


# intervals


@pytest.mark.parametrize(("successes", "n", "low", "high"), [(0, 10, 0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1)])
def test_wilson_limits(successes, n, low, high):
    """Closed form (p + z²/2n ± z√(p(1−p)/n + z²/4n²)) / (1 + z²/n), z = 1.959964."""
    assert np.allclose(np.ravel(stats.wilson(successes, n)), (low, high), atol=5e-5)


def test_limits_of_nothing_are_missing():
    low, high = stats.wilson([0, 1], [0, 2])
    assert np.isnan(low[0]) and np.isnan(high[0]) and not np.isnan(low[1])
    assert np.isnan(stats.share_se(0, 0)) and stats.share_se(0, 10) > 0


# the command line


@pytest.fixture
def shell(monkeypatch, tables, capsys):
    """Runs a command line against the made tables; gives exit code, standard output and standard error."""
    asked = {}

    def open_(data, snapshot, scope):
        asked.update(data=str(data), snapshot=snapshot, scope=scope)
        if str(data) == "nowhere":
            raise NoSnapshot("nothing has been published in nowhere yet; run `python -m connectors sync`")
        tables.snapshot = SimpleNamespace(id="20260101T000000-1")
        return tables

    monkeypatch.setattr(warehouse, "open", open_)
    monkeypatch.setattr(cli, "CATALOGUE", {"credit_share": CREDIT})

    def run(*arguments):
        try:
            code = cli.main(list(arguments))
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr(), asked

    return run


def test_json_has_metric_definition_snapshot_rows_and_checks(shell):
    code, out, _, _ = shell("show", "credit_share", "--from", "2026-01-01", "--to", "2026-05-01", "--grain", "month", "--by", "region", "--json")
    body = json.loads(out, parse_constant=pytest.fail)  # NaN is not JSON
    assert code == 0
    assert {"metric", "definition", "definition_id", "unit", "snapshot", "period", "rows", "checks", "notes"} == set(body)
    assert body["period"] == {"from": "2026-01-01", "to": "2026-05-01", "as_of": body["period"]["as_of"]}
    assert body["snapshot"] == "20260101T000000-1"
    north = [r for r in body["rows"] if r["region"] == "North"]
    assert [r["period"] for r in north] == ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"]
    assert [r["state"] for r in north] == ["value", "value", "no_data", "no_data"]
    assert [r["value"] for r in north] == [0, 0, None, None]
    assert set(north[0]) >= {"value", "n", "low", "high", "state"}


def test_the_period_defaults_to_all_days_with_data(shell):
    _, out, _, _ = shell("show", "credit_share", "--json")
    assert json.loads(out)["rows"][0]["n"] == len(LINES)


def test_where_and_option_may_be_repeated(shell):
    everyone = ("show", "credit_share", "--json", "--where", "region=North", "--where", "region=South", "--option", "cut=90", "--option", "fresh=yes")
    assert json.loads(shell(*everyone)[1])["rows"][0]["n"] == 5
    assert json.loads(shell(*everyone, "--where", "grade=key")[1])["rows"][0]["n"] == 1


def test_by_and_where_take_several_at_once(shell):
    _, out, err, _ = shell("show", "credit_share", "--json", "--by", "region", "grade", "--where", "region=North", "region=South")
    assert err == "" and {(row["region"], "grade" in row) for row in json.loads(out)["rows"]} == {("North", True), ("South", True)}


def test_text_says_what_it_can_be_repeated_with(shell):
    _, out, _, _ = shell("show", "credit_share", "--from", "2026-01-01", "--to", "2026-03-01")
    assert out.splitlines()[-1] == f"2026-01-01 to 2026-02-28; definition {CREDIT.digest}; snapshot 20260101T000000-1"


def test_a_named_reader_without_a_rule_is_given_nothing(shell):
    *_, asked = shell("show", "credit_share", "--as", "somebody@example.com")
    assert not asked["scope"].is_full and not asked["scope"].rules


def test_list_names_every_metric_with_its_definition(shell):
    assert "Share of lines that are credit notes." in shell("list")[1]
    assert json.loads(shell("list", "--json")[1])[0]["options"] == {"cut": 180, "fresh": False, "kind": None}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("show", "margin"), 1, "no metric 'margin'; there are credit_share"),
        (("show", "credit_share", "--by", "colour"), 1, "no column 'colour'"),
        (("show", "credit_share", "--where", "region"), 1, "'region' is not of the form COLUMN=VALUE"),
        (("show", "credit_share", "--option", "shade=1"), 1, "has no option shade"),
        (("show", "credit_share", "--from", "2026-05-01", "--to", "2026-05-01"), 1, "2026-05-01 … 2026-05-01 is empty"),
        (("show", "credit_share", "--data", "nowhere"), 1, "nothing has been published in nowhere"),
        (("show", "credit_share", "--from", "yesterday"), 2, "--from"),
        (("show", "credit_share", "--grain", "decade"), 2, "decade"),
        (("show",), 2, "name"),
        ((), 2, "command"),
    ],
)
def test_what_is_wrong_is_said_on_standard_error(shell, arguments, code, message):
    status, out, err, _ = shell(*arguments)
    assert (status, out) == (code, "") and message in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(0.5), 0.5), (np.int64(3), 3), (float("nan"), None), (float("inf"), None), (pd.NA, None), (pd.NaT, None), (D("2026-01-01"), "2026-01-01"),
        ("nan", "nan"), ({"a": [np.nan, D("2026-01-01")]}, {"a": [None, "2026-01-01"]}), (np.array([1, 2]), [1, 2]), (np.bool_(True), True),
    ],
)  # fmt: skip
def test_figures_become_plain_json(value, plain):
    assert cli._plain(value) == plain


@pytest.mark.parametrize(
    ("kept", "differs"),
    [
        (5, True),  # one success and one failure added: 6/32 ± .0690 and 1/32 ± .0308; (5/30 - 0) / √(.0690² + .0308²) = 2.21 > 1.96
        (1, False),  # 2/32 ± .0428; (1/30 - 0) / √(.0428² + .0308²) = 0.63
    ],
)
def test_a_group_at_0_differs_like_any_other(kept, differs):
    one, other = ({"value": k / 30, "se": stats.share_se(k, 30)} for k in (kept, 0))
    assert differ(one, other) == differ(other, one) == differs
