"""What was sold in given periods, from the table of months where that is exact, else from the invoice lines."""

from __future__ import annotations

import itertools

import narwhals as nw

from metrics.period import Period, day_number
from metrics.query import Frame, Query, Tables, segmented
from metrics.windows import BASE, exploded, number, placed

FIGURES = ("customer_id", "product_id", "category", "quantity", "revenue", "unconverted")


def sold(tables: Tables, query: Query, periods: list[Period]) -> Frame:
    """Sales rows with `side`, the number of the period they lie in (a row may lie in several).

    customer_id, product_id, category, the question's segment columns; quantity; revenue in reporting currency, net of credit
    notes; what has no rate counts 0, and in unconverted (lines). Months are exact where every period is whole months; there the mart is a tenth of the lines.
    """
    whole = all(period.whole_months for period in periods)
    source, day = (_months(tables), "month") if whole else (invoiced(tables, query), "issued_on")
    return in_periods(segmented(source, tables, query), tables, day, periods).select(*dict.fromkeys((*FIGURES, *query.by)), "side")


def in_periods(rows: Frame, tables: Tables, day: str, periods: list[Period]) -> Frame:
    """Each row once for every period that its day lies in, with `side`, the period's number.

    Repeating ten million rows costs more than everything that follows, so it is done only where periods overlap.
    """
    if _are_apart(periods):
        return placed(rows, tables, f"{day}_d", {side: (p.start, p.end) for side, p in enumerate(periods)}, "side")
    day_d = nw.col(f"{day}_d")
    rows = rows.filter(day_d >= day_number(min(p.start for p in periods)), day_d < day_number(max(p.end for p in periods)))
    codes = [(side * BASE + day_number(p.start)) * BASE + day_number(p.end) for side, p in enumerate(periods)]
    start, end = nw.col("code") // BASE % BASE, nw.col("code") % BASE
    return exploded(rows, tables, codes).filter(day_d >= start, day_d < end).with_columns(side=nw.col("code") // (BASE * BASE))


def _are_apart(periods: list[Period]) -> bool:
    ordered = sorted(periods, key=lambda period: period.start)
    return all(one.end <= other.start for one, other in itertools.pairwise(ordered))


def _months(tables: Tables) -> Frame:
    return tables["product_months"].drop("revenue").rename({"revenue_reporting": "revenue"})


def priced(frame: Frame, tables: Tables, query: Query, amount: str, day_d: str) -> Frame:
    """`frame` with `converted`: `amount` in reporting currency at the rate of its day; null without a rate."""
    rates = tables["daily_rates"].select(currency_="currency", on_="on_d", rate_="rate")
    joined = frame.join(rates, left_on=["currency", day_d], right_on=["currency_", "on_"], how="left")
    rate = nw.when(nw.col("currency") == query.currency).then(nw.lit(1.0)).otherwise(nw.col("rate_"))
    return joined.with_columns(converted=nw.col(amount).cast(nw.Float64) * rate).drop("rate_")


def invoiced(tables: Tables, query: Query) -> Frame:
    """Invoice lines with their product's category, quantity and revenue in reporting currency."""
    lines = priced(tables["invoices"], tables, query, "amount", "issued_on_d")
    quantity, unconverted = nw.col("quantity").cast(nw.Float64).fill_null(0.0), number(nw.col("converted").is_null())
    lines = lines.with_columns(revenue=nw.col("converted").fill_null(0.0), quantity=quantity, unconverted=unconverted)
    return lines.join(tables["products"].select("product_id", "category"), on="product_id", how="left")


# a day on which nothing but amounts without a rate was sold tells nothing about what is paid: who buys so is not in a denominator
IS_PRICED = (nw.col("revenue") != 0) | (nw.col("unconverted") == 0)


def priced_orders(purchases: Frame) -> Frame:
    """`purchases` whose `orders` count only on days with an amount in reporting currency."""
    return purchases.with_columns(orders=nw.when(IS_PRICED).then(nw.col("orders")).otherwise(nw.lit(0)))
