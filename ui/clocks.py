"""Promises with a time in words, for every page that tells of them."""

from __future__ import annotations

from ui import data, numbers, page
from ui.view import View
from ui.words import t


def said(view: View) -> str | None:
    """How much of what was due in the view's period was kept in time; None where nothing was due."""
    notes = data.answer(view, "clocks").notes
    if not notes["over"]:
        return None
    figures = {"kept": numbers.count(notes["kept"]), "n": numbers.count(notes["over"]), "share": numbers.shown(notes["share"], "share")}
    return t("journey.says", **figures, days=page.days(view.period))
