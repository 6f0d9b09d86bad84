"""Verdicts as a table to look over: a shape and a word for each, so that colour is never all there is."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import streamlit as st

from ui.audit_files import CODES, TONES
from ui.words import t

SHAPES = {"pass": "border-radius:50%", "warn": "transform:rotate(45deg) scale(.85)", "fail": "border-radius:1px", "no_data": "border-radius:1px;opacity:.6"}
STYLE = """<style>
.verdicts {overflow-x: auto} .verdicts table {border-collapse: collapse; width: 100%; font-size: .875rem}
.verdicts th {text-align: left; font-weight: 600; opacity: .7} .verdicts th, .verdicts td {padding: .35rem .75rem .35rem 0; vertical-align: middle}
.verdicts tr + tr {border-top: 1px solid rgba(128, 128, 128, .25)} .verdicts td:first-child {min-width: 7rem}
.verdicts .word {white-space: nowrap} .verdicts i {display: inline-block; width: .7em; height: .7em; margin-right: .45em}
.verdicts .bar {display: flex; gap: 2px; height: .75rem; min-width: 3.5rem} .verdicts td.bars {width: 45%}
</style>"""


def verdict(code: str, word: str) -> str:
    """A verdict as HTML: its shape in its colour, and its word."""
    return f'<span class="word"><i style="background:{TONES[code]};{SHAPES[code]}"></i>{escape(word)}</span>' if code else ""


def bar(counts: Mapping[str, int]) -> str:
    """The verdicts of an area side by side; the numbers stand beside it. Of boxes: Streamlit lets no drawing through."""
    parts = [f'<span style="flex:{counts[code]};background:{TONES[code]}"></span>' for code in CODES if counts[code]]
    return f'<div class="bar" aria-hidden="true">{"".join(parts)}</div>'


def areas(found: list[Mapping]) -> None:
    """How each area stands: its bar, and how many lines have each verdict."""
    words = {code: t(f"audit.verdicts.{code}") for code in CODES}
    head = f"<th>{escape(t('audit.area'))}</th><th></th>" + "".join(f"<th>{verdict(code, words[code])}</th>" for code in CODES)
    rows = [
        f"<tr><td>{escape(area['name'])}</td><td class='bars'>{bar(area['counts'])}</td>"
        + "".join(f"<td>{area['counts'][code] or ''}</td>" for code in CODES)
        + "</tr>"
        for area in found
    ]
    st.html(f'{STYLE}<div class="verdicts"><table><tr>{head}</tr>{"".join(rows)}</table></div>')


def quarters(matrix: Mapping) -> None:
    """Each check in each quarter."""
    head = f"<th>{escape(t('audit.check'))}</th>" + "".join(f"<th>{escape(name)}</th>" for name in matrix["quarters"])
    rows = [
        f"<tr><td>{escape(row['title'])}</td>" + "".join(f"<td>{verdict(cell['code'], cell['word'])}</td>" for cell in row["cells"]) + "</tr>"
        for row in matrix["rows"]
    ]
    st.html(f'{STYLE}<div class="verdicts"><table><tr>{head}</tr>{"".join(rows)}</table></div>')
