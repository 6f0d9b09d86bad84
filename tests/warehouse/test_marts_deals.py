"""What became of each deal, from tables small enough to follow by hand."""

import datetime as dt
import inspect

import pytest

from metrics.query import collect
from tests.made import made
from warehouse import marts
from warehouse.marts import deals, money
from warehouse.marts import stages as stages_module
from warehouse.marts.stages import StageError, stages

D = dt.date.fromisoformat
QNW = {"metrics": {"funnel": {"stages": ["Q", "N", "Won"]}}}


def moves(deal: str, path: str, month: int = 1) -> list[dict]:
    """One entry a day from the first of the month: "Q N Won"."""
    return [{"deal_id": deal, "stage": s, "entered_at": f"2026-{month:02}-{day:02}T09:00:00"} for day, s in enumerate(path.split(), start=1)]


def deal(name: str, stage: str = "Q", is_won=None, **more) -> dict:
    return {"deal_id": name, "stage": stage, "is_won": is_won, "created_at": "2026-01-01T09:00:00", "currency": "CNY", "amount": 100, **more}


def steps(tables, flag: str) -> dict[str, list[int]]:
    """Per deal, the positions where the flag is up."""
    rows = collect(tables["deal_steps"])
    rows = rows[rows[flag].astype("boolean").fillna(False)]
    return {name: sorted(group["position"].tolist()) for name, group in rows.groupby("deal_id")}


def three_deals():
    return made(
        {
            "deals": [deal("d1", "Won", True, closed_at="2026-01-05T09:00:00"), deal("d2", "Q", False, closed_at="2026-01-03T09:00:00"), deal("d3", "N")],
            "deal_stages": moves("d1", "Q N Q N Won") + moves("d2", "Q") + moves("d3", "Q N"),
        },
        QNW,
    )


def test_each_deal_counts_once_per_stage_however_often_it_went_there():
    tables = three_deals()
    assert steps(tables, "is_passed") == {"d1": [1, 2, 3], "d2": [1], "d3": [1, 2]}
    assert steps(tables, "is_strict") == steps(tables, "is_own") == steps(tables, "is_passed")
    entries = collect(tables["deal_steps"]).set_index(["deal_id", "position"])["entries"]
    assert entries["d1", 2] == 2


def test_time_spent_adds_up_all_stays_and_ends_with_the_loss():
    rows = collect(three_deals()["deal_steps"]).set_index(["deal_id", "position"])
    day = 86400
    assert rows.loc[("d1", 1), "stayed_s"] == 2 * day  # 1st to 2nd and 3rd to 4th of January
    assert rows.loc[("d2", 1), "stayed_s"] == 2 * day  # 1st until it was lost on the 3rd
    assert rows.loc[("d3", 2), "stayed_s"] == 0
    assert rows.loc[("d3", 2), "there_s"] == dt.datetime(2026, 1, 2, 9, tzinfo=dt.UTC).timestamp()


@pytest.mark.parametrize(
    ("what", "row", "log", "stays"),
    [
        ("moves only are logged: the first stage lasted from the creation", deal("d", "N"), moves("d", "Q N")[1:], {1: 1}),
        ("logged from the creation on in the second stage", deal("d", "N"), [{"deal_id": "d", "stage": "N", "entered_at": "2026-01-01T09:00:00"}], {1: None}),
        ("won, nothing logged", deal("d", "Won", True, closed_at="2026-01-05T09:00:00"), [], {1: None, 3: None}),
        ("lost in the first stage, nothing logged", deal("d", "Q", False, closed_at="2026-01-05T09:00:00"), [], {1: 4}),
        ("back to the first stage", deal("d", "Q"), moves("d", "Q N Q"), {1: 1, 2: 1}),
    ],
)
def test_a_stay_is_only_timed_where_its_length_is_known(what, row, log, stays):
    rows = collect(made({"deals": [row], "deal_stages": log}, QNW)["deal_steps"]).set_index("position")
    days = (rows["stayed_s"] / 86400).to_dict()
    assert {position: None if days[position] != days[position] else days[position] for position in stays} == stays


def test_a_skipped_stage_is_passed_but_not_reached_in_order():
    line = {"metrics": {"funnel": {"stages": ["created", "lead", "opportunity", "customer"]}}}
    tables = made({"deals": [deal("d", "customer", True, closed_at="2026-01-03T09:00:00")], "deal_stages": moves("d", "created lead customer")}, line)
    assert steps(tables, "is_passed") == {"d": [1, 2, 3, 4]}
    assert steps(tables, "is_own") == {"d": [1, 2, 4]}
    assert steps(tables, "is_strict") == {"d": [1, 2]}


# ClickHouse, tests/queries/0_stateless/00632_aggregation_window_funnel: how far windowFunnel(…)(a, b, c) gets
CLICKHOUSE = [("a b c", 3), ("a d b c", 3), ("a a b b c c", 3), ("a a a a b b c c", 3), ("a a b b d d c c", 3), ("c c b b a a", 1), ("a c b", 2)]


@pytest.mark.parametrize(("path", "reached"), CLICKHOUSE)
def test_strict_goes_as_far_as_clickhouses_window_funnel(path, reached):
    settings = {"metrics": {"funnel": {"stages": ["a", "b", "c"]}}}
    # the deal is created with its first "a": windowFunnel begins there, too
    tables = made({"deals": [deal("u", "x", created_at="2026-01-01T08:00:00")], "deal_stages": moves("u", path)}, settings)
    logged_first = path.startswith("a")
    assert max(steps(tables, "is_strict")["u"]) == (reached if logged_first else 1)


@pytest.mark.parametrize(
    ("name", "row", "passed"),
    [
        ("open, only its stage known", deal("d", "Quote"), [1, 2, 3]),
        ("won, only its outcome known", deal("d", "closed", True, closed_at="2026-02-01T09:00:00"), [1, 2, 3, 4]),
        ("lost, stage unknown", deal("d", "closed", False, closed_at="2026-02-01T09:00:00"), [1]),
        ("Chinese stage name", deal("d", "报价"), [1, 2, 3]),
        ("another spelling", deal("d", "FOLLOW_UP "), [1, 2]),
    ],
)
def test_without_a_history_the_present_stage_and_the_outcome_speak(name, row, passed):
    tables = made({"deals": [row, deal("other", "Quote")]})
    assert steps(tables, "is_passed")["d"] == passed


def test_stages_called_otherwise_and_not_configured_leave_created_won_and_paid():
    tables = made({"deals": [deal("d", "Engaging"), deal("e", "Won", True, closed_at="2026-02-01T09:00:00")]})
    rows = collect(tables["deal_steps"]).sort_values("position")
    assert rows["stage"].unique().tolist() == ["Created", "Won", "Payment received"]
    assert steps(tables, "is_passed") == {"d": [1], "e": [1, 2]}


def paid_case(payments, invoices=(), **more):
    return made(
        {
            "customers": [{"customer_id": "c"}, {"customer_id": "x"}],
            "deals": [deal("d", "Contract", True, customer_id="c", closed_at="2026-03-10T15:00:00"), deal("q", "Quote", customer_id="x")],
            "invoices": [{"customer_id": "c", "amount": 100, **i} for i in invoices],
            "payments": [{"customer_id": "c", "amount": 100, "currency": "CNY", **p} for p in payments],
            **more,
        }
    )


@pytest.mark.parametrize(
    ("what", "payments", "invoices", "paid"),
    [
        ("paid later", [{"paid_on": "2026-04-01"}], [], "2026-04-01"),
        ("the first one counts", [{"paid_on": "2026-05-01"}, {"paid_on": "2026-04-01"}], [], "2026-04-01"),
        ("on the day of the contract", [{"paid_on": "2026-03-10"}], [], "2026-03-10"),
        ("before the contract", [{"paid_on": "2026-03-09"}], [], None),
        ("failed", [{"paid_on": "2026-04-01", "is_failed": True}], [], None),
        ("a refund", [{"paid_on": "2026-04-01", "amount": -5}], [], None),
        ("somebody else's", [{"paid_on": "2026-04-01", "customer_id": "x"}], [], None),
        ("for an older invoice", [{"paid_on": "2026-04-01", "invoice_id": "i"}], [{"invoice_id": "i", "issued_on": "2026-02-01"}], None),
        ("for a new invoice", [{"paid_on": "2026-04-01", "invoice_id": "i"}], [{"invoice_id": "i", "issued_on": "2026-03-10"}], "2026-04-01"),
    ],
)
def test_cash_is_a_payment_for_what_was_invoiced_since_the_contract(what, payments, invoices, paid):
    rows = collect(paid_case(payments, invoices)["deal_steps"]).set_index(["deal_id", "stage"])
    row = rows.loc[("d", "Payment received")]
    assert bool(row["is_passed"]) is (paid is not None)
    assert row["entered_on"] == (D(paid) if paid else None)


def test_without_any_payment_in_the_data_cash_is_unknown_not_zero():
    rows = collect(paid_case([])["deal_steps"])
    assert rows[rows["stage"] == "Payment received"]["is_passed"].isna().all()
    assert rows[rows["stage"] == "Contract"]["is_passed"].notna().all()


def test_without_payments_the_crms_own_entries_count():
    log = [{"deal_id": "d", "stage": "Payment received", "entered_at": "2026-03-20T09:00:00"}]
    assert steps(paid_case([], deal_stages=log), "is_passed")["d"] == [1, 2, 3, 4, 5]
    # with payments, what the CRM says about cash does not count
    assert steps(paid_case([{"paid_on": "2026-03-01"}], deal_stages=log), "is_passed")["d"] == [1, 2, 3, 4]


def test_facts_carry_owner_lead_product_and_the_amount_at_the_closing_days_rate():
    tables = made(
        {
            "owners": [{"owner_id": "o", "name": "Li", "department": "East"}],
            "leads": [{"lead_id": "l", "source_channel": "website", "campaign_id": None}],
            "products": [{"product_id": "p", "name": "Pump", "category": "Parts"}],
            "rates": [{"currency": "USD", "day": "2026-01-01", "rate": 6.0}, {"currency": "USD", "day": "2026-01-10", "rate": 7.0}],
            "deals": [
                deal("d", "Won", True, owner_id="o", lead_id="l", product_id="p", currency="USD", closed_at="2026-01-12T09:00:00", series="GTX"),
                deal("open", "Q", currency="USD"),
                deal("unknown", "Q", currency="CHF"),
                deal("empty", "Q", amount=None, currency=None),
            ],
        },
        QNW,
    )
    rows = collect(tables["deal_facts"]).set_index("deal_id")
    d = rows.loc["d"]
    assert (d["owner"], d["department"], d["source_channel"], d["category"], d["series"]) == ("Li", "East", "website", "Parts", "GTX")
    assert rows["amount_reporting"].fillna(-1).to_dict() == {"d": 700, "open": 600, "unknown": -1, "empty": -1}
    assert rows["is_unconverted"].to_dict() == {"d": False, "open": False, "unknown": True, "empty": False}
    assert rows["outcome"].to_dict() == {"d": "won", "open": "open", "unknown": "open", "empty": "open"}
    assert (rows.loc["d", "reached"], rows.loc["d", "reached_stage"]) == (3, "Won")


def test_no_deals_no_rows():
    tables = made({})
    assert all(collect(tables[name]).empty for name in ("deal_entries", "deal_facts", "deal_steps"))


@pytest.mark.parametrize(
    ("funnel", "message"),
    [
        ({"stages": ["Lead"]}, "at least two stages"),
        ({"stages": ["Lead", ["Quote", "lead"]]}, "lead stands for two stages"),
        ({"stages": ["Lead", "Quote"], "won_stage": "Contract"}, "'Contract' is not among"),
        ({"stages": ["Lead", "Payment received", "Done"]}, "must be the last one, not number 2 of 3"),
    ],
)
def test_stages_that_cannot_be_meant_are_refused_with_the_reason(funnel, message):
    with pytest.raises(StageError, match=message):
        stages({"metrics": {"funnel": funnel}})


def test_a_mart_is_rebuilt_when_the_modules_it_stands_on_change():
    code = marts._code(deals.MARTS[1])
    assert all(inspect.getsource(module) in code for module in (deals, money, stages_module))
