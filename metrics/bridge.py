"""Why did revenue per customer move? The change between two periods, split exactly into price, volume and mix."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd

from metrics.metric import Metric
from metrics.period import Period
from metrics.query import Frame, Query, QuestionError, Tables, aggregate, collect, segmented
from metrics.result import Answer, Check, answer
from metrics.sales import in_periods, priced_orders, sold
from metrics.splits import price_volume_mix
from metrics.windows import number

PARTS = ("volume", "mix", "price", "new", "lost", "other")
STEPS = ("before", *PARTS, "after")
UNITS = ("auto", "quantity", "customers")
OF = ("arpu", "revenue")
AGAINST = ("previous", "year")
ITEMS = ("product_id", "category")
EXTRA = ("step", "kind", "label")


def arpu_bridge(tables: Tables, query: Query) -> Answer:
    """The change of revenue per buying customer (or of revenue) against another period, as volume, mix and price; adds up exactly.

    The question's first `by` column names the items (product_id where none is given). units: what is counted, "quantity" for
    products and categories, "customers" for segments of customers; price is revenue per unit. of: "arpu" takes the customers who
    paid and divides by their number, so that its ends are ARPPU; "revenue" takes all. against: "previous" or "year".
    volume: more or fewer units (per customer); mix: a shift between items; price: dearer or cheaper; new, lost: items sold in one
    period only; other: revenue without units.

    Returns one row per (step, item): position int, step; the item column, null for the whole; value in reporting currency, signed;
    label: the item by name; n customers (before, after). Only the rows of the whole are a waterfall. Check: before + parts = after.
    """
    item, units = _choices(query)
    periods = {"after": query.period.to_date(), "before": _against(query)}
    flat = Query(query.period, None, (), query.where, query.options, query.settings)
    items, customers, unconverted = _items(tables, query, item, units, periods)
    if customers["before"] == 0 or customers["after"] == 0:
        return answer(
            pd.DataFrame(columns=["position", item, "value", "step", "kind", "label"]), flat, keys=("position", item), extra=("step", "kind", "label")
        )
    if query.options["of"] == "arpu":
        items = items.assign(**{f"{c}_{p}": items[f"{c}_{p}"] / customers[p] for c in ("quantity", "revenue") for p in periods})
    split = price_volume_mix(items)
    whole = split[[*PARTS, "revenue_before", "revenue_after"]].sum()
    rows = pd.concat([_waterfall(whole, customers), _by_item(split)], ignore_index=True)
    off = whole["revenue_before"] + whole[list(PARTS)].sum() - whole["revenue_after"]
    scale = max(abs(whole["revenue_before"]), abs(whole["revenue_after"]), 1)
    checks = [Check("before + volume + mix + price + new + lost + other = after", bool(abs(off) < 1e-9 * scale), f"off by {off:.2e}")]
    notes = {"items": item, "units": units, "unconverted": unconverted, "before": f"{periods['before'].start} – {periods['before'].last_day}"}
    names = _names(tables) if item == "product_id" else {}
    rows["kind"] = rows["step"].map(lambda step: "total" if step in ("before", "after") else "change")
    rows["label"] = rows["item"].map(lambda value: names.get(value, value))
    return answer(rows.rename(columns={"item": item}), flat, keys=("position", item), extra=EXTRA, checks=checks, notes=notes)


def _names(tables: Tables) -> dict[str, str]:
    return collect(tables["products"].select("product_id", "name")).set_index("product_id")["name"].to_dict()


def _choices(query: Query) -> tuple[str, str]:
    """The item column and what is counted. Raises QuestionError for an option there is not, a series, or two item columns."""
    for name, known in (("units", UNITS), ("of", OF), ("against", AGAINST)):
        if query.options[name] not in known:
            raise QuestionError(f"no {name} {query.options[name]!r}; there are {', '.join(known)}")
    if query.grain or len(query.by) > 1:
        raise QuestionError("a bridge compares two periods over one column: leave out the grain, and give at most one `by` column")
    item = query.by[0] if query.by else "product_id"
    automatic = "quantity" if item in ITEMS else "customers"
    return item, automatic if query.options["units"] == "auto" else query.options["units"]


def _against(query: Query) -> Period:
    return query.period.previous() if query.options["against"] == "previous" else query.period.year_before()


def _items(tables: Tables, query: Query, item: str, units: str, periods: dict[str, Period]) -> tuple[pd.DataFrame, dict[str, int], int]:
    """Quantity and revenue of each item in both periods, how many customers paid in each, and how many invoice lines have no rate."""
    sides = {"before": 0, "after": 1}
    asked = Query(query.period, None, (item,), query.where, query.options, query.settings)
    sides_of = [periods["before"], periods["after"]]
    buyers = _buyers(tables, query, sides_of)
    lines = sold(tables, asked, sides_of)
    if query.options["of"] == "arpu":
        lines = lines.join(buyers.filter(nw.col("orders") == 0), on=["side", "customer_id"], how="anti")
    if units == "quantity":
        unit = nw.col("quantity").sum()
    else:
        lines = lines.group_by("side", "customer_id", item).agg(nw.col("revenue", "unconverted").sum())
        unit = number(nw.col("revenue") > 0).sum()
    found = aggregate(lines, ["side", item], quantity=unit, revenue=nw.col("revenue").sum(), unconverted=nw.col("unconverted").sum())
    heads = aggregate(buyers.filter(nw.col("orders") > 0), ["side"], n=nw.len()).set_index("side")["n"].to_dict()
    found["item"] = found[item].astype(object).where(found[item].notna(), "")
    tables_by_side = [found[found["side"] == k].set_index("item")[["quantity", "revenue"]].astype(float).add_suffix(f"_{p}") for p, k in sides.items()]
    both = pd.concat(tables_by_side, axis=1).fillna(0.0).rename_axis("item").reset_index()
    return both, {p: int(heads.get(k, 0)) for p, k in sides.items()}, int(found["unconverted"].sum())


def _buyers(tables: Tables, query: Query, periods: list[Period]) -> Frame:
    """One row per side and customer with an invoice or credit note; orders with an amount in reporting currency, as ARPPU counts them."""
    asked = Query(query.period, None, (), query.where, query.options, query.settings)
    days = in_periods(segmented(priced_orders(tables["purchases"]), tables, asked), tables, "purchased_on", periods)
    return days.group_by("side", "customer_id").agg(nw.col("orders").sum())


def _waterfall(whole: pd.Series, customers: dict[str, int]) -> pd.DataFrame:
    values = [whole["revenue_before"], *whole[list(PARTS)], whole["revenue_after"]]
    n = [customers["before"], *[pd.NA] * len(PARTS), customers["after"]]
    return pd.DataFrame({"position": range(len(STEPS)), "item": None, "step": STEPS, "value": values, "n": n})


def _by_item(split: pd.DataFrame) -> pd.DataFrame:
    """Each item's share in each part, where it has one."""
    long = split.melt(id_vars="item", value_vars=list(PARTS), var_name="step", value_name="value")
    long = long[long["value"].abs() > 1e-9 * max(split["revenue_before"].abs().sum(), split["revenue_after"].abs().sum())]
    return long.assign(position=long["step"].map(STEPS.index).astype(int), n=np.nan)


METRICS = (
    Metric(
        "arpu_bridge", arpu_bridge, "Why revenue per customer changed: volume, mix and price, new and lost products; the parts add up exactly.",
        "volume ΔQ × p₀; mix Δshare × Q₁ × (p₀ − mean p₀); price Q₁ × Δp; Q units per buying customer", "money",
        ("product_months", "purchases", "invoices", "daily_rates", "products", "accounts"), None, None, {"units": "auto", "of": "arpu", "against": "previous"},
    ),
)  # fmt: skip
