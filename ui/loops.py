"""From a detractor to a follow-up on screen: how many were contacted in time, who still waits, and the way to the rows behind it."""

from __future__ import annotations

import streamlit as st

from ui import cards, data, numbers, page
from ui.cards import Card
from ui.view import View
from ui.words import t

CARD = Card("detractor_follow_up", trend=False)
BESIDE = ("waiting", "young", "unnamed")


@page.part("loops.title")
def section(view: View) -> None:
    """The share under the page's period and filters as a card, whose rows open, beside what it says."""
    with page.section("loops.title", help="loops.help"):
        answer = data.answer(view, CARD.metric)
        row, hours = answer.rows.iloc[0], numbers.count(answer.notes["within_hours"])
        if row["state"] != "value":
            st.caption(t(f"loops.{row['state']}", hours=hours))
            return
        card, beside = st.columns([1, 2])
        with card.container(border=True, height="stretch"):
            cards.show(view, CARD)
        with beside:
            told = {"told": numbers.count(row["numerator"]), "n": numbers.count(row["n"]), "hours": hours, "days": page.days(view.period)}
            page.sentence(t("loops.says", **told), *(t(f"loops.{name}", n=numbers.count(row[name]), hours=hours) for name in BESIDE if row[name]))
