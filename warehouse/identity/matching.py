"""Who is who by rule: keys that two records share, and the thresholds above which a likeness counts as much."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

MOST_RECORDS = 8  # that one tax number may join: more is a default value, or a group of companies under its holding's number
MOST_NAMES = 5  # that one telephone or address may serve: more is a bookkeeper's or a business centre's
FEWEST_FOR_LIKENESS = 5_000  # records; below, a model has too little to learn from, and names alone fill the queue
ALIKE = 0.8  # Jaro-Winkler of two brands at one e-mail address; below, somebody writes for several firms


@dataclass(frozen=True)
class Thresholds:
    """Probabilities: linked without asking from `link` on, asked about from `ask` on."""

    link: float
    ask: float


# up to how many records → thresholds. A wrong pair has more chances among more records (docs/identity.md has the measurements, which end at a million)
BY_SIZE = ((3_000_000, Thresholds(link=0.95, ask=0.05)), (float("inf"), Thresholds(link=0.99, ask=0.10)))


def thresholds(records: int, link: float | None = None, ask: float | None = None) -> Thresholds:
    """The thresholds for so many records; link, ask: those that somebody has set."""
    chosen = next(chosen for most, chosen in BY_SIZE if records <= most)
    return Thresholds(chosen.link if link is None else link, chosen.ask if ask is None else ask)


def guarded(con: duckdb.DuckDBPyConnection, known: str, shared: str) -> None:
    """Take telephones and addresses that serve many names, and tax numbers of many records, from the table `known`; list them in the table `shared`.

    shared: key ("phone", "email", "tax_no"), record_ids. What many share tells nobody apart, so likeness may not read it either.
    """
    limits = {"phone": ("count(distinct brand)", MOST_NAMES), "email": ("count(distinct brand)", MOST_NAMES), "tax_no": ("count(*)", MOST_RECORDS)}
    listed = " union all ".join(
        f"""select '{key}' as key, {key} as value, list(record_id order by record_id) as record_ids from {known}
            where {key} is not null group by {key} having {many} > {most}"""
        for key, (many, most) in limits.items()
    )
    con.execute(f"create or replace temp table {shared} as {listed}")
    for key in limits:
        con.execute(f"update {known} set {key} = null where {key} in (select value from {shared} where key = '{key}')")


# rule → what records must share, and what must hold between the first of them (a) and another (b). In this order they count
RULES = {
    "tax number": (("tax_no",), "true"),
    "e-mail and name": (("email", "brand"), "true"),
    "phone and name": (("phone", "brand"), "(a.place is null or b.place is null or a.place = b.place)"),
    "e-mail": (("email",), "{alike}"),
    "e-mail and phone": (("email", "phone"), "false"),  # a sole trader is a company here and a person there: it is asked about
}
WHOEVER = ("tax number", "e-mail and phone")  # rules by which a company and a person may be one
EVIDENCE = {
    "tax number": '{"tax_no": "same"}', "e-mail and name": '{"email": "same", "name": "same"}',
    "phone and name": '{"phone": "same", "name": "same"}', "e-mail": '{"email": "same", "name": "alike"}',
    "e-mail and phone": '{"email": "same", "phone": "same"}',
}  # fmt: skip
_SCRIPTS = "(a.is_han and not b.is_han or b.is_han and not a.is_han)"  # 华为 and Huawei do not contradict each other
_CONTAINED = "contains(a.brand, b.brand) or contains(b.brand, a.brand)"
_ALIKE = f"(a.brand is null or b.brand is null or {_SCRIPTS} or {_CONTAINED} or jaro_winkler_similarity(a.brand, b.brand) >= {ALIKE})"


def certain(con: duckdb.DuckDBPyConnection, known: str, into: str) -> None:
    """Make the table `into`: pairs (a, b, rule, is_sure) of records that share keys, each with the first record of its group.

    A pair whose address is the same and whose names are unlike is not sure: it is asked about. Branches share keys with branches of the same name only.
    """
    pairs = [_pairs(known, rule, keys, condition.format(alike=_ALIKE)) for rule, (keys, condition) in RULES.items()]
    con.execute(f"create or replace temp table {into} as {' union all '.join(pairs)}")


def _pairs(known: str, rule: str, keys: tuple[str, ...], condition: str) -> str:
    same = " and ".join(f"a.{key} = b.{key}" for key in keys)
    among = f"{', '.join(keys)}, coalesce(branch, '')" + ("" if rule in WHOEVER else ", kind")
    present = " and ".join(f"{key} is not null" for key in keys)
    firsts = f"select *, min(uid) over (partition by {among}) as first from {known} where {present}"
    return f"""select a.uid as a, b.uid as b, '{rule}' as rule, {condition} as is_sure
        from ({firsts}) b join {known} a on a.uid = b.first and {same} where a.uid < b.uid"""


CERTAIN_SHARE = 0.7  # of all pairs of records of one customer, those that share a key (docs/identity.md); the model needs the magnitude only


def prior(con: duckdb.DuckDBPyConnection, table: str, n: int) -> float:
    """The probability that two of n records picked at random are one customer, from the pairs that are certain."""
    sure = con.execute(f"select count(*) from (select distinct a, b from {table} where is_sure)").fetchone()[0]
    return min(max(sure, 1) / CERTAIN_SHARE / (n * (n - 1) / 2), 0.1)
