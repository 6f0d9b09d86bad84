"""`python -m notify digest`, from the sources file to the service: whose customers, only what has changed, dry runs, failures that are made up for."""

import datetime as dt

import pytest

import access.__main__ as rules_cli
from notify.__main__ import main
from records import cases, database, journal, notices
from records.models import Case
from tests.notify import servers
from tests.published import publish

KEY = "k9k9k9-secret-key-k9"
NOW = dt.datetime(2026, 8, 1, 8, tzinfo=dt.UTC)
SOURCES = """
[sources.made]
kind = "files"
path = "."
[sources.made.tables.customers]
rows = [{ customer_id = "a", name = "A", kind = "company" }]
columns = { customer_id = "customer_id", name = "name", kind = "kind" }
[notify]
base_url = "https://r.example.com"
"""
ANN, SOUTH, ALL = (
    f'[[notify.targets]]\nname = "{name}"\nkind = "wecom"\nurl = "secret:notify.bot.url"\nevery = "change"\n{about}\n'
    for name, about in (("ann", 'owner = "Ann@example.com"'), ("south", 'reader = "sue@example.com"\nlanguage = "zh"'), ("all", "everybody = true"))
)


def company() -> dict[str, list[dict]]:
    """Three customers whose payment failed, one of whom is another owner's, one record merged into the first; one with whom all is well."""
    owners = [("crm:o1", "Ann", "ann@example.com"), ("crm:o2", "Bob", "bob@example.com")]
    named = (("a", "Alpha <!here>", 1, "North"), ("b", "Beta", 1, "South"), ("c", "Gamma", 2, "South"), ("d", "Delta", 1, "South"))
    customers = [{"customer_id": f"crm:{k}", "name": name, "owner_id": f"crm:o{o}", "region": region, "kind": "company"} for k, name, o, region in named]
    customers.append({"customer_id": "erp:a", "name": "Alpha Ltd", "kind": "company", "merged_into": "crm:a"})
    of = {k: {"customer_id": f"crm:{k}", "amount": 1000} for k in "abcd"}
    payments = [{"payment_id": f"erp:p{k}", "paid_on": "2026-07-20", "is_failed": k != "d", **row} for k, row in of.items()]
    invoices = [{"invoice_line_id": f"erp:i{k}", "invoice_id": f"erp:i{k}", "issued_on": "2026-07-01", **row} for k, row in of.items()]
    return {
        "customers": customers, "owners": [{"owner_id": key, "name": name, "email": mail, "is_active": True} for key, name, mail in owners],
        "payments": payments, "invoices": invoices,
    }  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = publish(tmp_path_factory.mktemp("digest") / "data", company())
    assert rules_cli.main(["grant", "sue@example.com", "customer_success", "segment", "--where", "region=South", "--data", str(folder)]) == 0
    return folder


@pytest.fixture
def run(data, tmp_path, monkeypatch, capsys):
    """run(ANN, "--dry-run") → (exit code, what was printed)."""
    monkeypatch.setenv("RAPPORT_SECRET_NOTIFY_BOT_URL", f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={KEY}")
    with database.opened(data).begin() as connection:
        for table in ("notices", "deliveries", "cases"):
            connection.exec_driver_sql(f"delete from {table}")

    def run(targets, *words):
        (tmp_path / "sources.toml").write_text(SOURCES + targets, encoding="utf-8")
        code = main(["digest", "--data", str(data), "--sources", str(tmp_path / "sources.toml"), *words])
        said = capsys.readouterr()
        assert KEY not in said.out + said.err
        return code, said.out + said.err

    return run


@pytest.fixture
def web(monkeypatch):
    with servers.web(monkeypatch) as state:
        yield state


def texts(web) -> list[str]:
    return [payload["text"]["content"] for _, _, payload in web.posts]


def test_a_dry_run_says_what_would_be_sent_to_whom_and_sends_nothing(run, web, data):
    code, said = run(ANN, "--dry-run")
    assert code == 0 and "ann (wecom, en; about the customers of Ann@example.com; its address is set)" in said
    assert "2 customers newly at risk" in said and "Beta" in said and "Gamma" not in said and "Failed payment since 20 Jul 2026" in said
    assert web.posts == [] and notices.told(database.connect(data), "ann") == {} and notices.delivery(database.connect(data), "ann") is None


def test_each_target_is_told_of_its_own_customers_alone_and_only_once(run, web, data):
    code, said = run(ANN + SOUTH + ALL)
    ann, south, everybody = texts(web)
    assert code == 0 and said.count("sent:") == 3
    assert [[name in text for name in ("Alpha", "Beta", "Gamma", "Delta")] for text in (ann, south, everybody)] == [
        [True, True, False, False], [False, True, True, False], [True, True, True, False],
    ]  # fmt: skip
    assert "付款失败" in south and "<" not in ann and "https://r.example.com/customer?id=crm%3Aa" in ann and "CN¥1,000" in ann
    code, said = run(ANN + SOUTH + ALL)
    assert code == 0 and said.count("nothing has changed") == 3 and len(web.posts) == 3
    (entry,) = journal.entries(database.connect(data), action="notice_sent")[:1]
    assert entry.object == "all" and entry.detail == {"kind": "wecom", "about": "everybody", "new": 3, "over": 0}


def test_what_did_not_go_out_is_told_and_made_up_for(run, web, data):
    web.answer = (200, {"errcode": 45009, "errmsg": f"too many for {KEY}"})
    code, said = run(ANN)
    found = notices.delivery(database.connect(data), "ann")
    assert code == 1 and "code 45009" in said and "tries again" in said and notices.told(database.connect(data), "ann") == {}
    assert "code 45009" in found.failure and KEY not in found.failure and found.sent_at is None and found.checked_on is None
    web.answer = (200, {"errcode": 0})
    assert run(ANN)[0] == 0 and "2 customers newly at risk" in texts(web)[1]
    assert notices.delivery(database.connect(data), "ann").failure is None


def test_a_flag_that_belongs_to_a_case_is_not_told_and_one_that_is_over_is(run, web, data):
    engine = database.opened(data)
    flags = [{"kind": "payment", "row": "erp:pa", "on": "2026-07-20", "n": 1}]
    made = Case(customer_id="erp:a", flags=flags, currency="CNY", snapshot="s", assignee="ann", due_on=dt.date(2036, 1, 1))
    cases.add(engine, made, by="x", at=NOW)  # of a record that was merged into crm:a since
    notices.done(engine, "ann", {"crm:d": flags, "erp:a": flags, "crm:c": flags}, on=NOW.date(), at=NOW, is_sent=True)
    code, said = run(ANN)
    (told,) = texts(web)
    assert code == 0 and "1 customer newly at risk, 1 no longer" in said
    assert "Beta" in told and "Alpha" not in told and told.rstrip().splitlines()[-3:-1] == ["• Delta", ""] and "Gamma" not in told


def test_a_digest_waits_for_its_weekday(run, web, data):
    target = ANN.replace('every = "change"', 'every = "week"')
    today = dt.datetime.now(dt.UTC).date()
    notices.done(database.opened(data), "ann", {}, on=today, at=NOW, is_sent=False)
    assert "not due" in run(target)[1] and web.posts == []
    notices.done(database.opened(data), "ann", {}, on=today - dt.timedelta(days=7), at=NOW, is_sent=False)
    assert "sent:" in run(target)[1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('name = "x"\nkind = "pigeon"\nurl = "secret:a"\neverybody = true', "'pigeon' is not one of"),
        ('name = "x"\nkind = "slack"\nurl = "https://hooks.slack.com/services/T/B/X"\neverybody = true', "url"),
        ('name = "x"\nkind = "slack"\nurl = "secret:a"', "exactly one of owner"),
        ('name = "x"\nkind = "slack"\nurl = "secret:a"\nowner = "a@x.org"\neverybody = true', "exactly one of owner"),
        ('name = "x"\nkind = "slack"\nurl = "secret:a"\neverybody = true\nhour = 3', "unknown key"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_misuse_and_named(run, wrong, said):
    code, told = run(f"[[notify.targets]]\n{wrong}\n")
    assert code == 2 and said in told and "hooks.slack.com/services" not in told


def test_nobody_is_told_by_leaving_something_out(run, web):
    assert run("")[0] == 0 and run(ANN.replace("Ann@example.com", "stranger@example.com"))[1].count("nothing has changed") == 1
    assert run(ANN, "--only", "bob")[0] == 2 and web.posts == []
