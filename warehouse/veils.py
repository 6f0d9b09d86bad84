"""What of a visible row is kept from a reader: personal data masked, the people at customers left out, amounts emptied.

Applied to the frames of `warehouse.engine`, below every metric and in both engines: filters, groups, lists and files see the
masked value and nothing else. What the masks find, and what they cannot find, stands in docs/warehouse.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import narwhals as nw

from warehouse import contract
from warehouse.visible import nothing

GONE = "•••"
RECOGNISED_BY = {"customers": ("name",), "owners": ("name",)}  # entity → personal columns that stay: who it is about must be known
FREE_TEXT = {  # table → columns in which people write what they like
    "answers": ("text",), "scores": ("text",), "deals": ("lost_reason",), "deal_facts": ("lost_reason",), "deal_steps": ("lost_reason",),
    "interactions": ("outcome", "next_action"), "events": ("note", "promise"),
}  # fmt: skip
MADE_OF_MONEY = {  # table → columns that are amounts, or tell them, beside those that the contract calls money
    "invoices": ("quantity",),  # times a price that a reader may know
    "recurring": ("amount_per_month",), "purchases": ("revenue",),
    "customer_months": ("revenue", "revenue_reporting", "recurring", "recurring_reporting"), "product_months": ("quantity", "revenue", "revenue_reporting"),
    "deal_facts": ("amount", "amount_reporting"), "deal_steps": ("amount", "amount_reporting"), "scores": ("revenue_year",), "asked": ("revenue_year",),
    "events": ("amount",), "identity_pairs": ("revenue_a", "revenue_b", "at_stake"),
    "customer_quarters": (
        "amount", "pipeline", "quarter_revenue", "growth", "amount_score", "amount_score_before", "growth_score", "growth_score_before",
        "score", "score_before",
    ),
}  # fmt: skip

# Patterns are read by RE2 (DuckDB) and by Java (Spark): no look-around, no groups in the replacement, no \b (they differ in Chinese).
_D, _SEP = "[0-9０-９]", "[ .·–\u00a0-]?"
_CREDIT = "[0-9A-HJ-NP-RTUWXY]"  # letters of a unified social credit code
PERSONAL_TEXT = "(?i)" + "|".join((
    r"[a-z0-9._%+-]+[@＠][a-z0-9-]+(?:\.[a-z0-9-]+)+",
    rf"{_D}{{15,}}[x]?",  # identity cards old and new, bank cards
    rf"{_D}{{6}}[ -]?{_D}{{8}}[ -]?{_D}{{3}}[x0-9０-９]",  # identity cards in groups
    rf"{_D}{{4}}(?:[ -]{_D}{{4}}){{3}}(?:[ -]?{_D}{{1,4}})?",  # bank cards in groups
    rf"{_CREDIT}{{2}}{_D}{{6}}{_CREDIT}{{10}}",
    rf"(?:[+＋(]*(?:00)?86[)]?{_SEP})?[1１]{_D}{{2}}{_SEP}{_D}{{4}}{_SEP}{_D}{{4}}",
    rf"[+＋]{_D}[0-9０-９ ()-]{{6,}}{_D}",  # other countries' numbers, where they are written with +
    rf"[(]?0{_D}{{2,3}}[)-][ ]?{_D}{{7,8}}",
))  # fmt: skip
_NUMBER, _CODES = "[0-9０-９][0-9０-９.,]*", "CNY|RMB|USD|EUR|GBP|HKD|JPY"
MONEY_TEXT = rf"(?i)(?:[¥￥$€£]|(?:{_CODES}))[ ]?{_NUMBER}(?:[ ]?[万亿千百km])?|{_NUMBER}[ ]?(?:[万亿千百]*[元圆块]|[万亿]|{_CODES}|[¥￥$€£])"

# How sources call columns that hold one kind of personal data, or an amount. CamelCase is taken apart first.
_WORDS = (
    "id_?(?:card|no|number)|identi(?:ty|fication)|passport|ssn|e_?mail|mail|phone|mobile|cell|tel|telephone|fax|we_?chat|weixin|we_?com|qq|whats_?app|skype|"
    "address|addr|street|birthday|birth_?date|born|dob|bank|iban|account_?no|card_?no|tax_?(?:no|id|number)|vat_?(?:no|id)|licen[cs]e_?(?:no|plate)|"
    "contact|person|(?:first|last|full|sur|given|family|legal|real|user)_?name|legal_?rep"
)
PERSONAL_NAME = re.compile(
    rf"^name$|(?:^|_)(?:{_WORDS})s?[0-9]*(?:_|$)|"
    "身份证|证件|护照|手机|电话|座机|传真|邮箱|邮件|电邮|微信|企微|地址|住址|生日|出生|银行|卡号|账号|帐号|税号|姓名|名字|联系人|法人|车牌"
)
MONEY_NAME = re.compile(
    r"(?:^|_)(?:amount|amt|price|revenue|turnover|budget|cost|fee|value|margin|profit|discount|credit_?(?:limit|line)|salary|income|spend|spending|"
    r"quota|quantity|qty|mrr|arr|acv|tcv|ltv|cny|rmb|usd|eur)s?[0-9]*(?:_|$)|(?:^|_)sales$|金额|价格|单价|总价|报价|收入|营收|营业额|销售额|采购额|预算|成本|费用|利润|毛利|折扣|额度|工资|薪|数量"
)


def veiled(name: str, frame: nw.LazyFrame, veils: Iterable[str], extras: Iterable[str]) -> nw.LazyFrame:
    """A table as a reader with these veils sees it. extras: its text columns that only its source knows."""
    schema = frame.collect_schema()
    seen = frame.head(0) if name == "contacts" and "contacts" in veils else frame
    masks: dict[str, nw.Expr] = {"extra": nothing("extra")}  # what of it can be a column is one, and masked there
    for veil, masked in VEILED.items():  # in this order: an emptied column needs no mask
        if veil in veils:
            masks |= masked(name, tuple(extras), masks)
    masks = {column: mask for column, mask in masks.items() if column in schema}
    return seen.with_columns(**masks) if masks else seen


def _personal(name: str, extras: tuple[str, ...], masks: Mapping[str, nw.Expr]) -> dict[str, nw.Expr]:
    found = {c: _whole(c) if is_personal(c) else _without(PERSONAL_TEXT, nw.col(c)) for c in extras}
    found |= {c: _without(PERSONAL_TEXT, nw.col(c)) for c in FREE_TEXT.get(name, ())}
    return found | {c: MASKS[c](nw.col(c)) if c in MASKS else _whole(c) for c in personal_columns(name)}


def _contacts(name: str, extras: tuple[str, ...], masks: Mapping[str, nw.Expr]) -> dict[str, nw.Expr]:
    """Nobody at a customer can be told or reached: no contact, no address, and no such thing in free text."""
    unreachable = ("email", "phone") if name == "customers" else ()
    gone = {c: nothing(c) for c in (*unreachable, "contact_id", *filter(is_personal, extras))}
    return {c: _without(PERSONAL_TEXT, nw.col(c)) for c in (*FREE_TEXT.get(name, ()), *extras)} | gone


def _amounts(name: str, extras: tuple[str, ...], masks: Mapping[str, nw.Expr]) -> dict[str, nw.Expr]:
    texts = {c: _without(MONEY_TEXT, masks.get(c, nw.col(c))) for c in (*FREE_TEXT.get(name, ()), *extras)}
    return texts | {c: nothing(c) for c in (*money_columns(name), *filter(is_money, extras))}


VEILED: dict[str, Callable] = {"personal": _personal, "contacts": _contacts, "amounts": _amounts}


@cache
def personal_columns(name: str) -> tuple[str, ...]:
    """Columns of an entity that the contract marks as personal, but for the names by which customers and owners are recognised."""
    if name not in contract.ENTITIES:
        return ()
    return tuple(c.name for c in contract.columns(name).values() if c.personal and c.name not in RECOGNISED_BY.get(name, ()))


@cache
def money_columns(name: str) -> tuple[str, ...]:
    """Columns of a table or mart that are amounts or tell them."""
    own = [c.name for c in contract.columns(name).values() if c.kind == "decimal"] if name in contract.ENTITIES else []
    return (*own, *MADE_OF_MONEY.get(name, ()))


@cache
def is_personal(column: str) -> bool:
    """Whether a source's own column is called like personal data: idCard, 手机号, contact_email."""
    return bool(PERSONAL_NAME.search(_spelled(column)))


@cache
def is_money(column: str) -> bool:
    """Whether a source's own column is called like an amount: contractValue, 年采购额."""
    return bool(MONEY_NAME.search(_spelled(column)))


def _spelled(column: str) -> str:
    """A name in lower case with "_" between its words."""
    return re.sub(r"[^0-9a-z\u4e00-\u9fff]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column).lower())


# masks: recognisable for who knows the value, useless for who does not


def _whole(column: str) -> nw.Expr:
    return nw.when(~nw.col(column).is_null()).then(nw.lit(GONE))


def _without(pattern: str, text: nw.Expr) -> nw.Expr:
    return text.str.replace_all(pattern, GONE)


def _ends(text: nw.Expr, first: int, last: int, shortest: int) -> nw.Expr:
    """The first and last characters of a text of at least `shortest`, else nothing of it."""
    kept = nw.concat_str(text.str.head(first), nw.lit("****"), text.str.tail(last))
    return nw.when(text.str.len_chars() >= shortest).then(kept).when(~text.is_null()).then(nw.lit(GONE))


def _phone(text: nw.Expr) -> nw.Expr:
    """138****8000; of +86 138-0013-8000 as well. A short number shows nothing."""
    return _ends(text.str.replace_all(r"^[^0-9]*(?:00)?86[^0-9]*1", "1").str.replace_all("[^0-9]", ""), 3, 4, 11)


def _email(text: nw.Expr) -> nw.Expr:
    """a***@example.com; of a single letter nothing but the domain."""
    domain = text.str.replace_all("^[^@]*", "")
    shown = nw.when(text.str.contains("^[^@ ]{2,}@[^@ ]+$")).then(nw.concat_str(text.str.head(1), nw.lit("***"), domain))
    return shown.when(text.str.contains("^[^@ ]@[^@ ]+$")).then(nw.concat_str(nw.lit("***"), domain)).when(~text.is_null()).then(nw.lit(GONE))


def _initial(text: nw.Expr) -> nw.Expr:
    """张** and A**: which of two people is meant, and no more."""
    return nw.when(text.str.len_chars() > 1).then(nw.concat_str(text.str.head(1), nw.lit("**"))).when(~text.is_null()).then(nw.lit(GONE))


MASKS: dict[str, Callable[[nw.Expr], nw.Expr]] = {
    "email": _email, "phone": _phone, "tax_no": lambda text: _ends(text, 4, 2, 12), "name": _initial, "text": lambda text: _without(PERSONAL_TEXT, text),
}  # fmt: skip
