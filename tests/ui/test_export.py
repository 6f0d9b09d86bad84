"""Files that open safely in a spreadsheet."""

import csv
import datetime as dt
import io
import math
import re
import zipfile
from types import SimpleNamespace

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from tests.hostile import TEXTS
from ui import numbers, words
from ui.export import as_csv, as_excel, neutralised

DANGEROUS = [
    "=1+1",
    "+1",
    "-1+2",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\nx",
    "  =cmd|' /C calc'!A0",
    "＝1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "\u00a0=1",
    "\u3000＝1",
    "\ufeff=1",
    "\u200b+1",
    "\x00=1",
    "﹦1",
]


@pytest.mark.parametrize("text", DANGEROUS)
def test_formulas_are_neutralised(text):
    assert neutralised(text) == "'" + text


@pytest.mark.parametrize("value", ["a=b", "", "1", -5, -0.5, None, dt.date(2026, 1, 1), "客户", "'=1", "−1", "—", " x"])
def test_everything_else_is_left_alone(value):
    assert neutralised(value) == value


ROWS = pd.DataFrame(
    {
        "name": ['=HYPERLINK("http://x")', '王芳, "Ann"'],
        "amount": [-12.5, math.nan],
        "n": pd.array([3, None], dtype="Int64"),
        "on": [dt.date(2026, 1, 31), None],
    }
)
HEADINGS = {"name": "客户", "amount": "=金额", "n": "数量", "on": "日期"}
NOTES = [("ARPU", "=definition")]


def test_csv():
    written = as_csv(ROWS, HEADINGS, NOTES)
    assert written.startswith(b"\xef\xbb\xbf")  # the byte-order mark by which Excel knows UTF-8
    lines = list(csv.reader(io.StringIO(written.decode("utf-8-sig"))))
    assert lines == [
        ["客户", "'=金额", "数量", "日期"],
        ['\'=HYPERLINK("http://x")', "-12.5", "3", "2026-01-31"],
        ['王芳, "Ann"', "", "", ""],
        [],
        ["ARPU", "'=definition"],
    ]


def test_excel_keeps_types():
    book = CalamineWorkbook.from_filelike(io.BytesIO(as_excel(ROWS, HEADINGS, NOTES)))
    assert book.get_sheet_by_name("Data").to_python() == [
        ["客户", "'=金额", "数量", "日期"],
        ['\'=HYPERLINK("http://x")', -12.5, 3.0, dt.date(2026, 1, 31)],
        ['王芳, "Ann"', "", "", ""],
    ]
    assert book.get_sheet_by_name("Notes").to_python() == [["ARPU", "'=definition"]]


def test_empty_tables_keep_their_headings():
    assert as_csv(ROWS.head(0), HEADINGS).decode("utf-8-sig") == "客户,'=金额,数量,日期\r\n"


HARMFUL = pd.DataFrame({"text": [*DANGEROUS, *TEXTS, "{=1+1}", "http://evil.example", "mailto:a@b.c", "internal:Data!A1", "x" * 40_000, "1e5", "TRUE"]})


def test_an_excel_file_holds_no_formula_and_no_link():
    """Read from the parts of the file itself: a cell with <f> would be a formula, a relationship a link."""
    with zipfile.ZipFile(io.BytesIO(as_excel(HARMFUL, {"text": "=1"}, [("@x", "=1+1")]))) as book:
        sheets = {name: book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/")}
    assert len(sheets) == 2
    assert all("<f>" not in xml and "hyperlink" not in xml for xml in sheets.values())
    assert not any("/_rels/" in name for name in sheets)
    assert re.findall(r'<c r="A\d+"(?: s="\d+")? t="(\w+)"', sheets["xl/worksheets/sheet1.xml"]) == ["s"] * (len(HARMFUL) + 1)  # all of it is text


def test_no_cell_of_a_csv_begins_like_a_formula():
    lines = list(csv.reader(io.StringIO(as_csv(HARMFUL, {"text": "=1"}).decode("utf-8-sig"))))
    assert len(lines) == len(HARMFUL) + 1
    assert [cell for (cell,) in lines if neutralised(cell) != cell] == []
    assert [cell.removeprefix("'") for (cell,) in lines[1:]] == list(HARMFUL["text"])  # and nothing else was changed


def test_a_csv_is_for_programs_whatever_the_number_format(monkeypatch):
    monkeypatch.setattr(numbers.view, "current", lambda: SimpleNamespace(settings={"calendar": {"number_format": "1.234,56"}}))
    assert numbers.count(1234) == "1.234"  # the setting holds
    rows = pd.DataFrame({"amount": [1234.5, -0.25], "n": [12345, 0]})
    assert as_csv(rows, {}).decode("utf-8-sig").splitlines()[1:] == ["1234.5,12345", "-0.25,0"]


def test_sheets_are_named_in_the_readers_language(monkeypatch):
    monkeypatch.setattr(words, "language", lambda: "zh-CN")
    book = CalamineWorkbook.from_filelike(io.BytesIO(as_excel(ROWS, HEADINGS, NOTES)))
    assert book.sheet_names == ["数据", "说明"]
