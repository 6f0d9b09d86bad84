"""What can be wrong with the record of a customer or of a contact, as expressions over its columns: true, false, or null where it cannot be judged.

Written for every engine: regular expressions without look-around, and nothing but the text functions of narwhals.
"""

from __future__ import annotations

from functools import reduce

import narwhals as nw

PLACEHOLDERS = (
    "", "n/a", "na", "n.a.", "tbd", "null", "none", "nil", "unknown", "-", "--", "—", "/", ".", "?", "xx", "xxx", "无", "暂无", "未知", "待定", "空",
)  # fmt: skip
BLANKS = "[ \t\r\n\u00a0\u3000]+"
FULL_WIDTH = dict(zip("０１２３４５６７８９＋＠－．／（）", "0123456789+@-./()", strict=True))
EMAIL = "^[^@ ,;<>]+@[^@ ,;<>.]+([.][^@ ,;<>.]+)*[.][^@ ,;<>.0-9]{2,}$"
MOBILE = "^1[0-9]{10}$"
LANDLINE = "^0[0-9]{9,11}$"
FOREIGN = "^[+][0-9]{8,15}$"
NUMBERED = "^C(19|20)[0-9]{9}$"  # C, a day, three digits
_LEAP = "(0[48]|[2468][048]|[13579][26])"
_DAY = "(0[1-9]|1[0-9]|2[0-8])"
REAL_DAY = (
    "^C(19|20)("
    f"[0-9]{{2}}((0[1-9]|1[0-2]){_DAY}|(0[13-9]|1[0-2])(29|30)|(0[13578]|1[02])31)|"
    f"{_LEAP}0229)[0-9]{{3}}$|^C20000229[0-9]{{3}}$"
)  # 1900 was no leap year
IDENTITY = "(^|[^0-9])[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]($|[^0-9A-Za-z])"
FORMS = "股份有限公司|有限责任公司|有限公司|集团|公司|limited|gmbh|corporation|company|ltd|inc|llc|plc|corp"
NOISE = "[-_.,;:·•'\"()/&\\[\\]（）【】《》、，。]+"


def narrow(text: nw.Expr) -> nw.Expr:
    """Without blanks, in half width: what was typed in another way is the same."""
    return reduce(lambda found, pair: found.str.replace_all(*pair, literal=True), FULL_WIDTH.items(), text).str.replace_all(BLANKS, "")


def is_missing(text: nw.Expr) -> nw.Expr:
    """Nothing, or what people write when a form insists: "N/A", "TBD", 无, "-"."""
    return narrow(text).str.to_lowercase().fill_null("").is_in(PLACEHOLDERS)


def present(text: nw.Expr) -> nw.Expr:
    """The text, null where it is missing."""
    return nw.when(~is_missing(text)).then(text)


def phone(text: nw.Expr) -> nw.Expr:
    """A telephone number without its separators, a mainland one without +86; null where it is missing."""
    digits = narrow(present(text)).str.replace_all("[-.()·–/]", "").str.replace_all("^00", "+")
    mainland = digits.str.contains("^[+]?86(1[0-9]{10}|0?[1-9][0-9]{8,10})$") & ~digits.str.contains("^[0-9]{11}$")
    return nw.when(mainland).then(digits.str.replace_all("^[+]?86", "")).otherwise(digits)


def email(text: nw.Expr) -> nw.Expr:
    """An address in lower case without blanks around it; null where it is missing."""
    return present(text).str.replace_all(f"^{BLANKS}|{BLANKS}$", "").str.replace_all("＠", "@", literal=True).str.to_lowercase()


def tax_no(text: nw.Expr) -> nw.Expr:
    """A tax number in capitals without separators; null where it is missing."""
    return narrow(present(text)).str.replace_all("-", "", literal=True).str.to_uppercase()


def name(text: nw.Expr) -> nw.Expr:
    """A name without what is written in one way here and in another there: blanks, marks, capitals, the legal form; null where nothing is left."""
    bare = narrow(text).str.to_lowercase().str.replace_all(NOISE, "").str.replace_all(f"({FORMS})+$", "")
    return present(bare)


def is_bad_email(text: nw.Expr) -> nw.Expr:
    """No address can look so. Null where there is none."""
    return ~email(text).str.contains(EMAIL)


def is_bad_phone(text: nw.Expr, *further: str) -> nw.Expr:
    """Neither a mainland mobile number nor of one of the further patterns. Null where there is none."""
    return ~phone(text).str.contains("|".join((MOBILE, *further)))


def is_bad_number(number: nw.Expr) -> nw.Expr:
    """A customer number that is not C, a day that exists, and three digits."""
    return ~number.str.contains(REAL_DAY)


def tells_identity(*texts: nw.Expr) -> nw.Expr:
    """An identity number stands unmasked in one of the texts."""
    return nw.any_horizontal(*(text.fill_null("").str.contains(IDENTITY) for text in texts), ignore_nulls=True)


def differ(one: nw.Expr, other: nw.Expr) -> nw.Expr:
    """Both are known and not the same; what one of them does not know is no contradiction."""
    return (one != other).fill_null(False)
