"""The audit's document as a file: HTML, PDF with its fonts embedded, and Excel with every row of the evidence."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import jinja2
import xlsxwriter
from markupsafe import Markup

from metrics.audit_readings import VERDICTS
from ui.export import neutralised
from ui.words import t

FOLDER = Path(__file__).parent / "papers"
ROWS = 12  # of each list of evidence, in HTML and PDF; Excel holds MOST
MOST = 1_000
COLUMNS = 6  # of such a list on paper
TONES = {"pass": "#0072b2", "warn": "#e69f00", "fail": "#d55e00", "no_data": "#9aa3ad"}  # told apart by the colour-blind, too (Okabe & Ito 2008)
CODES = ("pass", "warn", "fail", "no_data")
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FAMILIES = ("Noto Sans CJK SC",)
BEGINNING = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)  # of a document without an instant of its own
SHEET = str.maketrans("[]:*?/\\'", "        ")  # what the name of a sheet cannot hold


class NoFont(RuntimeError):
    """No font with Chinese characters is installed: what to do."""


def bar(counts: Mapping[str, int]) -> str:
    """The verdicts of an area side by side, as an SVG of one line; its numbers stand beside it."""
    whole, at, parts = sum(counts.values()) or 1, 0.0, []
    for code in CODES:
        width = 100 * counts[code] / whole
        parts.append(f'<rect x="{at:.3f}" y="0" width="{width:.3f}" height="8" fill="{TONES[code]}"/>' if width else "")
        at += width
    return f'<svg class="bar" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'


def as_html(paper: Mapping) -> bytes:
    """One file without anything from elsewhere; texts of sources are texts in it."""
    areas = [{**area, "bar": Markup(bar(area["counts"]))} for area in paper["areas"]]
    return _template().render(**{**paper, "areas": areas, "evidence": shortened(paper)}, codes=CODES).encode()


@cache
def _template() -> jinja2.Template:
    world = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return world.from_string((FOLDER / "paper.html").read_text(encoding="utf-8"))


def shortened(paper: Mapping, rows: int = ROWS, columns: int = COLUMNS) -> list[dict]:
    """The evidence as far as it is read on paper: the first rows and columns of each list, and how many more there are."""
    found = []
    for part in paper["evidence"]:
        left = part["total"] - min(len(part["rows"]), rows)
        more = t("audit.more", n=f"{left:,}") if left > 0 else ""
        found.append({**part, "columns": part["columns"][:columns], "rows": [row[:columns] for row in part["rows"][:rows]], "more": more})
    return found


def as_pdf(paper: Mapping, at: dt.datetime | None = None) -> bytes:
    """PDF/A-2a: fonts embedded, texts that can be searched and read aloud. The same document has the same bytes.

    at: the instant that is written into it. Raises NoFont.
    """
    import typst  # 80 MB that only this function needs

    return typst.compile(
        typeset(paper), font_paths=[fonts()], ignore_system_fonts=True, timestamp=(at or BEGINNING).replace(microsecond=0), pdf_standards=["a-2a"]
    )


def typeset(paper: Mapping) -> dict[str, bytes]:
    """What the typesetter reads: the layout, and all texts as data of it."""
    areas = [{**area, "svg": bar(area["counts"]), "says": _counted(area, paper["labels"])} for area in paper["areas"]]
    evidence = [{**part, "rows": [[str(cell) for cell in row] for row in part["rows"]]} for part in shortened(paper)]
    told = {**paper, "areas": areas, "evidence": evidence, "fonts": FAMILIES}
    return {"main.typ": (FOLDER / "paper.typ").read_bytes(), "data.json": json.dumps(told, ensure_ascii=False).encode()}


def fonts() -> str:
    """The folder of the font that came with the program. Raises NoFont."""
    try:
        return str(files("manimgx_fonts_cjk"))
    except ModuleNotFoundError:
        raise NoFont("the package manimgx-fonts-cjk (Noto Sans CJK) is not installed: pip install -r requirements.txt") from None


def _counted(area: Mapping, labels: Mapping) -> str:
    """A bar in words, for who hears it."""
    return area["name"] + ": " + ", ".join(f"{area['counts'][code]} {labels['verdict_' + code]}" for code in CODES if area["counts"][code])


def as_excel(paper: Mapping) -> bytes:
    """The checks, the matrix, findings and questionnaire, and a sheet for every list of evidence."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": f"{paper['title']} {paper['quarter']}", "created": BEGINNING.replace(tzinfo=None)})
        bold = book.add_format({"bold": True, "bottom": 1})
        taken: set[str] = set()
        for name, headings, rows in sheets(paper):
            _sheet(book, _free(name, taken), headings, rows, bold)
    return out.getvalue()


def sheets(paper: Mapping) -> list[tuple[str, list[str], list[list]]]:
    """Name, headings and rows of every sheet."""
    said = paper["labels"]
    checks = [[area["name"], *(check[name] for name in CHECK)] for area in paper["areas"] for check in area["checks"]]
    matrix = [[row["title"], *(cell["word"] for cell in row["cells"])] for row in paper["matrix"]["rows"]]
    first = [[paper["standing"]], *([text] for text in (*paper["answer"], *paper["warnings"])), *paper["head"], [said["how"], paper["how"]]]
    return [
        (said["summary"], [paper["title"], paper["quarter"]], first),
        (said["list"], [said[name] for name in ("area", "check", "verdict", "value", "expected", "base", "reason", "owner", "due", "status")], checks),
        (said["map"], [said["check"], *paper["matrix"]["quarters"]], matrix),
        (said["findings"], [said[name] for name in FINDING], [[row[name] for name in FINDING] for row in paper["findings"]]),
        (said["maturity"], [said[name] for name in ANSWER], [[row[name] for name in ANSWER] for row in paper["maturity"]["rows"]]),
        *((part["title"], part["columns"] or [said["evidence"]], [*part["rows"], [], [part["note"]]]) for part in paper["evidence"]),
    ]  # fmt: skip


CHECK = ("title", "verdict", "value", "expected", "base", "reason", "owner", "due", "status")
ANSWER = ("question", "level", "note")
FINDING = ("check", "verdict", "owner", "due", "status", "note")


def _sheet(book, name: str, headings: list[str], rows: list[list], bold) -> None:
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, [neutralised(text) for text in headings], bold)
    for number, row in enumerate(rows, start=1):
        sheet.write_row(number, 0, [neutralised(cell) for cell in row])
    sheet.freeze_panes(1, 0)
    sheet.autofit(420)


def _free(name: str, taken: set[str]) -> str:
    """A sheet's name, at most 31 characters and none of them twice."""
    short = name.translate(SHEET).strip()[:28] or "–"
    free = next(text for text in (short, *(f"{short} {k}" for k in range(2, 1000))) if text.lower() not in taken)
    taken.add(free.lower())
    return free


assert set(CODES) == set(VERDICTS)
