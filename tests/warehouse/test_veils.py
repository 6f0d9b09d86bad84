"""What is kept of a visible row: masks that are recognised and useless, people left out, amounts emptied; and no way around them."""

import narwhals as nw
import pytest

from access.scope import FULL, VEILS, Scope
from metrics import CATALOGUE
from metrics.metric import ask
from metrics.query import Query, QuestionError, collect
from tests.company import SETTINGS, company
from tests.made import made
from tests.metrics.test_contract import YEAR
from tests.told_apart import STEP
from warehouse import contract, veils
from warehouse.engine import Tables
from warehouse.marts import MARTS
from warehouse.veils import FREE_TEXT, GONE, MADE_OF_MONEY, is_money, is_personal, money_columns, personal_columns

PERSONAL, CONTACTS, AMOUNTS = (Scope(is_full=True, veils=(veil,)) for veil in VEILS)
ALL = Scope(is_full=True, veils=VEILS)


def seen_by(tables: Tables, scope: Scope) -> Tables:
    """The same published rows, opened by another reader."""
    opened = Tables(tables._engine, tables._stored, zone=tables._zone, scope=scope, key=tables._key)
    opened.settings = tables.settings
    return opened


def values(tables, name, column):
    return collect(tables[name].select(column))[column].tolist()


WRITTEN = "13900139000"  # in every text


@pytest.fixture(scope="module")
def secretive():
    """A company whose every customer has a number and a purse that only the source knows, and whose people write numbers into texts."""
    rows = company(customers=30)
    rows["customers"] = [{**row, "mobile": f"1380013{k:04}", "purse_value": str(1000 + k)} for k, row in enumerate(rows["customers"])]
    for name, columns in (("answers", ("text",)), ("deals", ("lost_reason",)), ("interactions", ("outcome", "next_action"))):
        rows[name] = [{**row, **{c: f"{row.get(c) or 'fine'} {WRITTEN}" for c in columns if c != "text" or row.get(c)}} for row in rows[name]]
    return made(rows, SETTINGS, step=STEP)


# masks


MASKED = [
    ("customers", "phone", "13800138000", "138****8000"),
    ("customers", "phone", "+86 138-0013-8000", "138****8000"),
    ("customers", "phone", "0086 13800138000", "138****8000"),
    ("customers", "phone", "0755-12345678", "075****5678"),
    ("customers", "phone", "12345678", GONE),  # three and four of eight digits would leave ten numbers to try
    ("customers", "phone", "ask Ann", GONE),
    ("customers", "phone", None, None),
    ("customers", "email", "anna@example.com", "a***@example.com"),
    ("customers", "email", "a@example.com", "***@example.com"),
    ("customers", "email", "a@x.com; b@y.com", GONE),
    ("customers", "email", "13800138000", GONE),  # in the wrong column
    ("customers", "email", None, None),
    ("customers", "tax_no", "91440300MA5F12345X", "9144****5X"),
    ("customers", "tax_no", "110101199003077715", "1101****15"),
    ("customers", "tax_no", "4403", GONE),
    ("customers", "name", "Wang Li", "Wang Li"),  # a person as customer is called by name like any other
    ("contacts", "name", "王小明", "王**"),
    ("contacts", "name", "Ann", "A**"),
    ("contacts", "name", "X", GONE),
    ("contacts", "phone", "13800138000", "138****8000"),
    ("owners", "name", "Ann", "Ann"),
    ("owners", "email", "ann@example.com", "a***@example.com"),
]  # fmt: skip


@pytest.fixture(scope="module")
def masked():
    """Opens one row per case, as its own customer, contact or owner."""
    keys = {"customers": "customer_id", "contacts": "contact_id", "owners": "owner_id"}
    rows = {name: [] for name in keys}
    for number, (entity, column, given, _) in enumerate(MASKED):
        customer = {} if entity == "owners" else {"customer_id": f"{number:03}"}
        rows[entity].append({**customer, keys[entity]: f"{number:03}", column: given})
    found = {}
    tables = made(rows, scope=PERSONAL)
    for entity, key in keys.items():
        found |= {int(row[key]): row for row in collect(tables[entity]).to_dict("records")}
    return found


@pytest.mark.parametrize("number", range(len(MASKED)), ids=lambda number: f"{MASKED[number][1]}={MASKED[number][2]}")
def test_a_masked_value_is_recognised_and_useless(masked, number):
    _, column, _, shown = MASKED[number]
    value = masked[number][column]
    assert (None if value != value else value) == shown


TEXTS = [
    ("call 13800138000 now", "call ••• now"),
    ("请联系13800138000谢谢", "请联系•••谢谢"),  # no blank around it
    ("+86 138 0013 8000 / 138-0013-8000", "••• / •••"),
    ("１３８００１３８０００", "•••"),  # full width
    ("mail a.b+c@mail.example.com!", "mail •••!"),
    ("身份证110101199003077715。", "身份证•••。"),
    ("11010119900307771x", "•••"),
    ("110101 19900307 7715", "•••"),
    ("税号 91440300MA5F12345X", "税号 •••"),
    ("91440300ma5f12345x", "•••"),
    ("card 6222 0212 3456 7890 123", "card •••"),
    ("+49 30 1234567", "•••"),
    ("电话0755-12345678", "电话•••"),
    ("order 20260131 of 2026-01-31 10:00, 12 pieces at 3,250.00", "order 20260131 of 2026-01-31 10:00, 12 pieces at 3,250.00"),
    ("too slow, 交货慢", "too slow, 交货慢"),
    ("INV-10000012345", "INV-•••"),  # eleven digits from 1 on: rather one number too many
    ("one three eight, Main Street 5, Anna Lee", "one three eight, Main Street 5, Anna Lee"),  # what patterns cannot find
]  # fmt: skip


def test_free_text_loses_what_looks_like_personal_data():
    tables = made({"interactions": [{"interaction_id": f"{k:02}", "customer_id": "c", "outcome": text} for k, (text, _) in enumerate(TEXTS)]}, scope=PERSONAL)
    rows = collect(tables["interactions"].select("interaction_id", "outcome")).sort_values("interaction_id")
    assert rows["outcome"].tolist() == [shown for _, shown in TEXTS]


AMOUNT_TEXTS = [
    ("quoted ¥50,000 today", "quoted ••• today"), ("报价5万元", "报价•••"), ("USD 1,200.50 a month", "••• a month"), ("1200 CNY", "•••"), ("30 万", "•••"),
    ("12 pieces on 2026-01-31", "12 pieces on 2026-01-31"), ("fifty thousand", "fifty thousand"), ("call 13800138000", "call 13800138000"),
]  # fmt: skip


def test_free_text_loses_amounts_where_amounts_are_veiled():
    rows = [{"interaction_id": f"{k:02}", "customer_id": "c", "next_action": text} for k, (text, _) in enumerate(AMOUNT_TEXTS)]
    seen = collect(made({"interactions": rows}, scope=AMOUNTS)["interactions"].select("interaction_id", "next_action")).sort_values("interaction_id")
    assert seen["next_action"].tolist() == [shown for _, shown in AMOUNT_TEXTS]


def test_every_free_text_of_every_table_is_masked(secretive):
    """The marts carry texts along; a new column of text has to be declared in FREE_TEXT."""
    shown = {name for name in secretive if WRITTEN in collect(secretive[name]).to_csv()}
    assert shown == set(FREE_TEXT)
    assert not [name for name in secretive if WRITTEN in collect(seen_by(secretive, PERSONAL)[name]).to_csv()]


# what only the source knows


@pytest.mark.parametrize(
    ("column", "personal"),
    [
        ("id_card", True), ("idCard", True), ("ID-Card", True), ("身份证号", True), ("phone", True), ("mobilePhone", True), ("手机", True), ("Tel2", True),
        ("contact_email", True), ("E-Mail", True), ("邮箱", True), ("passportNo", True), ("护照", True), ("wechat", True), ("WeChat", True), ("name", True),
        ("legal_person", True), ("bank_account_no", True), ("address", True), ("家庭住址", True),
        ("segment", False), ("industry", False), ("product_name", False), ("touchpoint", False), ("赛道", False), ("idle_days", False), ("hotel", False),
        ("mobility", False), ("branch", False),
    ],
)  # fmt: skip
def test_columns_called_like_personal_data_are_known(column, personal):
    assert is_personal(column) == personal


@pytest.mark.parametrize(
    ("column", "money"),
    [
        ("contractValue", True), ("annual_revenue", True), ("budget", True), ("price_usd", True), ("金额", True), ("年采购额", True), ("credit_limit", True),
        ("segment", False), ("priority", False), ("evaluation", False), ("sales_region", False), ("feedback", False),
    ],
)  # fmt: skip
def test_columns_called_like_amounts_are_known(column, money):
    assert is_money(column) == money


EXTRAS = {"customer_id": "c", "owner_id": "o", "手机": "13800138000", "note.free": "ask 13900139000", "annual_budget": "50000", "tier": "gold"}


@pytest.fixture(scope="module")
def extras():
    return made({"customers": [EXTRAS], "owners": [{"owner_id": "o"}]})


@pytest.mark.parametrize(
    ("scope", "shown"),
    [
        (FULL, ("13800138000", "ask 13900139000", "50000", "gold")), (PERSONAL, (GONE, "ask •••", "50000", "gold")),
        (CONTACTS, (None, "ask •••", "50000", "gold")), (AMOUNTS, ("13800138000", "ask 13900139000", None, "gold")), (ALL, (None, "ask •••", None, "gold")),
    ],
    ids=["full", *VEILS, "all"],
)  # fmt: skip
@pytest.mark.parametrize("table", ["customers", "accounts"])
def test_keys_of_extra_are_masked_as_columns_and_the_json_is_withheld(extras, scope, shown, table):
    row = collect(seen_by(extras, scope)[table]).astype(object).iloc[0]
    assert tuple(None if row[c] != row[c] else row[c] for c in ("手机", "note_free", "annual_budget", "tier")) == shown
    if table == "customers":
        assert (row["extra"] is not None and row["extra"] == row["extra"]) == (not scope.veils)


def test_an_answers_own_columns_are_masked_in_the_mart_as_well():
    """`scores` gives a column called like one of its own another name, and puts an answer's region in the place of the customer's."""
    answer = {"customer_id": "c", "survey_id": "s", "question_id": "q", "phone": "13800138000", "question": "at 13800138000", "region": "13700137000"}
    given = {"customers": [{"customer_id": "c", "region": "North"}], "surveys": [{"survey_id": "s"}], "questions": [{"question_id": "q"}], "answers": [answer]}
    row = collect(made(given, scope=PERSONAL)["scores"]).iloc[0]
    assert (row["phone"], row["answer_question"], row["region"]) == (GONE, "at •••", GONE)


def test_an_id_stays_an_id_whatever_it_looks_like():
    """A source that numbers its customers by their telephone: joins must hold. Documented as what masks cannot cover."""
    given = {"customers": [{"customer_id": "crm:13800138000"}], "invoices": [{"customer_id": "crm:13800138000", "amount": 5}]}
    given["tickets"] = [{"customer_id": "crm:13800138000", "customer_id ": "x", "owner_id": "13900139000"}]
    tables = made(given, scope=PERSONAL)
    assert values(tables, "invoices", "customer_id") == ["crm:13800138000"]
    assert values(tables, "purchases", "customer_id") == ["crm:13800138000"]


# contacts


def test_nobody_at_a_customer_is_known_where_contacts_are_veiled(secretive):
    full, tables = secretive, seen_by(secretive, CONTACTS)
    assert collect(tables["contacts"]).empty and len(collect(full["contacts"]))
    for name in tables:
        columns = set(tables[name].collect_schema().names()) & {"contact_id", "email", "phone"} - ({"email"} if name == "owners" else set())
        for column in columns:
            assert not collect(tables[name].select(column))[column].notna().any(), (name, column)
            assert name == "contacts" or collect(full[name].select(column))[column].notna().any(), "nothing there to be hidden"
    assert len(collect(tables["customers"])) == len(collect(full["customers"]))


# amounts


def test_every_column_of_the_contract_that_is_personal_or_money_is_covered():
    for name in contract.ENTITIES:
        for column in contract.columns(name).values():
            if column.kind == "decimal":
                assert column.name in money_columns(name)
            if column.personal and not (name == "customers" and column.name == "name"):
                assert column.name in personal_columns(name) and (column.name in veils.MASKS)


LEARNED = {  # features of the churn model: days, counts, shares and ratios; none is made of what was paid
    "silence", "rhythm", "pace", "expected", "tenure", "anniversary", "agreements", "contact", "complaints", "requests", "use", "satisfaction", "recommends",
    "failed", "missed",
}  # fmt: skip
POINTS = {f"points_{name}" for name in (*LEARNED, "kind", "industry", "region", "size", "channel")}
NOT_MONEY = {  # columns of marts that are broken numbers (sums of whole ones among them) and no amounts
    "deal_steps": {"stayed_s", "stays"},
    "churn_history": {"is_lost", "lost_after", "recency", "rules", *LEARNED}, "churn_tested": {"is_lost", "lost_after", "probability", "recency", "rules"},
    "churn_model": {"at", "points"}, "churn_scores": {"probability", "likelihood", "base", *LEARNED, *POINTS},
    "customer_records": {"probability"}, "identity_pairs": {"probability", "alike"},
    "daily_rates": {"rate"},  # what the market says
    "scores": {"score", "weight", "scale_min", "scale_max"}, "events": {"score", "scale_min", "scale_max"},
    "customer_quarters": {
        "orders", "interactions", "visits", "usage", "quarter_orders", "quarter_interactions", "quarter_visits", "quarter_usage", "satisfaction", "coverage",
        "interactions_score", "interactions_score_before", "satisfaction_score", "satisfaction_score_before",
    },
}  # fmt: skip


def test_every_number_of_every_mart_is_money_or_known_not_to_be(secretive):
    for name in MARTS:
        broken = {c for c, kind in secretive[name].collect_schema().items() if kind.is_float() or kind.is_decimal()}
        assert broken == set(MADE_OF_MONEY.get(name, ())) | NOT_MONEY.get(name, set()), name


def test_no_amount_is_left_where_amounts_are_veiled(secretive):
    full, tables = secretive, seen_by(secretive, AMOUNTS)
    for name in tables:
        for column in money_columns(name):
            assert not collect(tables[name].select(column))[column].notna().any(), (name, column)
            assert collect(full[name].select(column))[column].notna().any(), f"nothing there to be hidden: {name}.{column}"


# nothing lifts a veil


def asked(tables, name, **question):
    return ask(CATALOGUE[name], tables, Query(YEAR, settings=SETTINGS, **question))


@pytest.mark.parametrize(("column", "value", "shown"), [("mobile", "13800130001", {GONE}), ("purse_value", "1001", {None})])
def test_a_filter_looks_at_the_masked_value(secretive, column, value, shown):
    """Asking for one number after the other would find out whose it is."""
    full, tables = secretive, seen_by(secretive, ALL if column == "purse_value" else PERSONAL)
    where = ((column, (value,)),)
    assert asked(full, "survival", where=where).rows["n"].max() > 0, "there is somebody to be found"
    nobody = asked(tables, "survival", where=((column, ("no such value",)),)).rows
    assert asked(tables, "survival", where=where).rows.equals(nobody)
    assert set(asked(tables, "survival", by=(column,)).rows[column].astype(object).where(lambda v: v.notna(), None)) == shown


@pytest.mark.parametrize("column", ["phone", "email", "tax_no"])
def test_personal_columns_are_no_segments_at_all(secretive, column):
    for question in ({"where": ((column, ("13800138000",)),)}, {"by": (column,)}):
        for tables in (secretive, seen_by(secretive, PERSONAL)):
            with pytest.raises(QuestionError, match="no column"):
                asked(tables, "survival", **question)


@pytest.mark.parametrize("name", [name for name, metric in sorted(CATALOGUE.items()) if metric.behind])
def test_lists_behind_numbers_hold_nothing_personal(secretive, name):
    query = Query(YEAR, options=dict(CATALOGUE[name].options), settings=SETTINGS)
    text = collect(CATALOGUE[name].behind(seen_by(secretive, PERSONAL), query)).to_csv()
    assert "138001" not in text and WRITTEN not in text and "@example.com" not in text.replace("***@example.com", "")


def test_a_comment_cannot_be_guessed(secretive):
    comment = f"fine {WRITTEN}"
    query = Query(YEAR, where=(("text", (comment,)),), settings=SETTINGS)
    assert len(collect(CATALOGUE["verbatims"].behind(secretive, query)))
    assert collect(CATALOGUE["verbatims"].behind(seen_by(secretive, PERSONAL), query)).empty


def test_readers_with_and_without_veils_share_their_views_and_nothing_else():
    full = made({"customers": [{"customer_id": "c", "phone": "13800138000"}]})
    assert values(seen_by(full, PERSONAL), "customers", "phone") == ["138****8000"]
    assert values(full, "customers", "phone") == ["13800138000"]
    assert collect(seen_by(full, CONTACTS)["customers"])["phone"].isna().tolist() == [True]


def test_who_sees_everything_reads_the_view_itself(secretive):
    """Veils may cost those who have none nothing: not one step is added to their query."""
    tables = seen_by(secretive, FULL)
    for name in ("customers", "invoices", "scores"):
        assert tables[name].to_native().sql_query() == nw.to_native(tables._session.frame(tables._view(name))).sql_query()


def test_a_veil_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no veil 'amount'; there are personal, contacts, amounts"):
        Scope(is_full=True, veils=("amount",))
    assert Scope(veils=("amounts", "personal")) == Scope(veils=("personal", "amounts"))
