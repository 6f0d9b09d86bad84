"""How probable it is that two records are one customer: a model of agreements and disagreements, learned by Splink from the records themselves.

Below 5,000 records there is too little to learn from: then names that are nearly the same are listed, and nothing is linked by them.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from splink import SettingsCreator

SEED = 20240501
SAMPLE = 1_000_000  # pairs looked at to learn how often strangers agree
TRAINED_ON = 300_000  # pairs per blocking rule to learn how often the same customer's records disagree
ROWS_AT_ONCE = 500  # names compared with all others at a time: 500 × 5,000 bytes


@dataclass(frozen=True)
class Comparison:
    """What is compared, and its levels from the strongest down: (what it is called, SQL over x_l and x_r, column whose rare values count more).

    missing: SQL that says nothing can be said. All that fits no level disagrees.
    """

    name: str
    missing: str
    levels: tuple[tuple[str, str, str | None], ...]

    def settings(self) -> dict:
        levels = [{"sql_condition": self.missing, "label_for_charts": "missing", "is_null_level": True}]
        for label, sql, rare in self.levels:
            rarity = {"tf_adjustment_column": rare, "tf_adjustment_weight": 1.0} if rare else {}
            levels.append({"sql_condition": sql, "label_for_charts": label, **rarity})
        levels.append({"sql_condition": "ELSE", "label_for_charts": "different"})
        return {"output_column_name": self.name, "comparison_levels": levels}

    def words(self) -> dict[int, str]:
        """Splink's number of a level → its name."""
        named = [label for label, _, _ in self.levels]
        return {-1: "missing", 0: "different", **{len(named) - i: label for i, label in enumerate(named)}}


def same(column: str, *more: tuple[str, str, str | None], rare: bool = False) -> Comparison:
    """The comparison of a column by equality, and by `more` levels below it."""
    return Comparison(column, f"{column}_l is null or {column}_r is null", (("same", f"{column}_l = {column}_r", column if rare else None), *more))


@dataclass(frozen=True)
class Model:
    """blocking: SQL over l and r of pairs worth comparing. training: the same of pairs that are mostly matches; each teaches what it does not look at."""

    comparisons: tuple[Comparison, ...]
    blocking: tuple[str, ...]
    training: tuple[str, ...]


_NAME = Comparison(
    "name",
    "brand_l is null or brand_r is null",
    (
        ("same brand", "brand_l = brand_r", "brand"),
        ("nearly the same", "jaro_winkler_similarity(brand_l, brand_r) >= 0.88", None),
        ("alike", "jaro_winkler_similarity(brand_l, brand_r) >= 0.75", None),
    ),
)
SAME_BRAND = 3  # the level of the name above
_WITHIN = "contains({0}_l, {0}_r) or contains({0}_r, {0}_l)"
CUSTOMERS = Model(
    comparisons=(
        _NAME,
        same("place", ("one within the other", _WITHIN.format("place"), None)),
        same("trade", ("one within the other", _WITHIN.format("trade"), None)),
        same("phone"),
        Comparison("email", "email_l is null or email_r is null", (("same", "email_l = email_r", None), ("same domain", "domain_l = domain_r", None))),
        same("tax_no"),
    ),
    blocking=(
        "l.tax_no = r.tax_no",
        "l.email = r.email",
        "l.phone = r.phone",
        "l.name_block = r.name_block",
        "l.place_block = r.place_block",
        "l.start_block = r.start_block",
        "l.end_block = r.end_block",
        "l.domain = r.domain and l.kind = r.kind",
    ),
    training=("l.phone = r.phone", "l.email = r.email", "l.tax_no = r.tax_no"),
)
MOST_NAMESAKES = {"company": 60, "person": 4}  # records of one brand, or one name, that are compared with each other for that alone
_COMMON = f"count(*) over (partition by kind, brand) > if(kind = 'person', {MOST_NAMESAKES['person']}, {MOST_NAMESAKES['company']})"


def prepared(con: duckdb.DuckDBPyConnection, known: str, into: str) -> None:
    """Make the table `into`: of every record but branches, what CUSTOMERS compares, and the blocks it looks into.

    Namesakes meet, where they are many only those of one place; companies also by place, trade and either end of the brand (a typing error spares
    one end).
    """
    con.execute(f"""create or replace temp table {into} as
        select uid as unique_id, kind, brand, place, trade, phone, email, domain, tax_no,
            if({_COMMON}, null, kind || brand) as name_block, if({_COMMON}, kind || brand || place, null) as place_block,
            if(kind = 'person' or length(brand) < 3, null, concat_ws('|', place, trade, left(brand, 2))) as start_block,
            if(kind = 'person' or length(brand) < 3, null, concat_ws('|', place, trade, right(brand, 2))) as end_block
        from {known} where branch is null order by uid""")


def none(con: duckdb.DuckDBPyConnection, into: str) -> None:
    """Make the table that `probable` makes for CUSTOMERS, without rows."""
    names = [comparison.name for comparison in CUSTOMERS.comparisons]
    weights, levels = (f"struct({', '.join(f'{name} {kind}' for name in names)})" for kind in ("float", "tinyint"))
    con.execute(f"create or replace temp table {into} (a bigint, b bigint, probability double, weights {weights}, levels {levels})")


def probable(con: duckdb.DuckDBPyConnection, table: str, model: Model, ask: float, prior: float, into: str) -> None:
    """Make the table `into`: pairs (a, b, probability, weights, levels) of the table's records (unique_id) at least as probable as `ask`.

    prior: the probability that two records picked at random are one customer. weights: comparison → log2 of how much more often one customer's records agree
    like this than strangers do; levels: comparison → number of the level. Both are rounded: the order in which an engine adds up may not decide.
    """
    from splink import Linker  # a second and more: nobody waits for it who has fewer records
    from splink.backends.duckdb import DuckDBAPI

    logging.getLogger("splink").setLevel(logging.ERROR)  # a level that no pair of a small table shows is no news
    api = DuckDBAPI(con)
    linker = Linker(api.register(table), _settings(model, prior), log_level=None)
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLE, seed=SEED)
    for rule in model.training:
        linker.training.estimate_parameters_using_expectation_maximisation(rule, estimate_without_term_frequencies=True, max_pairs=TRAINED_ON)
    found = linker.inference.predict(threshold_match_probability=ask)
    weights = ", ".join(f"{c.name} := cast(round({_weight(c)}, 2) as float)" for c in model.comparisons)
    levels = ", ".join(f"{c.name} := cast(gamma_{c.name} as tinyint)" for c in model.comparisons)
    con.execute(f"""create or replace temp table {into} as
        select least(unique_id_l, unique_id_r) as a, greatest(unique_id_l, unique_id_r) as b, round(match_probability, 6) as probability,
            struct_pack({weights}) as weights, struct_pack({levels}) as levels from {found.physical_name}""")
    api.delete_tables_created_by_splink_from_db()


def _settings(model: Model, prior: float) -> SettingsCreator:
    from splink import SettingsCreator

    return SettingsCreator(
        link_type="dedupe_only",
        comparisons=[comparison.settings() for comparison in model.comparisons],
        blocking_rules_to_generate_predictions=list(model.blocking),
        probability_two_random_records_match=prior,
        retain_intermediate_calculation_columns=True,
        retain_matching_columns=True,  # without them Splink keeps no levels
        linker_uid="identity",
    )


def _weight(comparison: Comparison) -> str:
    is_rare = any(rare for _, _, rare in comparison.levels)
    return f"mw_{comparison.name}" + (f" + mw_tf_adj_{comparison.name}" if is_rare else "")


def weighed(weights: str) -> str:
    """SQL: the weights of CUSTOMERS as JSON; null where there are none."""
    return f"cast(to_json({weights}) as varchar)"


def words(levels: str) -> str:
    """SQL: the levels of CUSTOMERS as JSON in words; null where there are none."""
    parts = []
    for comparison in CUSTOMERS.comparisons:
        cases = " ".join(f"when {number} then '{label}'" for number, label in comparison.words().items())
        parts.append(f"'{comparison.name}', case {levels}.{comparison.name} {cases} end")
    return f"if({levels} is null, null, cast(json_object({', '.join(parts)}) as varchar))"


NEAR = 0.85  # Jaro-Winkler of two brands worth a question
NEAR_WITH_MORE = 0.69  # and where place, telephone or address is the same: one character of three


def named_alike(con: duckdb.DuckDBPyConnection, known: str, into: str) -> None:
    """Make the table `into` like `probable`, of names alone, for a few thousand records: no probability, and as weight the likeness of the brands, 0 to 1."""
    none(con, into)
    for kind in ("company", "person"):
        brands = [row[0] for row in con.execute(f"select distinct brand from {known} where kind = ? and brand is not null order by brand", [kind]).fetchall()]
        for start in range(0, len(brands), ROWS_AT_ONCE):
            pairs = _near(brands[start : start + ROWS_AT_ONCE], brands, start)
            con.register("_near", pairs)
            con.execute(f"insert into {into} {_ASKED.format(known=known)}", [kind, kind])
            con.unregister("_near")


def _near(some: list[str], brands: list[str], start: int) -> pa.Table:
    """Pairs of brands, each once, at least as alike as NEAR_WITH_MORE."""
    from rapidfuzz import process
    from rapidfuzz.distance import JaroWinkler

    scores = process.cdist(some, brands, scorer=JaroWinkler.similarity, score_cutoff=NEAR_WITH_MORE, dtype=np.float32)
    rows, columns = np.nonzero(scores)
    keep = columns >= rows + start
    rows, columns = rows[keep], columns[keep]
    texts = np.array(brands, dtype=object)
    kinds = {"brand_a": pa.string(), "brand_b": pa.string(), "score": pa.float64()}
    values = texts[rows + start].tolist(), texts[columns].tolist(), scores[rows, columns].astype(float)
    return pa.table({name: pa.array(column, kind) for (name, kind), column in zip(kinds.items(), values, strict=True)})


_SAME_MORE = "(a.place = b.place or a.phone = b.phone or a.email = b.email)"
_NOTHING = ", ".join(f"{c.name} := null" for c in CUSTOMERS.comparisons[1:])
_ASKED = f"""select least(a.uid, b.uid), greatest(a.uid, b.uid), null,
        struct_pack(name := score, {_NOTHING}), struct_pack(name := if(score = 1, {SAME_BRAND}, 2), {_NOTHING})
    from _near join {{known}} a on a.brand = brand_a and a.kind = ? join {{known}} b on b.brand = brand_b and b.kind = ?
    where a.uid <> b.uid and (brand_a <> brand_b or a.uid < b.uid) and a.branch is null and b.branch is null
        and coalesce(a.tax_no = b.tax_no, true) and not coalesce(a.phone <> b.phone and a.email <> b.email, false)
        and (score >= {NEAR} or coalesce({_SAME_MORE}, false))"""
