"""Files that open safely in a spreadsheet."""

import csv
import datetime as dt
import io
import math

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from ui.export import as_csv, as_excel, neutralised

DANGEROUS = ["=1+1", "+1", "-1+2", "@SUM(A1)", "\tx", "\rx", "  =cmd|' /C calc'!A0"]


@pytest.mark.parametrize("text", DANGEROUS)
def test_formulas_are_neutralised(text):
    assert neutralised(text) == "'" + text


@pytest.mark.parametrize("value", ["a=b", "", "1", -5, -0.5, None, dt.date(2026, 1, 1), "客户"])
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
    book = CalamineWorkbook.from_filelike(io.BytesIO(as_excel(ROWS, HEADINGS, NOTES, ("Data", "Notes"))))
    assert book.get_sheet_by_name("Data").to_python() == [
        ["客户", "'=金额", "数量", "日期"],
        ['\'=HYPERLINK("http://x")', -12.5, 3.0, dt.date(2026, 1, 31)],
        ['王芳, "Ann"', "", "", ""],
    ]
    assert book.get_sheet_by_name("Notes").to_python() == [["ARPU", "'=definition"]]


def test_empty_tables_keep_their_headings():
    assert as_csv(ROWS.head(0), HEADINGS).decode("utf-8-sig") == "客户,'=金额,数量,日期\r\n"
