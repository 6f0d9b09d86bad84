"""Customer identity: every rule by hand, decisions, branches, bad input, and properties over random records."""

import json
import random

import duckdb
import pytest

from warehouse.identity import DecisionError, RecordError, branches, clusters, findings, identity
from warehouse.identity.clusters import CERTAIN, DECIDED, PROBABLE
from warehouse.identity.records import COLUMNS

TAX, OTHER_TAX = "91110000600037341L", "91350100M000100Y43"


def record(record_id, name="华为技术有限公司", kind="company", **keys):
    return {**dict.fromkeys(COLUMNS), "record_id": record_id, "kind": kind, "name": name, **keys}


def asked(rows, decisions=(), merged=(), **options):
    """The answer for these records, decisions (a, b, decision, hour) and declared merges (record, into), its tables as lists of rows."""
    con = duckdb.connect()
    con.execute("create table merged (record_id varchar, merged_into varchar)")
    if merged:
        con.executemany("insert into merged values (?, ?)", merged)
    con.execute(f"create table asked ({', '.join(f'{name} varchar' for name in COLUMNS)})")
    con.execute("create table decided (record_a varchar, record_b varchar, decision varchar, decided_at timestamp)")
    if rows:
        con.executemany(f"insert into asked values ({', '.join('?' * len(COLUMNS))})", [[row[name] for name in COLUMNS] for row in rows])
    if decisions:
        con.executemany("insert into decided values (?, ?, ?, timestamp '2026-01-01' + to_hours(?))", decisions)
    answer = identity(con, "asked", "decided", "merged", **options)
    return {name: listed(getattr(answer, name)) for name in ("links", "queue", "children", "findings")} | {"figures": answer.figures}


def listed(relation):
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def customers(answer):
    return {row["record_id"]: row["customer_id"] for row in answer["links"]}


def groups(answer):
    """The customers as sets of records, the single ones left out."""
    found = {}
    for member, customer in customers(answer).items():
        found.setdefault(customer, set()).add(member)
    return sorted((group for group in found.values() if len(group) > 1), key=min)


def found(answer, kind):
    return [(sorted(row["record_ids"]), row["detail"]) for row in answer["findings"] if row["finding"] == kind]


A_PHONE, B_PHONE = "13912345678", "13700002222"
TWO = {  # what it shows → two records, and the rule that links them
    "the same tax number": (record("a", tax_no=TAX), record("b", "别的名字", tax_no=f" {TAX.lower()} "), "tax number"),
    "address and name": (record("a", email="Li@Corp.cn"), record("b", "华为", email="li@corp.cn"), "e-mail and name"),
    "an address of two scripts": (record("a", email="li@corp.cn"), record("b", "Huawei Technologies Inc", email="li@corp.cn"), "e-mail"),
    "an address and a typing error": (record("a", "华韦通信设备", email="li@corp.cn"), record("b", "华韦通迅设备", email="li@corp.cn"), "e-mail"),
    "telephone and core name": (record("a", phone=f"+86 {A_PHONE}"), record("b", "上海華為", phone=A_PHONE), "phone and name"),
    "a person by telephone": (record("a", "張偉", "person", phone=A_PHONE), record("b", "张 伟", "person", phone=A_PHONE), "phone and name"),
    "another place": (record("a", "上海华为", phone=A_PHONE), record("b", "北京华为", phone=A_PHONE), None),
    "a telephone alone": (record("a", phone=A_PHONE), record("b", "小米科技", phone=A_PHONE), None),
    "a name alone": (record("a"), record("b"), None),
    "one address, two names": (record("a", email="li@qq.com"), record("b", "小米科技", email="li@qq.com"), None),
    "a service line": (record("a", phone="400-810-8888"), record("b", phone="400-810-8888"), None),
    "placeholders": (record("a", tax_no="无", email="N/A", phone="-"), record("b", tax_no="无", email="N/A", phone="-"), None),
    "a tax number that cannot be": (record("a", tax_no="91110000600037342L"), record("b", tax_no="91110000600037342L"), None),
    "another tax number": (record("a", tax_no=TAX, phone=A_PHONE), record("b", tax_no=OTHER_TAX, phone=A_PHONE), None),
    "a branch": (record("a", tax_no=TAX, phone=A_PHONE), record("b", "华为技术有限公司上海分公司", tax_no=TAX, phone=A_PHONE), None),
    "one branch twice": (record("a", "华为技术有限公司上海分公司", phone=A_PHONE), record("b", "华为上海分公司", phone=A_PHONE), "phone and name"),
    "two branches": (record("a", "华为上海分公司", phone=A_PHONE), record("b", "华为北京分公司", phone=A_PHONE), None),
    "a parent by its source": (record("a", phone=A_PHONE), record("b", phone=A_PHONE, parent_id="a"), None),
    "a sole trader": (record("a", "张伟商行", phone=A_PHONE, email="li@corp.cn"), record("b", "张伟商行", "person", phone=A_PHONE, email="li@corp.cn"), None),
    "company and person": (record("a", "张伟", phone=A_PHONE), record("b", "张伟", "person", phone=A_PHONE), None),
}  # fmt: skip


@pytest.fixture(scope="module")
def pairs():
    """All of TWO in one run, each pair with keys and brands of its own: what → its links and its queue."""
    rows = [_own(row, i) for i, (one, other, _) in enumerate(TWO.values()) for row in (one, other)]
    answer, told = asked(rows), {}
    for i, what in enumerate(TWO):
        links = [row for row in answer["links"] if row["record_id"] in (f"a{i}", f"b{i}")]
        told[what] = {"links": links, "queue": [row for row in answer["queue"] if (row["record_a"], row["record_b"]) == (f"a{i}", f"b{i}")]}
    return told


def _own(row, i):
    """The record with its number in its id, brand and keys; what is no key stays as it is."""
    digit, brand = f"{i:02}", "甲乙丙丁戊己庚辛壬癸"[i % 10] + "子丑寅卯辰巳午未申酉戌亥"[i % 12]
    swaps = {
        "华为": brand,
        "華為": brand,
        A_PHONE: A_PHONE[:-2] + digit,
        TAX: f"DE8{digit}5691",
        TAX.lower(): f"de8{digit}5691",
        OTHER_TAX: f"FR8{digit}5692",
        "i@": f"i{digit}@",
    }
    texts = {column: text for column, text in row.items() if column in ("name", "tax_no", "email", "phone") and text}
    for old, new in swaps.items():
        texts = {column: text.replace(old, new) for column, text in texts.items()}
    return {**row, **texts, "record_id": f"{row['record_id']}{i}", "parent_id": row["parent_id"] and f"{row['parent_id']}{i}"}


@pytest.mark.parametrize("what", TWO)
def test_two_records(pairs, what):
    (first, second), rule, i = pairs[what]["links"], TWO[what][2], list(TWO).index(what)
    assert (second["customer_id"], second["rule"], second["via"]) == ((f"a{i}", rule, f"a{i}") if rule else (f"b{i}", None, None))
    assert (first["customer_id"], first["rule"]) == (f"a{i}", None)
    assert bool(second["evidence"]) == bool(rule)


ASKED = {
    "another place": "names alike", "a name alone": "names alike", "one address, two names": "one e-mail, two names",
    "another tax number": "tax numbers differ", "a service line": "names alike", "placeholders": "names alike", "a tax number that cannot be": "names alike",
    "a sole trader": "one e-mail and telephone",
}  # fmt: skip


@pytest.mark.parametrize("what", TWO)
def test_what_is_not_sure_is_asked(pairs, what):
    """Everything else is either linked or nothing to ask: other keys, or a branch, which is never its head."""
    reasons = [row["reason"] for row in pairs[what]["queue"]]
    assert reasons == ([ASKED[what]] if what in ASKED else [])


def test_evidence_says_what_agrees_and_holds_no_value(pairs):
    linked = pairs["telephone and core name"]["links"][1]["evidence"]
    assert json.loads(linked) == {"phone": "same", "name": "same"}
    assert json.loads(pairs["a name alone"]["queue"][0]["evidence"])["name"] == "same brand"
    assert json.loads(pairs["a name alone"]["queue"][0]["weights"])["name"] == 1.0


def test_links_reach_over_records():
    """a and c share nothing; b shares a telephone with one and an address with the other."""
    answer = asked([record("a", phone=A_PHONE), record("b", phone=A_PHONE, email="li@corp.cn"), record("c", "华为集团", email="li@corp.cn")])
    assert groups(answer) == [{"a", "b", "c"}]
    assert answer["figures"] == {"records": 3, "customers": 1, "linked": 2, "queued": 0, "link": 0.95, "ask": 0.05, "is_learned": False}


def test_a_bookkeepers_telephone_joins_nobody():
    rows = [
        record(f"{i}{half}", f"{brand}贸易有限公司", phone=A_PHONE) for i, brand in enumerate(("甲乙", "丙丁", "戊己", "庚辛", "壬癸", "子丑")) for half in "ab"
    ]
    answer = asked(rows)
    assert groups(answer) == [] and found(answer, "shared key") == [(sorted(row["record_id"] for row in rows), "phone")]
    assert len(groups(asked(rows[:10]))) == 5  # five names are still served


def test_a_group_of_more_than_eight_is_taken_apart_and_asked():
    rows = [record(f"r{i}", phone=A_PHONE) for i in range(9)]
    answer = asked(rows)
    assert groups(answer) == [] and found(answer, "more than 8 records") == [([f"r{i}" for i in range(9)], "9 records")]
    assert [row["record_a"] + row["record_b"] for row in answer["queue"] if row["reason"] == "more than 8 records"] == [f"r0r{i}" for i in range(1, 9)]
    assert groups(asked(rows[:8])) == [{f"r{i}" for i in range(8)}]


def test_a_tax_number_of_more_than_eight_records_is_a_default_value():
    answer = asked([record(f"r{i}", f"{brand}贸易", tax_no=TAX) for i, brand in enumerate("甲乙丙丁戊己庚辛壬")])
    assert groups(answer) == [] and found(answer, "shared key") == [([f"r{i}" for i in range(9)], "tax_no")]


# branches


def test_a_branch_is_the_child_of_its_head():
    rows = [
        record("head", tax_no=TAX),
        record("taxed", "光明分公司", tax_no=TAX),
        record("named", "华为上海分公司"),
        record("lost", "无主物流有限公司上海分公司"),
    ]
    told = {row["record_id"]: (row["parent_customer_id"], row["by"]) for row in asked(rows)["children"]}
    assert told == {"taxed": ("head", "tax number"), "named": ("head", "name"), "lost": (None, None)}


def test_two_heads_of_one_name_leave_the_branch_without_one():
    rows = [record("a", "上海华为"), record("b", "北京华为"), record("c", "华为南京分公司")]
    assert [(row["record_id"], row["parent_customer_id"]) for row in asked(rows)["children"]] == [("c", None)]


def test_parents_in_a_circle_are_told_and_are_nobodys_parents():
    rows = [record("a", parent_id="b"), record("b", parent_id="c"), record("c", parent_id="a"), record("d", parent_id="a"), record("e", parent_id="e")]
    rows += [record("f", parent_id="gone")]
    answer = asked(rows)
    assert found(answer, "circular parents") == [(["a", "b", "c"], "3 records")]
    assert {row["record_id"]: row["parent_customer_id"] for row in answer["children"]} == {"d": "a"}


def test_circles():
    assert branches.circles({1: 2, 2: 3, 3: 1, 4: 1, 5: 6}) == [[1, 2, 3]]
    assert branches.circles({9: 8, 8: 9, 2: 1, 1: 2, 7: 8}) == [[1, 2], [8, 9]]
    assert branches.circles({i: i + 1 for i in range(50_000)}) == []  # a long chain is none


# decisions


def test_what_people_decide_counts_first():
    rows = [record("a", phone=A_PHONE), record("b", phone=A_PHONE), record("c", "小米科技")]
    assert groups(asked(rows, [("b", "a", "apart", 1), ("c", "b", "same", 1)])) == [{"b", "c"}]


def test_the_newest_word_on_a_pair_counts():
    """A customer is split after its records had been linked, and linked again."""
    rows = [record("a", phone=A_PHONE), record("b", phone=A_PHONE)]
    split = [("a", "b", "same", 1), ("b", "a", "apart", 2)]
    assert groups(asked(rows, split)) == [] and asked(rows, split)["queue"] == []  # and nobody is asked again
    assert groups(asked(rows, [*split, ("a", "b", "same", 3)])) == [{"a", "b"}]
    assert groups(asked(rows, [("a", "b", "same", 1), ("b", "a", "apart", 1)])) == []  # at one instant, the careful one


def test_a_split_customer_keeps_its_third_record_on_the_surer_side():
    """c has the tax number of a and the telephone of b: it goes with a, and c and b are not asked about: a and b are held apart."""
    rows = [record("a", tax_no=TAX), record("b", phone=A_PHONE), record("c", tax_no=TAX, phone=A_PHONE)]
    answer = asked(rows, [("a", "b", "apart", 1)])
    assert groups(answer) == [{"a", "c"}] and answer["queue"] == []


def test_later_stays_in_the_queue_behind_the_others():
    rows = [record("a"), record("b"), record("c", "小米科技"), record("d", "小米科技")]
    queue = asked(rows, [("a", "b", "later", 1)])["queue"]
    assert [(row["record_a"], row["is_postponed"]) for row in queue] == [("c", False), ("a", True)]


def test_decisions_that_cannot_be_followed_are_told():
    rows = [record("a"), record("b"), record("c"), record("d", "华为上海分公司")]
    decisions = [("a", "b", "same", 1), ("b", "c", "same", 1), ("a", "c", "apart", 1), ("a", "d", "same", 1), ("a", "gone", "same", 1)]
    answer = asked(rows, decisions)
    assert groups(answer) == [{"a", "b"}]
    assert found(answer, "decisions contradict") == [(["a", "d"], "branch and head"), (["b", "c"], "held apart")]
    assert found(answer, "decision without record") == [(["a", "gone"], None)]


def test_people_may_join_what_machines_may_not():
    """Other tax numbers, and more than eight."""
    rows = [record(f"r{i}", tax_no=TAX if i else OTHER_TAX) for i in range(9)]
    assert groups(asked(rows, [(f"r{i}", "r0", "same", 1) for i in range(1, 9)])) == [{f"r{i}" for i in range(9)}]


def test_an_unknown_decision_is_refused():
    with pytest.raises(DecisionError, match="no decision 'perhaps'; there are same, apart, later"):
        asked([record("a"), record("b")], [("a", "b", "perhaps", 1)])


# what sources declare


def test_what_a_source_declares_is_certain_and_links_are_added_to_it():
    """b is merged into c by its source, a has the telephone of b: all three are one, and each record says by what."""
    rows = [record("a", phone=A_PHONE), record("b", phone=A_PHONE), record("c", "小米科技")]
    answer = asked(rows, merged=[("b", "c"), ("b", "gone"), ("c", "c")])
    assert customers(answer) == {"a": "a", "b": "a", "c": "a"}
    assert {row["record_id"]: (row["rule"], row["via"]) for row in answer["links"]} == {"a": (None, None), "b": ("source", "c"), "c": ("source", "b")}


def test_nothing_forbids_what_a_source_declares_and_who_says_otherwise_is_told():
    rows = [record("a", tax_no=TAX), record("b", "华为上海分公司", tax_no=OTHER_TAX), record("c", "小米科技")]
    answer = asked(rows, [("a", "b", "apart", 1), ("a", "c", "apart", 1)], merged=[("b", "a")])
    assert groups(answer) == [{"a", "b"}]
    assert found(answer, "decisions contradict") == [(["a", "b"], "one customer by the source")]


def test_declared_records_do_not_make_a_group_too_large():
    """Nine records of one customer by its source, and one more by telephone: two members, and no finding."""
    rows = [record(f"r{i}", phone=A_PHONE) for i in range(10)]
    answer = asked(rows, merged=[(f"r{i}", "r0") for i in range(1, 9)])
    assert groups(answer) == [{f"r{i}" for i in range(10)}] and answer["findings"] == []


def test_thresholds_may_be_set():
    figures = asked([record("a"), record("b")], link=0.9, ask=0.2)["figures"]
    assert (figures["link"], figures["ask"]) == (0.9, 0.2)


# findings


def test_one_customer_under_two_names_and_two_under_one_are_told_apart():
    rows = [
        record("a", tax_no=TAX),
        record("b", "小米科技", tax_no=TAX),
        record("c", "大地物流有限公司", tax_no=OTHER_TAX),
        record("d", "大地物流有限公司", phone=B_PHONE),
    ]
    answer = asked(rows)
    assert found(answer, "two names") == [(["a", "b"], "2 names")]
    assert found(answer, "one name") == [(["c", "d"], "2 customers")]
    assert {row["finding"] for row in answer["findings"]} <= set(findings.KINDS)


def test_persons_of_one_name_are_no_finding():
    assert asked([record("a", "张伟", "person", phone=A_PHONE), record("b", "张伟", "person", phone=B_PHONE)])["findings"] == []


# bad input


def test_no_records_no_answer():
    answer = asked([])
    assert [answer[name] for name in ("links", "queue", "children", "findings")] == [[], [], [], []]
    assert answer["figures"]["customers"] == 0


def test_records_without_anything():
    answer = asked([record("a", None), record("b", "  "), record("c", "N/A", None)])
    assert groups(answer) == [] and answer["queue"] == []


def test_records_must_be_told_apart():
    with pytest.raises(RecordError, match="'a' stands in 2 rows"):
        asked([record("a"), record("a")])
    with pytest.raises(RecordError, match="None stands in 1 rows"):
        asked([record(None)])


def test_fifty_thousand_candidates_are_listed():
    """320 persons of one name and nothing else: 320 × 319 / 2 pairs, none of which is linked."""
    answer = asked([record(f"r{i:03}", "张伟", "person") for i in range(320)])
    assert len(answer["queue"]) == 51_040 and groups(answer) == []
    assert [row["record_b"] for row in answer["queue"][:2]] == ["r001", "r002"]


def test_a_missing_column_is_named():
    con = duckdb.connect()
    con.execute("create table bare (record_id varchar, name varchar)")
    with pytest.raises(RecordError, match="lack kind, tax_no, email, phone, region, parent_id"):
        identity(con, "bare")


# properties

BRANDS, PLACES = ("甲乙", "丙丁", "戊己庚", "acme"), ("", "上海", "北京")


def chance(seed):
    """Forty records that have much in common, and decisions between some of them."""
    rng = random.Random(seed)
    rows = []
    for i in range(40):
        name = rng.choice(PLACES) + rng.choice(BRANDS) + rng.choice(("", "贸易", "有限公司")) + rng.choice(("", "", "", "上海分公司"))
        keys = {
            "tax_no": rng.choice((None, None, TAX, OTHER_TAX)),
            "email": rng.choice((None, "a@x.cn", "b@x.cn", "c@x.cn")),
            "phone": rng.choice((None, A_PHONE, B_PHONE)),
        }
        rows.append(record(f"r{i:02}", name, rng.choice(("company", "company", "person")), **keys))
    heads = [row["record_id"] for row in rows if not row["name"].endswith("分公司") or row["kind"] == "person"]
    rng.shuffle(heads)
    same, apart = [(*heads[i : i + 2], "same", i) for i in (0, 2, 4)], [(*heads[i : i + 2], "apart", i) for i in (6, 8, 10, 12)]
    return rows, same, apart


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_records(seed):
    rows, same, apart = chance(seed)
    answer = asked(rows, [*same, *apart])
    customer = customers(answer)
    assert all(customer[a] == customer[b] for a, b, *_ in same) and all(customer[a] != customer[b] for a, b, *_ in apart)
    branch = {row["record_id"] for row in rows if row["name"].endswith("分公司") and row["kind"] == "company"}
    assert all((member in branch) == (owner in branch) for member, owner in customer.items())
    queued = {(row["record_a"], row["record_b"]) for row in answer["queue"]}
    assert all(customer[a] != customer[b] for a, b in queued) and not queued & {tuple(sorted(pair[:2])) for pair in apart}
    random.Random(seed).shuffle(rows)
    again = asked(rows, [*apart, *same])
    assert again == answer


def test_the_guard_of_groups_spares_what_people_decided():
    pairs = [(0, 1, DECIDED), *((i, i + 1, CERTAIN) for i in range(1, 4)), *((i, i + 1, PROBABLE) for i in range(4, 10))]
    roots, refused = clusters.clusters(11, pairs, {}, {}, [])
    assert roots == [0, 0, 0, 0, 0, 5, 6, 7, 8, 9, 10] and set(refused) == set(range(4, 10))
    roots, refused = clusters.clusters(11, [(a, b, CERTAIN if how == PROBABLE else how) for a, b, how in pairs], {}, {}, [])
    assert roots == [0, 0, *range(2, 11)] and set(refused) == set(range(1, 10))


def test_enemies_are_inherited():
    """1 and 4 are held apart; the sets they come into are, too, in whatever order they grow."""
    for order in ([(0, 1), (3, 4), (0, 3)], [(3, 4), (0, 1), (1, 3)], [(1, 2), (2, 0), (4, 3), (3, 0)]):
        *_, last = order
        roots, refused = clusters.clusters(5, [(*pair, CERTAIN) for pair in order], {}, {}, [(4, 1)])
        assert refused == {len(order) - 1: clusters.APART} and roots[last[0]] != roots[last[1]]
