"""Words of themes: which comments speak of delivery, of price, of the engineers, in English and in Chinese.

A theme is a list of words, and a comment belongs to it when it holds one of them. That is all there is to it, so that a reader can
check every count by reading, and so that the same expression chooses comments in DuckDB, in Spark and here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import narwhals as nw

from metrics.query import Query, QuestionError

LETTERS = "a-z0-9à-öø-ɏ"  # of which Latin words consist, in lower case
MOST_CHARACTERS = 2000  # of a comment that are read
SPACED = re.compile(rf"[{LETTERS}*'’ -]+")  # a word, or several, written with letters
CHARACTER = re.compile(r"[\u3400-\u9fff]")

# name → words. "deliver*" stands for every word that begins so; words of Chinese are found wherever they stand.
USUAL: dict[str, tuple[str, ...]] = {
    "delivery": ("deliver*", "shipment*", "shipping", "shipped", "courier*", "lead time*", "交货", "交付", "交期", "发货", "送货", "到货", "配送", "物流"),
    "waiting": (
        "slow*", "late", "delay*", "postpone*", "overdue", "wait*", "too long", "so long", "far too long", "long time", "慢", "延期", "延误", "延迟", "拖延",
        "拖了", "等了", "等待", "太久", "很久", "太长", "超时", "迟到",
    ),
    "response": ("respon*", "reply", "replies", "replied", "call back", "called back", "calls back", "响应", "回复", "答复", "反馈", "回电"),
    "follow_up": (
        "follow up", "followed up", "follow ups", "following up", "follows up", "no one", "nobody", "ignored", "unreachable", "跟进", "没人", "没有人", "无人",
        "联系不上", "打不通", "回访",
    ),
    "price": (
        "price*", "pricing", "expensive", "overpriced", "cost*", "cheap*", "discount*", "fee", "fees", "价格", "价钱", "价位", "贵", "便宜", "费用", "性价比",
        "涨价", "收费", "折扣",
    ),
    "quality": (
        "fault*", "fail*", "broke*", "breakdown*", "breaks down", "defect*", "reliab*", "unreliab*", "stable", "stability", "unstable", "malfunction*",
        "quality", "故障", "坏了", "损坏", "质量", "品质", "稳定", "可靠", "缺陷", "停机", "瑕疵",
    ),
    "service": (
        "service", "services", "servicing", "support*", "hotline*", "help desk", "helpdesk", "maintenance", "after sales", "aftersales", "服务", "售后", "支持",
        "热线", "维护", "保养", "维修", "客服",
    ),
    "people": (
        "engineer*", "technician*", "staff", "employee*", "competen*", "incompeten*", "professional*", "unprofessional*", "knowledgeable", "friendly*",
        "unfriendly", "rude*", "polite*", "impolite*", "工程师", "技术员", "员工", "人员", "专业", "态度", "热情", "耐心",
    ),
    "parts": ("spare*", "spare part*", "accessor*", "consumable*", "备件", "配件", "零件", "耗材"),
    "training": (
        "training*", "trained", "trainer*", "manual", "manuals", "documentation", "instructions", "培训", "说明书", "文档", "手册", "资料",
    ),
    "installation": ("install*", "commissioning", "setup", "set up", "assembly", "安装", "调试"),
    "ordering": ("quote*", "quotation*", "order*", "contract*", "paperwork", "报价", "订单", "合同", "下单", "流程", "审批"),
    "billing": ("invoice*", "billing", "billed", "bill", "bills", "payment*", "refund*", "发票", "开票", "账单", "付款", "退款", "结算", "对账"),
    "product": (
        "product", "products", "feature*", "functionality", "usability", "easy to use", "design*", "功能", "产品", "设计", "好用", "操作", "易用", "界面",
    ),
    "communication": ("communicat*", "informed", "uninformed", "transparen*", "promise*", "沟通", "通知", "承诺", "告知", "联络"),
    "digital": ("website*", "web site", "portal*", "app", "apps", "login", "log in", "software", "online", "网站", "登录", "登陆", "软件", "小程序", "网上"),
}  # fmt: skip


@dataclass(frozen=True)
class Theme:
    """A name and the words by which comments belong to it. is_found: seen in the comments rather than listed beforehand."""

    name: str
    words: tuple[str, ...]
    is_found: bool = False


def listed(query: Query) -> list[Theme]:
    """The themes that are listed: the usual ones, and those of `[metrics.themes.words]`, which come in place of usual ones of that name.

    A theme with an empty list is not looked for. Raises QuestionError where the setting is no table of lists of words.
    """
    own = query.setting("themes", "words", {})
    if not isinstance(own, Mapping):
        raise QuestionError(f'[metrics.themes.words] is a table of themes, each with a list of words: noise = ["loud", "噪音"]; it is {own!r}')
    return [Theme(name, words) for name, words in {**USUAL, **{name: _checked(name, words) for name, words in own.items()}}.items() if words]


def _checked(name: str, words) -> tuple[str, ...]:
    is_list = isinstance(words, (list, tuple)) and all(isinstance(word, str) and word.strip(" *") for word in words)
    if not is_list:
        raise QuestionError(f'theme {name!r} of [metrics.themes.words] needs a list of words, like ["deliver*", "交货"], not {words!r}')
    return tuple(word.strip().lower() for word in words)


def pattern(words: Iterable[str]) -> str:
    """The words as one regular expression over text in lower case that RE2 (DuckDB, Arrow) and Java (Spark) read alike."""
    spaced = [word for word in words if SPACED.fullmatch(word)]
    whole = [f"(?:^|[^{LETTERS}])(?:{'|'.join(map(_spaced, spaced))})(?:[^{LETTERS}]|$)"] if spaced else []
    return "|".join(whole + [re.escape(word) for word in words if word not in spaced])


def _spaced(word: str) -> str:
    """A word of letters: "*" is any letters, a space also a hyphen or a line's end."""
    pieces = ["[ \\n\\r\\t-]+".join(map(re.escape, part.split())) for part in word.replace("-", " ").split("*")]
    return f"[{LETTERS}]*".join(pieces)


def in_lower_case() -> nw.Expr:
    """What a comment says, ready to be looked through."""
    return nw.col("text").str.head(MOST_CHARACTERS).str.to_lowercase()


def mentions(theme: Theme, said: nw.Expr) -> nw.Expr:
    """Whether a comment belongs to a theme. said: its text in lower case."""
    return said.str.contains(pattern(theme.words)).fill_null(False)
