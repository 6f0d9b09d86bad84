"""Settings, definitions and calendar: what every number means, and where years and weeks begin."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import streamlit as st
from babel import dates

import locales
from metrics import CATALOGUE
from ui import data, numbers, page
from ui.table import Column, Listing, listing, table
from ui.view import View
from ui.words import definition_of, language, name_of, t

COLUMNS = {
    "name": Column("catalogue.name"), "definition": Column("catalogue.definition"), "formula": Column("catalogue.formula"), "unit": Column("catalogue.unit"),
    "options": Column("catalogue.options"), "source": Column("catalogue.source"), "code": Column("catalogue.code"), "digest": Column("catalogue.digest"),
}  # fmt: skip


def definitions_tab(view: View) -> None:
    """Every number of the product with its definition, formula and the digest that changes with it."""
    page.sentence(t("catalogue.says", n=numbers.count(len(CATALOGUE))))
    table(view, _definitions(view), key="definitions")


@data.told
def _definitions(view: View) -> Listing:
    rows = [
        {
            "name": name_of(metric), "definition": definition_of(metric), "formula": metric.formula, "unit": t(f"catalogue.units.{metric.unit}"),
            "options": ", ".join(f"{key} = {value}" for key, value in metric.options.items() if value is not None), "source": metric.source,
            "code": metric.name, "digest": metric.digest,
        }
        for metric in CATALOGUE.values()
    ]  # fmt: skip
    return listing(view, pd.DataFrame(rows), COLUMNS)


def calendar_tab(view: View) -> None:
    """The one calendar that every number and file is made with; it is written in the sources file."""
    page.sentence(t("catalogue.calendar_says"))
    calendar = view.settings.get("calendar", {})
    weekday = dt.date(2024, 1, calendar.get("week_start", 1))  # 1 January 2024 was a Monday
    year = dt.date(2024, calendar.get("fiscal_year_start", 1), 1)
    facts = {
        "timezone": view.zone, "currency": view.currency, "fiscal_year_start": dates.format_date(year, "LLLL", locale=_locale()),
        "week_start": dates.format_date(weekday, "EEEE", locale=_locale()), "number_format": numbers.count(1234567),
    }  # fmt: skip
    rows = pd.DataFrame([{"name": t(f"catalogue.calendar.{name}"), "value": value} for name, value in facts.items()])
    table(view, rows, {"name": Column("catalogue.setting"), "value": Column("catalogue.value")}, key="calendar")
    st.code("[calendar]\n" + "\n".join(f"{name} = {value!r}".replace("'", '"') for name, value in calendar.items()), language="toml")


def _locale() -> str:
    return locales.FORMATS[language()]
