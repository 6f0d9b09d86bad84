"""The normal form of a company's or a person's name: what two ways of writing the same name have in common.

Computed once for each distinct name: Unicode (NFKC) and simplified characters over many names at a time, then regular expressions in the engine.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import duckdb
import opencc
import pyarrow as pa

from warehouse.identity import places
from warehouse.validation import literal

BATCH = 50_000  # names in one piece of text: a few megabytes
HAN = "[\\x{3400}-\\x{9fff}]"
PERSON_TITLES = "(?:先生|女士|小姐|老师|博士|教授|经理|总监|主任)"
LATIN_TITLES = "(?:mr|mrs|ms|miss|mx|dr|prof|herr|frau|mme|sir)"


def names(con: duckdb.DuckDBPyConnection, records: str, into: str) -> None:
    """Make the table `into`: one row per distinct (kind, name) of `records`.

    name, kind as they are, and
        text    the whole name in its normal form; null where nothing is left of it
        brand   what is the name's own: without place, trade, legal form and branch (of a person: the name, its parts in order)
        place, trade, legal    the words taken off, null where there were none
        branch  of a branch: what makes it one ("上海分公司"); null for everybody else, and the rest is then its head's name
    """
    spaced = "trim(regexp_replace(name, '[[:cntrl:]\\s]+', ' ', 'g'))"
    con.execute(f"""create or replace temp table _raw as select kind, name, {spaced} as text, row_number() over () as place
        from (select distinct kind, name from {records} where name is not null)""")
    con.execute("create or replace temp table _plain (kind varchar, name varchar, text varchar)")
    for start in range(0, con.execute("select count(*) from _raw").fetchone()[0], BATCH):
        some = con.execute("select kind, name, text from _raw where place > ? and place <= ?", [start, start + BATCH]).to_arrow_table()
        con.register("_some", some.set_column(2, "text", pa.array(simplified(some.column("text").to_pylist()), pa.string())))
        con.execute("insert into _plain from _some")
        con.unregister("_some")
    con.execute(f"create or replace temp table {into} as {_normal_sql()}")
    con.execute("drop table _plain; drop table _raw")


def simplified(texts: list[str]) -> list[str]:
    """Half width, compatible forms and simplified characters. Texts hold no line breaks; all are converted as one piece, which is 50 times faster."""
    if not texts:
        return []
    converted = _converter().convert(unicodedata.normalize("NFKC", "\n".join(texts))).split("\n")
    if len(converted) != len(texts):  # never seen; one text may not take another's place
        return [_converter().convert(unicodedata.normalize("NFKC", text)) for text in texts]
    return converted


@cache
def _converter() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def place(region: str) -> str:
    """SQL: a region as it stands in a name: without its unit (上海市 is 上海)."""
    return cut(f"lower(trim({region}))", f"{_UNITS}$")


def _normal_sql() -> str:
    """Each step reads the columns of the one before."""
    steps = {
        "_written": _WRITTEN,
        "_spaced": _SPACED,
        "_seen": _SEEN,
        "_branched": _BRANCHED,
        "_placed": _PLACED,
        "_bared": _BARED,
        "_formed": _FORMED,
        "_traded": _TRADED,
    }
    listed = ", ".join(f"{name} as ({sql})" for name, sql in steps.items())
    return f"""with {listed}
        select name, kind, nullif(text, '') as text, nullif(if(kind = 'person', person, coalesce(nullif(brand, ''), nullif(rest, ''), text)), '') as brand,
            nullif(place, '') as place, nullif(trade, '') as trade, nullif(legal, '') as legal, nullif(branch, '') as branch
        from _traded"""


def cut(text: str, pattern: str, by: str = "") -> str:
    """SQL: `text` without what the pattern finds."""
    return f"regexp_replace({text}, {literal(pattern)}, {literal(by)}, 'g')"


def found(text: str, pattern: str, group: int = 0) -> str:
    """SQL: what the pattern, or one group of it, finds in `text`; '' where nothing."""
    return f"regexp_extract({text}, {literal(pattern)}, {group})"


# brackets with a clerk's note go with what they hold; other brackets go alone. Dots and apostrophes join (S.A., O'Neil), other signs divide.
_NOTE = rf"[(\[{{<【〔《][ ]*{places.FORMER}[^)\]}}>】〕》]*[)\]}}>】〕》]"
_WRITTEN = f"select name, kind, {cut('lower(text)', _NOTE)} as said from _plain"
_SIGNS = cut(cut("said", r"[.'’`·•‧]"), r"[^\p{L}\p{N}]+", " ")
_JOINED = cut(cut(_SIGNS, f"({HAN}) +", r"\1"), f" +({HAN})", r"\1")
_SPACED = f"select name, kind, trim({_JOINED}) as text from _written"
_ANY_BRANCH = f"({places.HAN_BRANCH}|{places.LATIN_BRANCH})$"
_SEEN = f"""select *, regexp_matches(text, {literal(HAN)}) as is_han, kind <> 'person' and regexp_matches(text, {literal(_ANY_BRANCH)})
    and not regexp_matches(text, {literal(places.OWN_BODIES)}) as is_branch from _spaced"""

_HEAD_HAN = f"^(.*?(?:公司|集团|银行|保险|事务所))([^公]*?{places.HAN_BRANCH})$"
_PLACED_HAN = f"^(.+?)({places.HAN_PLACE}+{places.HAN_BRANCH})$"
_BARE_HAN = f"^(.+?)({places.HAN_BRANCH})$"
_HEAD_LATIN = rf"^(.*\b{places.LATIN_LEGAL}) ((?:[\p{{L}}]+ ){{0,3}}{places.LATIN_BRANCH})$"
_PLACED_LATIN = rf"^(.+) ({places.LATIN_PLACE} {places.LATIN_BRANCH})$"
_BRANCHES = (_HEAD_HAN, _PLACED_HAN, _BARE_HAN, _HEAD_LATIN, _PLACED_LATIN)


def _branch(group: int) -> str:
    """SQL: the head's name (group 1) or the branch (2) by the first pattern that fits."""
    tried = " ".join(f"when regexp_matches(text, {literal(pattern)}) then {found('text', pattern, group)}" for pattern in _BRANCHES)
    whole = "text" if group == 1 else literal("")
    return f"case when not is_branch then {whole} {tried} else {whole} end"


_BRANCHED = f"select *, {_branch(1)} as head, {_branch(2)} as branch from _seen"
_LEAD = f"^(?:中国)?{places.HAN_PLACE}+|^中国"
_TRAIL = f"{places.HAN_PLACE}+$|中国$"
_LEAD_LATIN, _TRAIL_LATIN = f"^{places.LATIN_PLACE} ", f" {places.LATIN_PLACE}$"
_END_HAN, _END_LATIN = f"{places.HAN_LEGAL}+$", f"( {places.LATIN_LEGAL})+$"
_TRADE_HAN, _TRADE_LATIN = f"{places.HAN_TRADE}+$", f"( {places.LATIN_TRADE})+$"
_UNITS = "(?:特别行政区|自治区|自治州|省|市|区|县|镇)"
_TITLES_HAN, _TITLES_LATIN = f"{PERSON_TITLES}$", f"^{LATIN_TITLES} | {LATIN_TITLES}$"


def _either(han: str, latin: str) -> str:
    return f"if(is_han, {han}, trim({latin}))"


_PLACED = f"""select *, {_either(found("head", _END_HAN), found("head", _END_LATIN))} as legal,
    {_either(cut("head", _END_HAN), cut("head", _END_LATIN))} as rest from _branched"""
_WHERE = _either(
    f"coalesce(nullif({found('rest', _LEAD)}, ''), {found('rest', _TRAIL)})",
    f"coalesce(nullif({found('rest', _LEAD_LATIN)}, ''), {found('rest', _TRAIL_LATIN)})",
)
_BARE = _either(cut(cut("rest", _LEAD), _TRAIL), cut(cut("rest", _LEAD_LATIN), _TRAIL_LATIN))
_BARED = f"select *, {_BARE} as bare, {cut(_WHERE, _UNITS)} as place from _placed"
_FORMED = f"select *, {_either(cut('bare', _END_HAN), cut('bare', _END_LATIN))} as own from _bared"
_PARTS = f"array_to_string(list_sort(string_split({cut('text', _TITLES_LATIN)}, ' ')), ' ')"
# what is nothing but a place and a trade (北京银行) keeps both: its brand is empty here, and the rest stands in for it
_TRADED = f"""select *, {_either(found("own", _TRADE_HAN), found("own", _TRADE_LATIN))} as trade,
    {_either(cut("own", _TRADE_HAN), cut("own", _TRADE_LATIN))} as brand, {_either(cut("text", _TITLES_HAN), _PARTS)} as person from _formed"""
