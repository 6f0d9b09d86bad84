"""Customers of a CRM and an ERP, simulated: 60 % Chinese companies, 40 % persons, each with one to four records that were typed at different desks.

    python -m benchmarks.customers --records 100000 --seed 1 --out customers.parquet

Each record loses or changes something of the truth: place, trade and legal form are dropped, characters mistyped, telephones change, and a quarter
to two thirds of the keys are missing. Branches, bookkeepers whose telephone stands at many firms, and families with one telephone are in it.
Column `entity` is the truth.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

COMPANIES = 0.6
RECORDS_EACH = (0.35, 0.45, 0.15, 0.05)  # share of customers with 1, 2, 3, 4 records
MISSING = {"tax_no": 0.45, "email": 0.5, "phone": 0.25, "region": 0.3}  # of persons, 65 % have no tax number
NO_TAX_NO = 0.65
DROPPED = {"place": 0.3, "trade": 0.15, "legal": 0.3}
TYPO, CHANGED_PHONE, OTHER_ADDRESS, WIDE = 0.08, 0.15, 0.2, 0.1
BRANCHES, BOOKKEEPERS, FAMILIES = 0.02, 0.01, 0.01

HAN = np.array([bytes((row, cell)).decode("gb2312") for row in range(0xB0, 0xD0) for cell in range(0xA1, 0xFF)])  # the 3,008 most usual characters
PLACES = np.array([
    "上海", "北京", "深圳", "广州", "杭州", "苏州", "成都", "南京", "武汉", "天津", "重庆", "宁波", "青岛", "无锡", "厦门",
    "西安", "长沙", "郑州", "济南", "合肥", "东莞", "佛山", "福州", "大连", "沈阳", "昆明", "温州", "常州", "南通", "烟台",
])  # fmt: skip
TRADES = np.array([
    "科技", "贸易", "信息技术", "实业", "电子", "机械", "建筑工程", "文化传媒", "物流", "餐饮管理",
    "投资", "网络科技", "商贸", "环保科技", "生物科技", "医疗器械", "化工", "服饰", "食品", "汽车服务",
])  # fmt: skip
LEGALS = np.array(["有限公司", "有限责任公司", "股份有限公司", "集团有限公司"])
SURNAMES = np.array(
    list(
        "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
    )
)
CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@dataclass(frozen=True)
class Truth:
    """What the customers are really called and how they are reached; one array position each, `parts` are the characters of brand or given name."""

    is_company: np.ndarray
    parts: list[np.ndarray]
    columns: dict[str, np.ndarray]


def customers(records: int, seed: int) -> pa.Table:
    """About `records` rows: record_id, kind, name, tax_no, email, phone, region, parent_id, entity; in no order."""
    rng = np.random.default_rng(seed)
    each = rng.choice(4, int(records / (np.arange(1, 5) @ RECORDS_EACH)), p=RECORDS_EACH) + 1
    truth = _truth(rng, len(each))
    entity = rng.permutation(np.repeat(np.arange(len(each)), each))
    n = len(entity)
    columns = {name: values[entity] for name, values in truth.columns.items()}
    is_company = truth.is_company[entity]
    source = np.where(rng.random(n) < 0.5, "crm:", "erp:")
    table = {
        "record_id": pc.binary_join_element_wise(pa.array(source), pa.array(np.arange(n)).cast(pa.string()), ""),
        "kind": pa.array(np.where(is_company, "company", "person")),
        "name": _names(rng, [part[entity] for part in truth.parts], columns, is_company),
        **_reached(rng, columns, is_company),
        "parent_id": pa.nulls(n, pa.string()),
        "entity": pa.array(entity),
    }
    return pa.table(table)


def _truth(rng: np.random.Generator, n: int) -> Truth:
    is_company = rng.random(n) < COMPANIES
    parts = _characters(rng, n, is_company)
    columns = {
        "place": _often(rng, PLACES, n),
        "trade": _often(rng, TRADES, n),
        "legal": rng.choice(LEGALS, n, p=(0.8, 0.1, 0.06, 0.04)),
        "surname": _often(rng, SURNAMES, n),
        "tax_no": np.where(is_company, _credit_codes(rng, n), _identity_numbers(rng, n)),
        "local": _letters(rng, n, 7),
        "domain": np.where(
            is_company & (rng.random(n) < 0.7), _joined(_letters(rng, n, 7), ".cn"), rng.choice(["qq.com", "163.com", "126.com", "gmail.com"], n)
        ),
        "phone": np.where(is_company & (rng.random(n) < 0.3), _landlines(rng, n), _mobiles(rng, n)),
        "branch": np.full(n, "", dtype="<U2"),
    }
    _relate(rng, is_company, parts, columns)
    return Truth(is_company, parts, columns)


def _characters(rng: np.random.Generator, n: int, is_company: np.ndarray) -> list[np.ndarray]:
    """Brands of two to four characters, given names of one or two; usual characters are more usual."""
    length = np.where(is_company, rng.choice([2, 3, 4], n, p=[0.6, 0.28, 0.12]), rng.choice([1, 2], n, p=[0.2, 0.8]))
    usual = rng.permutation(HAN)
    return [np.where(i < length, np.where(is_company, _often(rng, usual, n, 60), _often(rng, usual[:700], n, 40)), "") for i in range(4)]


def _relate(rng: np.random.Generator, is_company: np.ndarray, parts: list[np.ndarray], columns: dict[str, np.ndarray]) -> None:
    """Branches have their head's name, some of them its telephone or tax number; bookkeepers' and families' telephones stand at several."""
    n = len(is_company)
    firms, people = np.flatnonzero(is_company), np.flatnonzero(~is_company)
    branches, heads = rng.permutation(firms)[: int(BRANCHES * len(firms))], rng.choice(firms, int(BRANCHES * len(firms)))
    columns["branch"][branches] = columns["place"][branches]
    for values in (*parts, *(columns[name] for name in ("place", "trade", "legal", "domain"))):
        values[branches] = values[heads]
    for name, share in (("phone", 0.5), ("tax_no", 0.3)):
        some = rng.random(len(branches)) < share
        columns[name][branches[some]] = columns[name][heads[some]]
    clients = rng.choice(firms, int(BOOKKEEPERS * len(firms)), replace=False)
    columns["phone"][clients] = _mobiles(rng, n)[: max(len(clients) // 20, 1)][rng.integers(0, max(len(clients) // 20, 1), len(clients))]
    children, mothers = rng.choice(people, int(FAMILIES * len(people)), replace=False), rng.choice(people, int(FAMILIES * len(people)))
    for name in ("phone", "surname", "place"):
        columns[name][children] = columns[name][mothers]


def _names(rng: np.random.Generator, parts: list[np.ndarray], columns: dict[str, np.ndarray], is_company: np.ndarray) -> pa.Array:
    n = len(is_company)
    wrong = np.where(rng.random(n) < TYPO, rng.integers(0, 2, n), -1)  # which character is mistyped
    own = [np.where((wrong == i) & (part != ""), rng.choice(HAN, n), part) for i, part in enumerate(parts)]
    kept = {name: np.where(rng.random(n) < share, "", columns[name]) for name, share in DROPPED.items()}
    is_inside = (rng.random(n) < WIDE) & (kept["place"] != "")
    before, inside = np.where(is_inside, "", kept["place"]), np.where(is_inside, _joined("（", kept["place"], "）"), "")
    tail = np.where(columns["branch"] != "", _joined(columns["branch"], "分公司"), "")
    kept["legal"] = np.where(tail != "", columns["legal"], kept["legal"])
    company = _joined(before, *own, inside, kept["trade"], kept["legal"], tail)
    return pa.array(np.where(is_company, company, _joined(columns["surname"], *own)))


def _reached(rng: np.random.Generator, columns: dict[str, np.ndarray], is_company: np.ndarray) -> dict[str, pa.Array]:
    """Keys as a record has them: some missing, telephones changed or written in another way, another person's address at the same domain."""
    n = len(is_company)
    local = np.where(is_company & (rng.random(n) < OTHER_ADDRESS), _letters(rng, n, 7), columns["local"])
    phone = np.where(rng.random(n) < CHANGED_PHONE, _mobiles(rng, n), columns["phone"])
    region = np.where(columns["branch"] != "", columns["branch"], columns["place"])
    values = {
        "tax_no": columns["tax_no"],
        "email": _joined(local, "@", columns["domain"]),
        "phone": np.where(rng.random(n) < 0.3, _joined("+86 ", phone), phone),
        "region": region,
    }
    missing = {name: rng.random(n) < share for name, share in MISSING.items()}
    missing["tax_no"] |= ~is_company & (rng.random(n) < (NO_TAX_NO - MISSING["tax_no"]) / (1 - MISSING["tax_no"]))
    return {name: pa.array(values[name], mask=missing[name]) for name in values}


def _joined(*texts) -> np.ndarray:
    return (
        pc.binary_join_element_wise(*(pa.array(text) if isinstance(text, np.ndarray) else text for text in texts), "")
        .to_numpy(zero_copy_only=False)
        .astype(str)
    )


def _often(rng: np.random.Generator, words: np.ndarray, n: int, evenness: int = 5) -> np.ndarray:
    """Words by Zipf's law: the first ones most often."""
    weights = 1 / (np.arange(len(words)) + evenness)
    return rng.choice(words, n, p=weights / weights.sum())


def _letters(rng: np.random.Generator, n: int, length: int) -> np.ndarray:
    return _texts(rng.integers(ord("a"), ord("z") + 1, (n, length)))


def _texts(codes: np.ndarray) -> np.ndarray:
    """Rows of characters' codes as texts."""
    return np.ascontiguousarray(codes.astype(np.uint32)).view(f"<U{codes.shape[1]}").ravel()


def _mobiles(rng: np.random.Generator, n: int) -> np.ndarray:
    return (13_000_000_000 + rng.integers(0, 6_999_999_999, n)).astype(str)


def _landlines(rng: np.random.Generator, n: int) -> np.ndarray:
    return _joined(rng.choice(["010-", "021-", "0755-", "0571-"], n), (20_000_000 + rng.integers(0, 69_999_999, n)).astype(str))


def _credit_codes(rng: np.random.Generator, n: int) -> np.ndarray:
    """Unified social credit codes with their check character (GB 32100-2015)."""
    values = np.concatenate([np.tile([9, 1], (n, 1)), rng.integers(0, 10, (n, 6)), rng.integers(0, 31, (n, 9))], axis=1)
    check = (31 - values @ np.array([pow(3, i, 31) for i in range(17)]) % 31) % 31
    return _texts(np.array([ord(c) for c in CODE])[np.column_stack([values, check])])


def _identity_numbers(rng: np.random.Generator, n: int) -> np.ndarray:
    """Eighteen digits whose last one fits the others (GB 11643-1999)."""
    values = np.concatenate([rng.integers(1, 10, (n, 1)), rng.integers(0, 10, (n, 16))], axis=1)
    check = np.array([ord(c) for c in "10X98765432"])[values @ np.array([pow(2, 17 - i, 11) for i in range(17)]) % 11]
    return _texts(np.column_stack([values + ord("0"), check]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(customers(args.records, args.seed), args.out)


if __name__ == "__main__":
    main()
