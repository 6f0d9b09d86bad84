"""Every reason for refusing a row is recognised, in the words that the sync itself wrote."""

import re

import pytest

from tests.refused import refused
from ui import recognised, refusals, words
from warehouse import contract, quarantine, validation
from warehouse.snapshots import latest


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    data = refused(tmp_path_factory.mktemp("refused"))
    return quarantine.rows(data, latest(data)).to_pylist()


@pytest.fixture
def chinese(monkeypatch):
    for module in (recognised, words):
        monkeypatch.setattr(module, "language", lambda: "zh-CN")


RULES = sorted({rule.name for entity in contract.ENTITIES for rule in validation.rules(entity)} | {"amount: unreadable", "row: unreadable", "key: duplicate"})


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_of_the_contract_has_its_words(chinese, rule):
    said = refusals.rule(rule)
    assert re.search("[一-鿿]", said) and said.startswith(rule.split(":")[0])


def test_what_a_sync_really_says_is_known(rows, chinese):
    reasons = {reason for row in rows for reason in row["reasons"]}
    assert len(reasons) >= 8
    assert [reason for reason in reasons if not re.search("[一-鿿]", refusals.sentence(reason))] == []


def test_and_in_english_it_is_said_as_it_was(rows):
    for row in rows:
        assert [refusals.sentence(reason) for reason in row["reasons"]] == row["reasons"]


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("amount is missing; every row needs one", "amount 缺失：每行都必须有值"),
        ("kind is alien; allowed are company, person", "kind 为 alien；允许的值为 company, person"),
        ("period_end 2026-01-01 is before period_start 2026-02-01", "period_end 2026-01-01 早于 period_start 2026-02-01"),
        ("score -1: must be at least 0", "score 为 -1：不得小于 0"),
        ("amount: 'x is missing; every row needs one' is not a decimal number", "amount：“x is missing; every row needs one”不是小数"),
        ("something else entirely", "something else entirely"),
    ],
)
def test_sentences(chinese, sentence, said):
    assert refusals.sentence(sentence) == said
