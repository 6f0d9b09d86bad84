"""Exchange rates, day by day, and the one way an amount becomes reporting currency."""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from warehouse.marts.base import Mart, Tables

HELD_DAYS = 31  # a rate holds until the next one, at most this long: enough for monthly booking rates, weekends and long holidays


def daily_rates(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """The rate in force on every day: one row per currency and day.

    currency  text; on_d  int, days since 1970; rate  float, reporting currency for one unit.
    A rate holds from its day until the day before the next one, at most HELD_DAYS (`[metrics.rates] held_days`) days.
    A day without a row has no rate: its amounts stay unconverted.
    """
    held = int(settings.get("metrics", {}).get("rates", {}).get("held_days", HELD_DAYS))
    rates = tables["rates"].select("currency", "day_d", "rate")
    rates = rates.with_columns(next_d=nw.col("day_d").shift(-1).over("currency", order_by="day_d"))
    days = exploded(rates, "held", [str(k) for k in range(held)]).with_columns(on_d=nw.col("day_d") + nw.col("held").cast(nw.Int64))
    return days.filter(nw.col("next_d").is_null() | (nw.col("on_d") < nw.col("next_d"))).select("currency", "on_d", "rate")


def exploded(frame: nw.LazyFrame, column: str, texts: list[str]) -> nw.LazyFrame:
    """Every row of `frame` once per text, with the text in `column`: a small list given to whatever engine runs the query."""
    return frame.with_columns(nw.lit(",".join(texts)).str.split(",").alias(column)).explode(column)


def reporting_currency(settings: Mapping) -> str:
    return settings.get("calendar", {}).get("currency", "CNY")


def converted(frame: nw.LazyFrame, tables: Tables, settings: Mapping, amounts: Mapping[str, str], day: str) -> nw.LazyFrame:
    """`frame` with each amount in reporting currency at the rate of `day`, and `is_unconverted` where there is none.

    amounts: new column → column of amounts in the row's `currency`. day: a column of day numbers.
    Without a rate the new column is null, never the raw amount.
    """
    rates = tables["daily_rates"].select(currency_="currency", on_="on_d", rate_="rate")
    priced = frame.join(rates, left_on=["currency", day], right_on=["currency_", "on_"], how="left")
    own = nw.col("currency") == reporting_currency(settings)
    priced = priced.with_columns(rate_=nw.when(own).then(nw.lit(1.0)).otherwise(nw.col("rate_")))
    values = {new: nw.col(old).cast(nw.Float64) * nw.col("rate_") for new, old in amounts.items()}
    return priced.with_columns(**values, is_unconverted=nw.col("rate_").is_null()).drop("rate_")


MARTS = (Mart("daily_rates", ("rates",), ("currency", "on_d"), daily_rates),)
