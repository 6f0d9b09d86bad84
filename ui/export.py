"""Tables as files that open safely in a spreadsheet: CSV for people, Excel with types; headings in the reader's language.

Numbers in a CSV are plain decimals, whatever the company's number format: programs read them. Excel shows numbers in its own user's format.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

import pandas as pd
import xlsxwriter

from ui.words import t

# A spreadsheet runs text that begins so as a formula: after blanks and invisible characters too, and in full width where the
# keyboard is Chinese or Japanese. A tab or line break in front moves the rest into a cell of its own.
INVISIBLE = "\\s\\x00-\\x1f\\u00ad\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2069\\ufeff"
STARTS_FORMULA = re.compile(f"[{INVISIBLE}]*[=+@＝＋－＠﹢﹣﹦﹫-]|[\t\r\n]")
NOTES_SHEET_WIDTH = 100
MOST_EXCEL_ROWS = 1_000_000  # a sheet holds 1,048,576


def neutralised(value):
    """Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers and days stay what they are."""
    return "'" + value if isinstance(value, str) and STARTS_FORMULA.match(value) else value


def as_csv(rows: pd.DataFrame, headings: Mapping[str, str], notes: Sequence[tuple[str, str]] = ()) -> bytes:
    """UTF-8 with BOM (Excel needs it for Chinese). Definitions stand below the table, after an empty line."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([neutralised(headings.get(column, column)) for column in rows.columns])
    writer.writerows([_text(value) for value in row] for row in rows.itertuples(index=False))
    if notes:
        writer.writerow([])
        writer.writerows([neutralised(name), neutralised(text)] for name, text in notes)
    return out.getvalue().encode("utf-8-sig")


def as_excel(rows: pd.DataFrame, headings: Mapping[str, str], notes: Sequence[tuple[str, str]] = ()) -> bytes:
    """An .xlsx with numbers and days as such, and the definitions on a second sheet."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(out, {**options, "default_date_format": "yyyy-mm-dd", "remove_timezone": True}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        sheet = book.add_worksheet(t("table.sheet_rows"))
        sheet.write_row(0, 0, [neutralised(headings.get(column, column)) for column in rows.columns], bold)
        for number, row in enumerate(rows.head(MOST_EXCEL_ROWS).itertuples(index=False), start=1):
            sheet.write_row(number, 0, [_cell(value) for value in row])
        sheet.freeze_panes(1, 0)
        sheet.autofit(320)
        _write_notes(book.add_worksheet(t("table.sheet_notes")), notes)
    return out.getvalue()


def _write_notes(sheet, notes) -> None:
    sheet.set_column(1, 1, NOTES_SHEET_WIDTH)
    for number, (name, text) in enumerate(notes):
        sheet.write_row(number, 0, [neutralised(name), neutralised(text)])


def _text(value):
    if _is_missing(value):
        return ""
    return value.isoformat() if isinstance(value, (dt.date, dt.datetime)) else neutralised(value)


def _cell(value):
    """A value as xlsxwriter knows it: numbers, days and text; anything else as its text."""
    if _is_missing(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    if hasattr(value, "item"):
        value = value.item()
    return neutralised(value) if isinstance(value, (bool, int, float, Decimal, dt.date, dt.datetime, str)) else neutralised(str(value))


def _is_missing(value) -> bool:
    missing = pd.isna(value)
    return bool(missing) if isinstance(missing, (bool,)) or getattr(missing, "ndim", 0) == 0 else False
