"""The audit's judgements, on answers made by hand; what it says when there is nothing to say; and when two audits differ."""

import datetime as dt
import json

import duckdb
import narwhals as nw
import pandas as pd
import pytest

from metrics import CATALOGUE, audit, audit_content, maturity
from metrics.audit_policy import keyed, policy
from metrics.audit_presence import DAYS, absent, at_all, longest, presence
from metrics.audit_readings import Reading
from metrics.audit_rules import RULES
from metrics.period import Calendar, Period, PeriodError
from metrics.query import QuestionError
from metrics.result import Answer, Check

START, END = dt.date(2026, 7, 1), dt.date(2026, 10, 1)
PERIOD = Period(START, END, END)
QUARTER = audit.Quarter("2026Q3", START, END)
BY_KEY = {rule.key: rule for rule in RULES}


def settings(**given):
    return {"calendar": {"currency": "CNY"}, "metrics": {"audit": given}}


def material(given=None, loaded=END, sources=(), facts=None):
    return audit.Material(PERIOD, loaded, given or settings(), list(sources), facts or {})


def asked(**answers):
    """ask: the answers given, and for every other metric a refusal."""

    def ask(name, query):
        if name not in answers:
            raise QuestionError(f"no {name} here")
        return answers[name]

    return ask


def line(key, answer, given=None, **further):
    """The line of a check for an answer of its metric."""
    rule = next(rule for rule in RULES if key == rule.key or key.startswith(rule.key + "."))
    found = audit.lines(asked(**{rule.metric: answer}), material(given, **further))
    return next(one for one in found if one["key"] == key)


def rows(*given, notes=None, checks=()):
    return Answer(pd.DataFrame(list(given)), tuple(checks), notes or {})


def share(done, n):
    return {"value": done / n, "n": n, "numerator": done, "low": 0.0, "high": 1.0}


# verdicts


@pytest.mark.parametrize(
    ("done", "n", "verdict"),
    [(16, 20, "pass"), (15, 20, "warn"), (10, 20, "warn"), (9, 20, "fail"), (4, 9, "warn"), (8, 9, "pass")],  # 0.8 and 0.5; of 9 cases it only warns
)
def test_a_share_is_held_against_two_thresholds(done, n, verdict):
    found = line("loops.detractors", rows(share(done, n)))
    assert (found["verdict"], found["value"], found["n"], found["figures"]["done"]) == (verdict, done / n, n, done)
    assert found["few"] == ((done, n) == (4, 9))


@pytest.mark.parametrize(("changed", "verdict"), [(20, "pass"), (21, "warn"), (35, "warn"), (36, "fail")])
def test_where_less_is_better(changed, verdict):
    assert line("grades.changed", rows(share(changed, 100)))["verdict"] == verdict


def test_no_cases_are_no_data_and_not_zero():
    found = line("loops.detractors", rows({"value": float("nan"), "n": 0, "numerator": 0, "low": None, "high": None}))
    assert (found["verdict"], found["value"], found["says"]) == ("no_data", None, "no_data")


def test_a_metric_that_cannot_be_asked_says_why():
    found = next(one for one in audit.lines(asked(), material()) if one["key"] == "loops.detractors")
    assert (found["verdict"], found["says"], found["figures"]) == ("no_data", "refused", {"why": "no detractor_follow_up here"})


def test_what_people_wrote_down_is_not_judged_where_nobody_looked():
    found = {one["key"]: one["says"] for one in audit.lines(asked(), material())}
    assert {found[key] for key in ("loops.cases", "targets.pace", "followed.findings")} == {"not_asked"}


def test_a_line_for_every_clock_and_its_evidence():
    answer = rows({"clock": "promise", **share(95, 100)}, {"clock": "after_quote", **share(70, 100)}, notes={"limits": {}})
    found = [one for one in audit.lines(asked(clocks=answer), material()) if one["rule"] == "clocks"]
    assert [(one["part"], one["verdict"]) for one in found] == [("promise", "pass"), ("after_quote", "fail")]
    assert found[1]["evidence"] == [{"options": {}, "where": {"clock": "after_quote"}}]


def health(*given):
    columns = ("source", "entity", "check", "dimension", "value", "n", "numerator", "threshold", "verdict", "owner")
    return Answer(pd.DataFrame([dict(zip(columns, row, strict=True)) for row in given]))


CHECKS = (
    ("crm", "customers", "bad_phone", "validity", 0.01, 100, 1, 0.02, "pass", None),
    ("crm", "customers", "bad_email", "validity", 0.10, 100, 10, 0.02, "fail", "Ann"),
    ("erp", "customers", "bad_email", "validity", 0.03, 100, 3, 0.02, "warn", None),
    ("crm", "customers", "duplicate", "uniqueness", 0.04, 100, 4, 0.01, "fail", None),
    ("erp", "customers", "duplicate", "uniqueness", 0.00, 300, 0, 0.01, "pass", None),
)


def test_a_dimension_is_as_good_as_its_worst_check_and_names_those_over():
    found = line("health.validity", health(*CHECKS))
    assert (found["verdict"], found["value"], found["n"]) == ("fail", pytest.approx(1 - 14 / 300), 300)
    assert [(one["check"], one["source"], one["verdict"]) for one in found["figures"]["named"]] == [("bad_email", "crm", "fail"), ("bad_email", "erp", "warn")]
    assert (found["figures"]["checks"], found["figures"]["over"], found["figures"]["rows"]) == (3, 2, 13)
    assert found["evidence"][0] == {"options": {"check": "bad_email"}, "where": {"source": "crm", "entity": "customers"}}


def test_who_a_customer_is_stands_apart_from_the_dimensions():
    found = {one["key"]: one for one in audit.lines(asked(data_health=health(*CHECKS)), material())}
    assert (found["identity.duplicate"]["verdict"], found["identity.duplicate"]["value"], found["identity.duplicate"]["n"]) == ("fail", 4 / 400, 400)
    assert found["identity.two_names"]["verdict"] == "no_data" and "health.uniqueness" not in found


def test_findings_about_who_is_one_customer_are_counted_in_records():
    """A finding about two sources stands in both of their rows; a record stands in one."""
    told = [("pair waiting", "crm", 30, 30), ("pair waiting", "erp", 30, 30), ("circular parents", "crm", 1, 3), ("two names", "crm", 9, 20)]
    answer = rows(*({"finding": kind, "source": source, "value": value, "n": n} for kind, source, value, n in told), notes={"untold": False})
    waiting, contradicts = (line(f"identity.{name}", answer) for name in ("waiting", "contradicts"))
    assert [(one["value"], one["verdict"], one["figures"]["named"]) for one in (waiting, contradicts)] == [
        (60, "warn", ["pair waiting"]),
        (3, "warn", ["circular parents"]),
    ]
    assert line("identity.waiting", rows(notes={"untold": True}))["verdict"] == "no_data"


def test_records_are_no_evidence_of_a_quarter_long_ago():
    most = policy({}).state_days
    assert line("health.validity", health(*CHECKS), loaded=END + dt.timedelta(days=most))["verdict"] == "fail"
    late = audit.lines(asked(data_health=health(*CHECKS)), material(loaded=END + dt.timedelta(days=most + 1)))
    said = {one["key"]: one["says"] for one in late if one["area"] in ("health", "identity")}
    assert said["health.validity"] == said["identity.duplicate"] == "later" and set(said.values()) == {"later"}


@pytest.mark.parametrize(
    ("psi", "flagged", "verdict"), [(0.05, False, "pass"), (0.3, False, "pass"), (0.1, True, "pass"), (0.15, True, "warn"), (0.26, True, "fail")]
)
def test_a_shift_that_chance_makes_passes(psi, flagged, verdict):
    assert line("grades.mix", rows({"value": psi, "n": 400, "chance": 0.2, "is_flagged": flagged}))["verdict"] == verdict


@pytest.mark.parametrize(("drifted", "verdict"), [([], "pass"), (["orders"], "warn"), (["a", "b", "c", "d"], "fail")])
def test_features_that_drifted(drifted, verdict):
    features = [{"feature": name, "value": 0.5, "n": 90, "is_drifted": name in drifted} for name in ("orders", "a", "b", "c", "d", "usage", "x", "y", "z", "w")]
    found = line("grades.features", rows(*features, notes={"n_now": 45}))
    assert (found["verdict"], found["figures"]["named"]) == (verdict, sorted(drifted))


@pytest.mark.parametrize(("auc", "low", "verdict"), [(0.6, 0.49, "pass"), (0.55, 0.51, "pass"), (0.6, 0.55, "warn"), (0.8, 0.7, "warn"), (0.71, 0.7, "fail")])
def test_quarters_that_can_be_told_apart(auc, low, verdict):
    """Less is better: passes up to 0.55, warns up to 0.7; an interval with 0.5 in it is chance."""
    found = line("grades.apart", rows({"value": auc, "n": 90, "low": low, "high": 0.9, "is_drifted": low > 0.5}))
    assert found["verdict"] == ("fail" if auc > 0.7 else verdict)


@pytest.mark.parametrize(("ran_before", "value", "verdict"), [(["promise", "adviser_call"], 1.0, "pass"), (["promise"], 0.5, "fail")])
def test_a_clock_that_ran_in_one_quarter_only_is_no_standard_yet(ran_before, value, verdict):
    ran = [("promise", START), ("adviser_call", START), *((name, dt.date(2026, 4, 1)) for name in ran_before)]
    found = line(
        "loops.standards", rows(*({"clock": name, "period": day, **share(5, 5)} for name, day in ran), notes={"limits": {"promise": None, "adviser_call": 1}})
    )
    assert (found["value"], found["verdict"], found["figures"]["named"]) == (
        value,
        verdict,
        [name for name in ("promise", "adviser_call") if name not in ran_before],
    )


def test_a_reconciliation_that_fails_is_told_and_stands_against_signing():
    checks = (Check("a = b", True), Check("c = d", False, "1 and 2"))
    found = audit.lines(asked(funnel=rows({"stage": "Lead", "numerator": 3, "n": 3}, checks=checks)), material())
    said = next(one for one in found if one["key"] == "reconciled.funnel")
    assert (said["verdict"], said["value"], said["n"], said["figures"]["named"]) == ("fail", 1, 2, ["c = d"])
    assert audit.unreconciled(found) == [{"metric": "funnel", "name": "c = d", "detail": "1 and 2"}]
    assert audit.unreconciled(audit.lines(asked(), material())) == []


@pytest.mark.parametrize(
    ("statuses", "overdue", "verdict", "value"),
    [(["done", "accepted"], [], "pass", 1.0), (["done", "open"], [], "warn", 0.5), (["carried", "done"], [0], "fail", 0.5), ([], [], "pass", 1.0)],
)
def test_findings_of_the_audit_before(statuses, overdue, verdict, value):
    given = [{"check": f"c{k}", "status": status, "is_overdue": k in overdue} for k, status in enumerate(statuses)]
    found = audit.lines(asked(), material(facts={"findings": {"quarter": "2026Q2", "findings": given}}))
    said = next(one for one in found if one["key"] == "followed.findings")
    assert (said["verdict"], said["value"], said["n"]) == (verdict, value, len(statuses))


def test_targets_without_a_figure_are_not_counted():
    verdicts = ["reached", "on_pace", "on_pace", "behind", "missed", "no_value", "not_started"]
    facts = {"targets": [{"metric": f"m{k}", "verdict": verdict} for k, verdict in enumerate(verdicts)]}
    said = next(one for one in audit.lines(asked(), material(facts=facts)) if one["key"] == "targets.pace")
    assert (said["value"], said["n"], said["verdict"], said["figures"]["named"]) == (3 / 5, 5, "warn", ["m3", "m4"])


# policy


def test_all_faults_of_the_policy_are_told_at_once():
    given = settings(owners={"moon": "x"}, checks={"loops.detractors": {"passes": 0.4}, "nothing": {}, "health.validity": {"passes": 0.5}})
    with pytest.raises(QuestionError) as refused:
        policy(given)
    said = str(refused.value)
    assert all(text in said for text in ("no area 'moon'", "warns at 0.5, which is not at or below the 0.4", "no check 'nothing'", "judges by its own"))
    with pytest.raises(QuestionError, match=r"due_days.*least"):
        policy(settings(least=0, due_days="soon"))


def test_one_line_has_thresholds_and_an_owner_of_its_own():
    checks = {"clocks": {"owner": "Service"}, "clocks.promise": {"passes": 0.5, "warns": 0.4, "owner": "Sales"}, "clocks.adviser_call": {"skip": True}}
    answer = rows(*({"clock": name, **share(50, 100)} for name in ("promise", "after_quote", "adviser_call")), notes={"limits": {}})
    found = {one["key"]: one for one in audit.lines(asked(clocks=answer), material(settings(checks=checks, owners={"loops": "Boss"})))}
    assert [(found[key]["verdict"], found[key]["owner"]) for key in ("clocks.promise", "clocks.after_quote")] == [("pass", "Sales"), ("fail", "Service")]
    assert "clocks.adviser_call" not in found and found["loops.detractors"]["owner"] == "Boss"


def test_every_check_asks_for_a_metric_and_options_that_there_are():
    for rule in (rule for rule in RULES if rule.metric in CATALOGUE):
        assert set(rule.options) <= set(CATALOGUE[rule.metric].options), rule.key
    assert len({rule.key for rule in RULES}) == len(RULES)
    assert not [rule.key for rule in RULES if (rule.passes is None) != (rule.warns is None)]


# quarters


@pytest.mark.parametrize(
    ("day", "first_month", "name", "start", "end"),
    [
        ("2026-09-30", 1, "2026Q3", "2026-07-01", "2026-10-01"), ("2026-01-01", 1, "2026Q1", "2026-01-01", "2026-04-01"),
        ("2026-03-31", 4, "2025Q4", "2026-01-01", "2026-04-01"), ("2026-04-01", 4, "2026Q1", "2026-04-01", "2026-07-01"),
        ("2026-01-15", 2, "2025Q4", "2025-11-01", "2026-02-01"),
    ],
)  # fmt: skip
def test_the_quarters_of_a_fiscal_year(day, first_month, name, start, end):
    calendar = Calendar(first_month)
    found = audit.quarter_at(dt.date.fromisoformat(day), calendar)
    assert found == audit.Quarter(name, dt.date.fromisoformat(start), dt.date.fromisoformat(end)) == audit.quarter_named(name, calendar)


def test_what_is_no_quarter():
    for name in ("2026", "2026Q5", "Q3", "x2026Q1"):
        with pytest.raises(QuestionError, match="is no quarter"):
            audit.quarter_named(name, Calendar())


def test_a_quarter_runs_until_it_is_loaded_and_is_none_before_it_begins():
    assert [q.name for q in audit.quarters(dt.date(2026, 3, 31), dt.date(2026, 7, 2), Calendar())] == ["2026Q3", "2026Q2", "2026Q1"]
    assert not audit.period_of(QUARTER, dt.date(2026, 8, 1), Calendar()).complete
    assert audit.period_of(QUARTER, dt.date(2027, 8, 1), Calendar()) == PERIOD  # as it stood at its end
    with pytest.raises(PeriodError, match="nothing of 2026Q3 has been loaded"):
        audit.period_of(QUARTER, START, Calendar())


# sources


@pytest.mark.parametrize(
    ("days", "gap"),
    [([], (10, "01", "10")), ([1, 2, 3], (7, "04", "10")), ([5], (5, "06", "10")), ([1, 5, 10], (4, "06", "09")), (range(1, 11), (0, None, None))],
)
def test_the_longest_silence(days, gap):
    found = longest([dt.date(2026, 7, day) for day in days], START, dt.date(2026, 7, 11))
    assert (found[0], *(day and f"{day:%d}" for day in found[1:])) == gap


def tables(**days):
    """Tables of facts with these (source, day), on one connection."""
    connection = duckdb.connect()

    def made(name, told):
        connection.execute(f'create table "{name}" (source varchar, "{DAYS[name]}" date)')
        connection.executemany(f'insert into "{name}" values (?, ?)', told)
        return nw.from_native(connection.sql(f'from "{name}"'))

    return {name: made(name, told) for name, told in days.items()}


def test_a_source_that_was_absent_half_the_quarter():
    every = [START - dt.timedelta(days=k) for k in range(1, 200)] + [START + dt.timedelta(days=k) for k in range(40)]
    waves = [dt.date(2026, 1, 15), dt.date(2026, 4, 15), dt.date(2026, 7, 15)]
    found = presence(tables(interactions=[("crm", day) for day in every], answers=[("survey", day) for day in waves]), PERIOD)
    assert [(row["source"], row["gap"], row["usual"], row["is_unusual"]) for row in found] == [("crm", 52, 0, True), ("survey", 77, 89, False)]
    assert [row["source"] for row in absent(found)] == ["crm"] and at_all(found) and (found[0]["gap_from"], found[0]["gap_to"]) == ("2026-08-10", "2026-09-30")
    said = {one["key"]: one["verdict"] for one in audit.lines(asked(), material(sources=found)) if one["area"] == "sources"}
    assert said == {"sources.present.crm": "fail", "sources.present.survey": "pass"}


def test_a_source_that_said_nothing_for_years_is_still_told_of():
    found = presence(tables(interactions=[("crm", dt.date(2020, 1, 1))]), PERIOD)
    assert [(row["source"], row["with_facts"], row["share"]) for row in found] == [("crm", 0, 1.0)] and not at_all(found)


def test_a_quarter_without_data_is_all_no_data():
    found = audit.lines(asked(), material())
    assert audit.is_empty(found) and audit.counts(found) == {"fail": 0, "warn": 0, "pass": 0, "no_data": len(found)}


# content


def content(done=5, given=None, snapshot="s1"):
    made = material(given)
    return audit_content.content(QUARTER, made, snapshot, audit.lines(asked(detractor_follow_up=rows(share(done, 100))), made))


def test_the_same_audit_twice_has_the_same_letters():
    first, second = audit_content.canonical(content()), audit_content.canonical(json.loads(audit_content.canonical(content())))
    assert first == second and audit_content.hashed(first) != audit_content.hashed(audit_content.canonical(content(6)))
    assert audit_content.differences(content(), content()) == [] == audit_content.causes(content(), content())


def test_numbers_that_differ_by_what_rounding_does_are_the_same():
    assert audit_content.rounded(0.1 + 0.2) == 0.3 and str(audit_content.rounded(-0.0)) == "0.0" and audit_content.plain(float("nan")) is None


def test_what_differs_is_named_and_why():
    other = content(given=settings(checks={"loops.detractors": {"passes": 0.05, "warns": 0.01}}))
    found = {(one["key"], one["field"]): (one["was"], one["is"]) for one in audit_content.differences(content(), other)}
    assert found == {
        ("loops.detractors", "verdict"): ("fail", "pass"), ("loops.detractors", "passes"): (0.8, 0.05), ("loops.detractors", "warns"): (0.5, 0.01),
    }  # fmt: skip
    assert [(one["cause"], one["name"], one["is"]) for one in audit_content.causes(content(), other)] == [
        ("configuration", "metrics.audit.checks.loops.detractors.passes", 0.05), ("configuration", "metrics.audit.checks.loops.detractors.warns", 0.01),
    ]  # fmt: skip


def test_a_line_that_only_one_audit_has():
    without = content(given=settings(checks={"loops.cases": {"skip": True}}))
    assert {"key": "loops.cases", "field": "line", "was": "no_data", "is": None} in audit_content.differences(content(), without)


def test_another_definition_is_another_audit(monkeypatch):
    was = content()
    changed = CATALOGUE["clocks"].__class__(**{**CATALOGUE["clocks"].__dict__, "definition": "Something else."})
    monkeypatch.setitem(CATALOGUE, "clocks", changed)
    assert [(one["cause"], one["name"]) for one in audit_content.causes(was, content())] == [("definition", "clocks")]


# the questionnaire


def test_the_level_is_the_lowest_that_every_answer_reaches():
    answers = {name: {"level": 3} for name in maturity.QUESTIONS}
    assert (maturity.reached(answers), maturity.reached({**answers, "value": {"level": 1}}), maturity.reached({"value": {"level": 1}})) == (3, 1, None)
    assert maturity.answered({"value": {"level": 1}, "audit": {"level": None}}) == 1


def test_what_is_no_answer():
    assert len(maturity.faults({"weather": {"level": 1}, "value": {"level": 4}, "audit": {"level": None}})) == 2


def test_a_reading_knows_its_key():
    assert keyed(BY_KEY["clocks"], Reading("promise").part) == "clocks.promise" and keyed(BY_KEY["targets.pace"]) == "targets.pace"
