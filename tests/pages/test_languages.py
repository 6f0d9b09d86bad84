"""Every page speaks one language: no English word on a Chinese page and no Han on an English one, in anything that was sent.

The company of each test writes in the page's own language, so whatever is in the other one is ours.
"""

import re

import pytest

from tests import sent
from tests.company import SETTINGS, company
from tests.pages.conftest import WAREHOUSES
from tests.published import publish
from tests.retold import renamed, retold
from ui.navigation import ENTRIES

PAGES = [entry.name for entry in ENTRIES]
LATIN = re.compile(r"[A-Za-z][A-Za-z'’-]*[A-Za-z]")
HAN = re.compile(r"[一-鿿]+")
OUR_OWN = {  # Latin letters on Chinese pages, and why
    "names of measures": "NPS NRR GRR ARPU ARPPU ARPA LTV ROI HHI PSI AUC KS RFM MRR",
    "formats and systems": "CSV Excel PDF PNG SVG SQL CRM ERP ID Rapport",
    "what statistics are called after": "Kaplan Meier Aalen Johansen Benjamini Hochberg Wasserstein Cramér Jensen Shannon Kish Gini Kolmogorov Smirnov",
    "the other language, to switch to it": "English Language",
}
ALLOWED = {word for words in OUR_OWN.values() for word in words.split()} | {"Cram"}  # é is no ASCII letter
MARKUP = (  # what is no word: icons, colours, placeholders and tags of charts, escapes
    re.compile(r":material/\w+:"), re.compile(r":(?:red|green|gray|blue|orange|small)\["), re.compile(r"%\{[^}]*\}"), re.compile(r"</?(?:b|br|extra)>"),
    re.compile(r"&(?:lt|gt|amp);"),
)  # fmt: skip
CODES = (  # what has to be written as it is
    re.compile(r"`[^`]+`"),  # commands
    re.compile(r"\b(?:crm|erp|tool|made)\b[:\w-]*"),  # ids and the names of the sources
    re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b"), re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b"), re.compile(r"\[?metrics\.\w+\]?"),  # columns and settings
    re.compile(r"make run"), re.compile(r"\bCNY\b"), re.compile(r"[“\"]nps[”\"]"), re.compile(r"[\w.]+@example\.com"),
    re.compile(r"(?m)^(?:选项|筛选|定义版本|数据快照|出处): .*$"),  # a method's papers: options as the command line takes them, citations
)  # fmt: skip
# names of the contract and of the sources file; what the access log noted; the words of a theme, which are of both languages for every reader
CODE_COLUMNS = {"entity", "table", "column", "source", "detail", "words"}


def words(text: str) -> str:
    text = text.replace("\\", "")
    for pattern in (*MARKUP, *CODES):
        text = pattern.sub(" ", text)
    return text


def is_code(part: sent.Said) -> bool:
    return part.reading == "cell" and part.field in CODE_COLUMNS


def english(told: list[sent.Said]) -> list[tuple]:
    """English words in what was sent, with where; code is code in every language, and HTML is not for reading."""
    read = [part for part in told if part.reading not in ("code", "html") and not is_code(part)]
    found = [(word, part.element, part.field, part.text[:100]) for part in read for word in LATIN.findall(words(part.text))]
    return [entry for entry in found if entry[0] not in ALLOWED]


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    """The small company as its Chinese users would have written it."""
    rows = retold(company(), lambda number: f"名称{number}")
    rows["customers"] = renamed(rows["customers"], {"segment": "分段"}, segment={"A": "甲", "B": "乙"})
    rows["answers"] = renamed(rows["answers"], {"touchpoint": "触点"})
    rows["questions"] = renamed(rows["questions"], {}, dimension={"service": "服务", "product": "产品", "price": "价格", "comment": "意见"})
    uses = {"Search": "搜索", "Territory planning": "区域规划", "Scripted calls": "话术"}
    rows["feature_uses"] = renamed(rows["feature_uses"], {}, feature=uses)
    rows["usage"] = renamed(rows["usage"], {}, feature={"reports": "报表", "orders": "订单"})
    return publish(tmp_path_factory.mktemp("chinese") / "data", rows, SETTINGS)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_no_english_word_on_a_chinese_page(opened, chinese, warehouses, monkeypatch, name):
    monkeypatch.setitem(warehouses, "chinese", chinese)
    told = opened(name, "chinese", "zh-CN")
    assert len([part for part in told if HAN.search(part.text)]) > 30
    found = english(told)
    assert not found, "\n".join(map(str, dict.fromkeys(found)))


@pytest.mark.parametrize("warehouse", [name for name in WAREHOUSES if name != "full"])
@pytest.mark.parametrize("name", PAGES)
def test_no_english_word_where_there_is_nothing_to_show(run, warehouse, name):
    with sent.watching() as messages:
        run(name, warehouse, "zh-CN")
        assert english(sent.said(messages)) == []


THEIRS = {"简体中文", "语言", "交货慢"}  # the switch, and a comment of the company's


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_no_han_on_an_english_page(opened, name):
    told = opened(name, "full", "en")
    read = [part for part in told if part.reading != "code" and not is_code(part)]  # the queries know how grades and outcomes are called in Chinese
    assert [(found, part) for part in read for found in HAN.findall(part.text) if found not in THEIRS] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("净推荐值 of", ["of"]), ("95% 区间", []), ("NPS 与 ROI", []), (":material/table_rows: 明细", []), ("%{y}: %{text}<extra></extra>", []),
        ("customer_id 缺失", []), ("n 12", []), ("**Detractors** 偏低", ["Detractors"]), ("Kaplan–Meier 估计", []), ("名称3 · crm:c12", []),
    ],
)  # fmt: skip
def test_what_counts_as_an_english_word(text, found):
    assert [word for word, *_ in english([sent.Said("markdown", "body", "markdown", text)])] == found
    assert english([sent.Said("code", "code_text", "code", text)]) == []
