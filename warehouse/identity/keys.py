"""Keys that tell who somebody is: tax number, e-mail address and telephone number, each in one way of writing, and null where it is none."""

from __future__ import annotations

import duckdb
import phonenumbers
import pyarrow as pa

from warehouse.identity.names import cut
from warehouse.validation import literal

REGION = "CN"  # of telephone numbers without a country
PLACEHOLDERS = (
    "", "-", "--", "---", "/", "\\", ".", "..", "?", "0", "x", "xx", "xxx", "n/a", "na", "nan", "nil", "none", "null", "tbd", "tba", "unknown",
    "test", "not available", "无", "没有", "暂无", "未知", "不详", "不明", "待定", "待补", "空", "无名", "测试", "保密",
)  # fmt: skip
FREE_MAIL = (
    "qq.com", "vip.qq.com", "foxmail.com", "163.com", "vip.163.com", "126.com", "yeah.net", "188.com", "139.com", "189.cn", "wo.cn", "sina.com",
    "sina.cn", "vip.sina.com", "sohu.com", "tom.com", "21cn.com", "aliyun.com", "gmail.com", "googlemail.com", "hotmail.com", "outlook.com", "live.com",
    "live.cn", "msn.com", "yahoo.com", "yahoo.com.cn", "yahoo.cn", "yahoo.co.jp", "yahoo.co.uk", "ymail.com", "icloud.com", "me.com", "mac.com",
    "aol.com", "gmx.de", "gmx.net", "web.de", "t-online.de", "mail.ru", "yandex.ru", "proton.me", "protonmail.com", "naver.com", "daum.net",
    "orange.fr", "free.fr", "libero.it",
)  # fmt: skip
MADE_UP = ("example.com", "example.org", "test.com", "email.com", "none.com", "localhost.com", "abc.com")  # domains of addresses typed to fill a field
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # the characters of a unified social credit code, by value (GB 32100-2015)
SHORTEST_TAX_NO = 6


def missing(text: str) -> str:
    """SQL: the text without blanks around it; null for what people write when they know nothing."""
    plain = f"trim({text})"
    return f"if(lower({plain}) in ({', '.join(map(literal, PLACEHOLDERS))}), null, {plain})"


def keys(con: duckdb.DuckDBPyConnection, records: str, into: str) -> None:
    """Make the table `into`: record_id, tax_no, email, domain, phone of each record, in their normal form or null.

    domain: of the address, unless anybody can have an address there. phone: in E.164; service lines (400, 95xxx) are nobody's.
    """
    _phones(con, records)
    con.execute(f"""create or replace temp table {into} as
        with tidy as (select record_id, {_TAX} as tax, {_TIDY} as written, phone from (
                select record_id, {missing("tax_no")} as tax_no, {missing("email")} as email, phone from {records})),
            valid as (select *, {_MAIL} as mail from tidy)
        select record_id, {valid_tax_no("tax")} as tax_no, mail as email,
            if(split_part(mail, '@', 2) in ({", ".join(map(literal, FREE_MAIL))}), null, split_part(mail, '@', 2)) as domain, _phones.e164 as phone
        from valid left join _phones using (phone)""")
    con.execute("drop table _phones")


_TAX = cut("upper(tax_no)", "[^0-9A-Z]")


def valid_tax_no(tax: str) -> str:
    """SQL: the number, or null for what cannot be one: 18 characters that fit no check digit, too few, no digits, one digit again and again."""
    return f"""case when length({tax}) < {SHORTEST_TAX_NO} or not regexp_matches({tax}, '[0-9]{{3}}') then null
        when trim({tax}, left({tax}, 1)) = '' or starts_with('123456789012345678', {tax}) then null
        when length({tax}) = 18 and not ({_is_credit_code(tax)} or {_is_identity_number(tax)}) then null else {tax} end"""


def _is_credit_code(tax: str) -> str:
    """SQL: whether the 18th character fits the others: 31 minus their sum, weighted by powers of 3, modulo 31 (GB 32100-2015)."""
    weights = [pow(3, i, 31) for i in range(17)]
    total = " + ".join(f"{weight} * (strpos('{USCC}', substr({tax}, {i + 1}, 1)) - 1)" for i, weight in enumerate(weights))
    return f"(regexp_matches({tax}, '^[{USCC}]{{18}}$') and (31 - ({total}) % 31) % 31 = strpos('{USCC}', substr({tax}, 18, 1)) - 1)"


def _is_identity_number(tax: str) -> str:
    """SQL: whether the number is a resident's, who is taxed under it: weights are powers of 2 modulo 11 (GB 11643-1999)."""
    total = " + ".join(f"{pow(2, 17 - i, 11)} * coalesce(try_cast(substr({tax}, {i + 1}, 1) as integer), 0)" for i in range(17))
    return f"(regexp_matches({tax}, '^[1-9][0-9]{{16}}[0-9X]$') and substr('10X98765432', ({total}) % 11 + 1, 1) = substr({tax}, 18, 1))"


_ADDRESS = r"^[^@\s,;<>]+@[a-z0-9\p{L}-]+(\.[a-z0-9\p{L}-]+)*\.[a-z\p{L}]{2,}$"
_TIDY = cut(cut("lower(email)", r"^mailto:|[\s<>]"), "＠", "@")
_MAIL = f"""case when regexp_matches(written, {literal(_ADDRESS)}) and split_part(written, '@', 2) not in ({", ".join(map(literal, MADE_UP))})
    and not regexp_matches(written, '^(no-?reply|do-?not-?reply|test|none|na|unknown|null)@') then written end"""

# the first number of several, without its extension; full width was written by some
_DIGITS = r"[^0-9+]"
_WIDE = "translate(split_part(replace(replace(replace(phone, ';', '/'), ',', '/'), '、', '/'), '/', 1), '０１２３４５６７８９＋－（）', '0123456789+-()')"
_FIRST = cut(cut(_WIDE, r"[\s()]"), r"(\d{7,8})(?:转|分机|ext\.?|x|#|-)\d{1,5}$", "\\1")
_NATIONAL = r"^(?:\+?86|0086)?0?(1[3-9]\d{9})$"
_LANDLINE = r"^(?:\+?86|0086)?0?((?:10|2\d|[3-9]\d{2})[2-8]\d{6,7})$"
_SERVICE = r"^(?:\+?86|0086)?0?(?:[48]00\d{7}|95\d{3,6}|96\d{3,6}|1[012]\d{1,3})$"


def _phones(con: duckdb.DuckDBPyConnection, records: str) -> None:
    """The table _phones: phone as written → e164. Chinese numbers are known by their shape; the library, 100 µs a number, sees the others."""
    con.execute(f"""create or replace temp table _phones as
        with written as (select distinct phone from {records} where phone is not null), dialled as (select phone, {cut(_FIRST, _DIGITS)} as digits from written)
        select phone, digits, case when regexp_matches(digits, {literal(_SERVICE)}) or {_is_filler("digits")} then null
            when regexp_matches(digits, {literal(_NATIONAL)}) then '+86' || regexp_extract(digits, {literal(_NATIONAL)}, 1)
            when regexp_matches(digits, {literal(_LANDLINE)}) and not starts_with(digits, '1') then '+86' || regexp_extract(digits, {literal(_LANDLINE)}, 1)
            when length(digits) >= 7 then '?' end as e164
        from dialled""")
    others = con.execute("select distinct digits from _phones where e164 = '?' order by digits").fetchnumpy()["digits"].tolist()
    con.register("_parsed", pa.table({"digits": pa.array(others, pa.string()), "number": pa.array(map(international, others), pa.string())}))
    con.execute(
        "create or replace temp table _phones as select p.phone, if(p.e164 = '?', n.number, p.e164) as e164 from _phones p left join _parsed n using (digits)"
    )
    con.unregister("_parsed")


def _is_filler(digits: str) -> str:
    """SQL: whether somebody held a key down: one digit again and again after the first three."""
    return f"length(trim(substr({digits}, 4), right({digits}, 1))) = 0"


def international(digits: str) -> str | None:
    """A telephone number in E.164, if it can be one; null for the rest."""
    try:
        number = phonenumbers.parse(digits, REGION)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if phonenumbers.is_valid_number(number) else None
