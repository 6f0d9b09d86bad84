"""Revenue by day, by month and by product: what was bought, net of credit notes, in the currency it was sold in and in the reporting currency.

Purchases and product months lie together by customer, so that one customer's page need not read them all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import narwhals as nw

from warehouse.marts.base import Mart, Tables
from warehouse.marts.money import converted, exploded


def _lines(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """Invoice lines with `revenue` (original), `revenue_reporting` (0 where there is no rate) and `unconverted` (1 where there is none)."""
    lines = tables["invoices"].with_columns(revenue=nw.col("amount").cast(nw.Float64))
    lines = converted(lines, tables, settings, {"revenue_reporting": "amount"}, "issued_on_d")
    is_order = (nw.col("amount") > 0) & (nw.col("kind") != "credit_note")
    return lines.with_columns(nw.col("revenue_reporting").fill_null(0.0), unconverted=_number(nw.col("is_unconverted")), is_order=_number(is_order))


def _number(flag: nw.Expr) -> nw.Expr:
    return nw.when(flag).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)


def purchases(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """What each customer bought on each day: one row per customer and day with an invoice or credit note.

    customer_id  text; purchased_on  day
    orders       int, distinct invoices with a line above zero; 0 on a day with credit notes only
    revenue      float, reporting currency, net of credit notes; unconverted  int, lines left out of it for want of a rate
    """
    invoices = _lines(tables, settings).group_by("customer_id", "issued_on", "invoice_id").agg(
        revenue=nw.col("revenue_reporting").sum(), unconverted=nw.col("unconverted").sum(), is_order=nw.col("is_order").max()
    )  # fmt: skip
    days = invoices.group_by("customer_id", "issued_on").agg(
        orders=nw.col("is_order").sum().cast(nw.Int64), revenue=nw.col("revenue").sum(), unconverted=nw.col("unconverted").sum().cast(nw.Int64)
    )  # fmt: skip
    return days.rename({"issued_on": "purchased_on"}).sort("customer_id", "purchased_on")


def customer_months(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """Each customer's months: one row per customer, month and currency in which something was sold or was running.

    month                             day, first of the month
    revenue, revenue_reporting        float, net of credit notes; reporting currency at each invoice's rate
    recurring, recurring_reporting    float, a month, at the month's last instant; reporting currency at that day's rate
    orders, unconverted               int, invoices; invoice lines and recurring values without a rate
    is_active                         bought something or had recurring value
    """
    both = nw.concat([_sold(tables, settings), _running(tables, settings)])
    months = both.group_by("customer_id", "month", "currency").agg(
        nw.col("revenue", "revenue_reporting", "recurring", "recurring_reporting").sum(), nw.col("orders", "unconverted").sum().cast(nw.Int64)
    )  # fmt: skip
    return months.with_columns(is_active=(nw.col("orders") > 0) | (nw.col("recurring") > 0))


EPOCH = dt.date(1970, 1, 1)
FIGURES = ("customer_id", "currency", "month", "revenue", "revenue_reporting", "orders", "recurring", "recurring_reporting", "unconverted")


def _month(day: str) -> nw.Expr:
    return nw.col(day).dt.truncate("1mo").cast(nw.Date)


def _sold(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    lines = _lines(tables, settings).with_columns(month=_month("issued_on"))
    invoices = lines.group_by("customer_id", "currency", "month", "invoice_id").agg(
        nw.col("revenue", "revenue_reporting", "unconverted").sum(), orders=nw.col("is_order").max()
    )  # fmt: skip
    months = invoices.group_by("customer_id", "currency", "month").agg(
        nw.col("revenue", "revenue_reporting").sum(), nw.col("orders", "unconverted").sum().cast(nw.Int64)
    )
    return months.with_columns(recurring=nw.lit(0.0), recurring_reporting=nw.lit(0.0)).select(*FIGURES)


def _running(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """Recurring value at the last instant of every month, from the first agreement to the month of the last fact."""
    spans = tables["recurring"].select("customer_id", "currency", "from_on", "to_on", "amount_per_month")
    held = spans.join(_months(tables), how="cross")
    held = held.filter(nw.col("from_on") < nw.col("next_on"), nw.col("to_on").is_null() | (nw.col("to_on") >= nw.col("next_on")))
    values = held.group_by("customer_id", "currency", "month", "last_d").agg(recurring=nw.col("amount_per_month").sum())
    values = converted(values, tables, settings, {"recurring_reporting": "recurring"}, "last_d")
    sold = {"revenue": nw.lit(0.0), "revenue_reporting": nw.lit(0.0), "orders": nw.lit(0).cast(nw.Int64)}
    return values.with_columns(nw.col("recurring_reporting").fill_null(0.0), unconverted=_number(nw.col("is_unconverted")), **sold).select(*FIGURES)


def _months(tables: Tables) -> nw.LazyFrame:
    """Every month from the first agreement to the last fact: month and next_on (days), last_d (day number of the month's last day)."""
    begun = _one_row(tables["recurring"].select(first_on=nw.col("from_on").min(), last_on=nw.col("from_on").max()))
    loaded = _one_row(tables["coverage"].select(last_on=nw.col("last_on").max()))
    last = loaded["last_on"] or begun["last_on"]
    texts = [f"{month} {(_after(month) - EPOCH).days - 1}" for month in _each_month(begun["first_on"], last)]
    months = exploded(tables["coverage"].select(rows=nw.len()), "code", texts or [""]).filter(nw.col("code") != "")
    months = months.select(month=nw.col("code").str.slice(0, 10).cast(nw.Date), last_d=nw.col("code").str.slice(11).cast(nw.Int64))
    return months.with_columns(next_on=nw.col("month").dt.offset_by("1mo").cast(nw.Date))


def _one_row(frame: nw.LazyFrame) -> dict:
    return frame.collect("pyarrow").to_native().to_pylist()[0]


def _each_month(first: dt.date | None, last: dt.date | None) -> list[dt.date]:
    months = []
    month = first.replace(day=1) if first and last else None
    while month and month <= last:
        months.append(month)
        month = _after(month)
    return months


def _after(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=31)).replace(day=1)


def product_months(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """What each customer bought of each product: one row per customer, product, month and currency.

    product_id, category                    text; null where the line names no product, or the product no category
    month                                   day, first of the month
    quantity                                float, net of credit notes; lines without a quantity count nothing
    revenue, revenue_reporting              float, net of credit notes
    lines, unconverted                      int
    """
    lines = _lines(tables, settings).with_columns(month=_month("issued_on"), quantity=nw.col("quantity").cast(nw.Float64).fill_null(0.0))
    keys = ("customer_id", "product_id", "month", "currency")
    months = lines.group_by(*keys).agg(
        nw.col("quantity", "revenue", "revenue_reporting").sum(), nw.col("unconverted").sum().cast(nw.Int64), lines=nw.len().cast(nw.Int64)
    )  # fmt: skip
    return months.join(tables["products"].select("product_id", "category"), on="product_id", how="left").sort("customer_id")


SOURCES = ("invoices", "daily_rates")
MARTS = (
    Mart("purchases", SOURCES, ("customer_id", "purchased_on"), purchases),
    Mart("customer_months", (*SOURCES, "recurring", "coverage"), ("customer_id", "month", "currency"), customer_months),
    Mart("product_months", (*SOURCES, "products"), ("customer_id", "product_id", "month", "currency"), product_months),
)
