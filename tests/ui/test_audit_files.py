"""The audit as a document: every text of a source stays a text, in both languages, with its fonts inside; the same document has the same bytes."""

import datetime as dt
import io
import json
import re
import zlib

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from metrics import audit, audit_content
from metrics.metric import Metric
from metrics.period import Period
from metrics.query import QuestionError
from metrics.result import Answer
from records.audited import Audit, AuditFinding
from ui import audit_files, audit_paper, audit_words, numbers, recognised, words
from ui.audits import Rows
from ui.selection import DEFAULT
from ui.view import View

START, END, NOW = dt.date(2026, 7, 1), dt.date(2026, 10, 1), dt.datetime(2026, 11, 28, 8, 30, 5, 123456, dt.UTC)
PERIOD = Period(START, END, END)
HOSTILE = '=cmd|"/c calc" <script>alert(1)</script> #panic("x") $x$ 客户'
LANGUAGES = ("en", "zh-CN")


def answers(name: str, query) -> Answer:
    """Of detractors 5 of 100; two clocks; one reconciliation that holds. Nothing else can be asked."""
    share = lambda done, n: {"value": done / n, "n": n, "numerator": done, "low": 0.1, "high": 0.9}  # noqa: E731
    told = {
        "detractor_follow_up": [share(5, 100)],
        "clocks": [{"clock": "promise", "period": START, **share(95, 100)}, {"clock": "adviser_call", "period": START, **share(80, 100)}],
    }
    if name not in told:
        raise QuestionError(HOSTILE)
    return Answer(pd.DataFrame(told[name]), notes={"limits": {"promise": None, "adviser_call": 1}})


@pytest.fixture(scope="module")
def made():
    """An audit of a quarter in which a source called something hostile was absent."""
    silent = {
        "source": HOSTILE, "days": 92, "with_facts": 10, "gap": 60, "share": 60 / 92, "usual": 2, "gap_from": "2026-07-10", "gap_to": "2026-09-07",
        "is_unusual": True,
    }  # fmt: skip
    settings = {"calendar": {"timezone": "Asia/Shanghai"}, "metrics": {"audit": {"owners": {"loops": HOSTILE}}}}
    material = audit.Material(PERIOD, END, settings, [silent], {"cases": {"due": 20, "closed": 19}})
    content = audit_content.content(audit.Quarter("2026Q3", START, END), material, "s1", audit.lines(answers, material))
    text = audit_content.canonical(content)
    sealed = {"findings": [{"check": "loops.detractors", "verdict": "fail", "owner": HOSTILE, "due_on": "2026-12-28", "status": "open", "note": HOSTILE}]}
    return Audit(
        number=3, quarter="2026Q3", starts_on=START, ends_on=END, snapshot="s1", definitions="d" * 64, configuration="c" * 64, content=text,
        content_hash=audit_content.hashed(text), created_at=NOW, created_by=None, maturity={}, signed_at=NOW, signed_by="Ann <i>Auditor</i> 安娜",
        signed_as="ann", comment=HOSTILE, sealed=json.dumps({**sealed, "maturity": {"value": {"level": 2, "note": HOSTILE}}, "comment": HOSTILE}),
        seal="5" * 64, succeeds=None, succession="2026Q3/0", version=2,
    )  # fmt: skip


@pytest.fixture
def paper(made, monkeypatch):
    """paper("en") → the document's texts, with thirty rows of evidence behind one line and none that can be read behind another."""

    def paper(language: str) -> dict:
        for module in (words, numbers, recognised, audit_paper):
            monkeypatch.setattr(module, "language", lambda: language)
        view = View("s1", DEFAULT, PERIOD, {"calendar": {"timezone": "Asia/Shanghai"}}, language)
        rows = pd.DataFrame({"customer": [HOSTILE, *(f"k{n}" for n in range(29))], "in_time": [False] * 30, "answered_on": [START] * 30, "score": [3.0] * 30})
        evidence = {"loops.detractors": [Rows("detractor_follow_up", {}, rows, 95)]}
        return audit_paper.paper(view, made, [made], [], evidence, {"clocks.adviser_call": "the files are gone"})

    return paper


def inside(pdf: bytes) -> str:
    """All that a PDF says of itself, its streams unpacked."""
    parts = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    unpacked = []
    for part in parts:
        try:
            unpacked.append(zlib.decompress(part))
        except zlib.error:
            unpacked.append(part)
    return b"\n".join((pdf, *unpacked)).decode("latin-1")


@pytest.mark.parametrize(("language", "says"), [("en", "2 of"), ("zh-CN", "项通过")])
def test_html_is_one_file_in_which_texts_are_texts(paper, language, says):
    html = audit_files.as_html(paper(language)).decode()
    assert says in html and f'lang="{language}"' in html
    assert "<script" not in html and "&lt;script&gt;" in html and "Ann &lt;i&gt;Auditor&lt;/i&gt; 安娜" in html
    assert not re.search(r'(?:src|href)="|url\(', html), "nothing comes from elsewhere"


@pytest.mark.parametrize(("language", "character"), [("en", "客"), ("zh-CN", "季")])
def test_pdf_has_its_fonts_inside_and_chinese_that_can_be_searched(paper, language, character):
    told = paper(language)
    pdf = audit_files.as_pdf(told, NOW)
    found = inside(pdf)
    assert pdf.startswith(b"%PDF-1.") and "/FontFile" in found and "NotoSansCJK" in found and "pdfaid" in found
    assert f"{ord(character):04X}" in found.upper(), "the way back from glyphs to characters"
    assert audit_files.as_pdf(told, NOW) == pdf


def test_excel_has_every_row_and_runs_nothing(paper):
    told = paper("en")
    book = CalamineWorkbook.from_filelike(io.BytesIO(audit_files.as_excel(told)))
    sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    evidence = sheets["Detractors are contacted"]
    assert len(evidence) == 1 + 30 + 2 and evidence[1][0] == "'" + HOSTILE
    cells = [cell for rows in sheets.values() for row in rows for cell in row if isinstance(cell, str)]
    assert not [cell for cell in cells if cell.startswith(("=", "@"))]
    checks = sheets["Checks"]
    assert [row[2] for row in checks if row[1] == "Detractors are contacted"] == ["fail"] and len(checks) - 1 == sum(area["n"] for area in told["areas"])


def test_paper_holds_the_first_rows_and_says_how_many_more(paper):
    (listed, gone) = sorted(audit_files.shortened(paper("en")), key=lambda part: -part["total"])
    assert (len(listed["rows"]), listed["more"]) == (audit_files.ROWS, "83 more rows in the Excel file")  # 95 − 12
    assert "the files are gone" in gone["note"] and gone["rows"] == []


def test_what_has_to_be_known_stands_at_the_head(paper):
    told = paper("en")
    assert "had no facts for 60 of 92 days" in told["warnings"][0] and told["standing"].startswith("Signed by Ann <i>Auditor</i> 安娜 on 28 Nov 2026, 16:30")
    assert told["findings"][0]["owner"] == HOSTILE and told["maturity"]["rows"][2]["level"] == "Implement"
    assert dict(map(tuple, told["head"]))["Seal (SHA-256)"] == "5" * 64


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_has_a_title_and_a_reason(paper, made, language):
    told = paper(language)
    for check in (check for area in told["areas"] for check in area["checks"]):
        assert check["title"] != check["key"] and check["reason"] and check["verdict"], check["key"]
    assert {area["name"] for area in told["areas"]} >= {audit_words.area("loops"), audit_words.area("model")}


def test_a_bar_is_as_long_as_its_counts():
    drawn = re.findall(r'width="([\d.]+)" height="8" fill="(#\w+)"', audit_files.bar({"pass": 1, "warn": 0, "fail": 3, "no_data": 0}))
    assert drawn == [("25.000", audit_files.TONES["pass"]), ("75.000", audit_files.TONES["fail"])]


def test_who_has_no_font_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(audit_files, "files", lambda name: (_ for _ in ()).throw(ModuleNotFoundError(name)))
    with pytest.raises(audit_files.NoFont, match="pip install -r requirements"):
        audit_files.fonts()


def test_findings_of_a_draft_are_those_of_now(made, paper):
    finding = AuditFinding(number=1, audit=3, check="loops.detractors", verdict="fail", owner="ann", due_on=END, status="open", note="", version=1)
    paper("en")
    line = next(line for line in json.loads(made.content)["checks"] if line["key"] == "loops.detractors")
    said = audit_paper.checked(line, finding)
    assert (said["owner"], said["due"], said["status"], said["expected"]) == ("ann", "1 Oct 2026", "open", "at least 80.0%")
    assert isinstance(audit_words.CATALOGUE[line["metric"]], Metric)
