"""How a number is computed, for whoever wants to know."""

from __future__ import annotations

import streamlit as st

from metrics.metric import Metric
from metrics.query import Query
from ui import data, numbers, page
from ui.view import View
from ui.words import definition_of, name_of, plain, t


def defined(metric: Metric) -> None:
    """Under a chart: what is drawn, its formula, and which definition it is."""
    _named(metric)
    _facts({"cards.digest": f"{metric.name} · {metric.digest}", "cards.source": metric.source})


def _named(metric: Metric) -> None:
    st.markdown(f"**{plain(name_of(metric))}** — {plain(definition_of(metric))}")
    st.code(metric.formula, language=None, wrap_lines=True)


def _facts(known: dict[str, str]) -> None:
    st.caption("  \n".join(f"{t(label)}: {plain(value)}" for label, value in known.items() if value))


def how(view: View, name: str, *, key: str, query: Query | None = None) -> None:
    """ "How is this computed": definition, formula, filters, digest, snapshot and the queries that ran.

    query: the very question whose answer is shown; None for the metric as one number under the page's filters.
    """
    box = st.popover(t("cards.how"), type="tertiary", icon=":material/function:", key=key, on_change="rerun", wrap=False)
    if box.open:
        with box, page.safely(t("cards.how")):
            _told(view, name, query or view.query())


def _told(view: View, name: str, query: Query) -> None:
    metric = data.metric(name)
    _named(metric)
    filters = "; ".join(f"{column} = {' | '.join(value or t('filters.blank') for value in values)}" for column, values in query.where)
    _facts({
        "cards.period": f"{numbers.day(query.period.start)} – {numbers.day(query.period.last_day)}",
        "cards.filters": filters or t("cards.no_filters"),
        "cards.options": ", ".join(f"{key} = {value}" for key, value in {**metric.options, **query.options}.items() if value is not None),
        "cards.digest": f"{metric.name} · {metric.digest}",
        "cards.snapshot": view.snapshot,
        "cards.source": metric.source,
    })  # fmt: skip
    found = data.computed(view, name, query)
    page.failed_checks(found.answer)
    for text in found.sql:
        st.code(text, language="sql", wrap_lines=True, height=220)
