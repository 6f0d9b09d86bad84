"""What the ERP books: invoice lines for service, parts and equipment, credit notes, promotions, payments and exchange rates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from connectors.demo.contracts import BASE_RATES, is_active, local_price
from connectors.demo.stories import Story
from connectors.demo.world import DAY, World, days_in, months_until, numbered

SEASON = (0.85, 0.62, 1.05, 1.02, 1.04, 1.12, 0.95, 0.92, 1.10, 1.05, 1.14, 1.14)  # orders by calendar month; the Spring Festival is quiet
ORDERS = 0.44  # parts orders a month of a customer of value 1
CREDITED = 0.015  # share of parts lines that are credited
PAYMENT_DAYS = {"CNY": 45, "USD": 30, "EUR": 30, "GBP": 30, "JPY": 60}
UNPAID, FAILED = 0.006, 0.015  # shares of invoices
YEARS_OF_RATES = 8
LINE = ["customer", "group", "item_code", "issued_on", "amount", "currency", "quantity", "kind", "period_start", "period_end", "campaign"]

# name, begins in quarter (back from the last complete one), days, cost in CNY at scale 1, revenue per unit of cost
ORDINARY_CAMPAIGNS = (
    ("Parts Days", 11, 30, 180_000, 1.9),
    ("Cooling Check-up", 9, 45, 120_000, 2.2),
    ("Partner Roadshow", 7, 60, 260_000, 1.4),
    ("Readiness Week", 6, 45, 150_000, 1.8),
    ("Monitoring Trial Month", 2, 30, 140_000, 1.6),
)
PLANTED_CAMPAIGNS = (("promotion_paid", 300_000), ("promotion_lost", 420_000))  # cost in CNY at scale 1


def service_lines(world: World, contracts: pd.DataFrame) -> pd.DataFrame:
    """Service fees, billed in advance by the contract's cycle; the first period ends with a month, the last with the contract."""
    span, start = world.span, contracts["starts_on"].to_numpy().astype("M8[D]")
    end = contracts["ends_on"].fillna(pd.Timestamp(span.end)).to_numpy().astype("M8[D]")
    first = np.maximum(start.astype("M8[M]"), span.first)
    count = np.maximum(((end - 1).astype("M8[M]") - first).astype(int) + 1, 0)
    row = np.repeat(np.arange(len(contracts)), count)
    month = first[row] + (np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count))
    due = ((month - start[row].astype("M8[M]")).astype(int) % contracts["cycle"].to_numpy()[row]) == 0
    row, month = row[due], month[due]
    lines = contracts.iloc[row].reset_index(drop=True)
    opens = np.maximum(month.astype("M8[D]"), start[row])
    closes = (month + lines["cycle"].to_numpy()).astype("M8[D]")
    stop = contracts["ends_on"].to_numpy().astype("M8[D]")[row]
    closes = np.where(np.isnat(stop) | (closes < stop), closes, stop)
    charged = lines["fee"] * _month_count(opens, closes)
    lines["amount"] = np.where(lines["currency"] == "JPY", charged.round(0), charged.round(2))
    lines["issued_on"], lines["period_start"], lines["period_end"] = (d.astype("M8[s]") for d in (opens, opens, closes))
    lines["group"] = "R" + lines["customer"].astype(str) + np.datetime_as_string(opens, unit="D")
    return lines.assign(quantity=1, kind="recurring", campaign=None)[LINE]


def _month_count(opens, closes) -> np.ndarray:
    """Months from one day to another; parts of a month count by its days."""

    def position(day):
        month = day.astype("M8[M]")
        length = ((month + 1).astype("M8[D]") - month.astype("M8[D]")).astype(int)
        return month.astype(int) + (day - month.astype("M8[D]")).astype(int) / length

    return position(closes) - position(opens)


def parts_lines(world: World, clients: pd.DataFrame, items: pd.DataFrame, stories: dict[str, Story]) -> pd.DataFrame:
    """Orders of parts by active customers: seasonal, growing, fewer in the months before a customer leaves."""
    rng, span, drift = world.rng("parts"), world.span, stories["core_drift"]
    fading = np.where(months_until(clients["lost_on"], span.months) <= 3, 0.5, 1)
    season = np.array([SEASON[m.astype(int) % 12] for m in span.months]) * np.linspace(0.95, 1.05, len(span.months))
    drifted = np.array([drift.touches(clients, np.full(len(clients), m.astype("M8[D]"))) for m in span.months]).T
    rate = ORDERS * clients["value"].to_numpy()[:, None] ** 0.35 * season * fading * np.where(drifted, drift.size["order_rate"], 1)
    orders = rng.poisson(np.where(is_active(clients, span.months), rate, 0))
    who, month = (np.repeat(index, orders[orders > 0]) for index in np.nonzero(orders))
    per_order = 1 + rng.poisson(0.5, len(who))
    order = np.repeat(np.arange(len(who)), per_order)
    days = days_in(rng, span.months[month])
    larger = np.where(drifted[who, month], drift.size["order_amount"], 1)[order]
    return _sold(rng, clients, items, who[order], days[order], larger, "S" + pd.Series(order).astype(str))


def _sold(rng, clients: pd.DataFrame, items: pd.DataFrame, who, days, larger, group) -> pd.DataFrame:
    """Lines of parts for these customers on these days."""
    parts = items[items["model"].isin(["Spare Parts Kit", "Filter Set", "Sensor"])]
    chosen = parts.iloc[rng.integers(0, len(parts), len(who))]
    quantity = 1 + rng.poisson(0.9, len(who))
    client = clients.iloc[who].reset_index(drop=True)
    price = chosen["price"].to_numpy() * client["value"].to_numpy() ** 0.3 * rng.lognormal(0, 0.3, len(who)) * larger
    lines = pd.DataFrame({"customer": who, "group": np.asarray(group), "item_code": chosen["item_code"].to_numpy(), "issued_on": days.astype("M8[s]")})
    lines["amount"] = local_price(price, client["currency"]) * quantity
    return lines.assign(currency=client["currency"], quantity=quantity, kind="sale", period_start=pd.NaT, period_end=pd.NaT, campaign=None)[LINE]


def equipment_lines(world: World, won: pd.DataFrame) -> pd.DataFrame:
    """The machine of a won deal, invoiced two to six weeks after the contract."""
    rng = world.rng("equipment")
    sold = won[won["equipment"] > 0]
    day = sold["closed_at"].to_numpy().astype("M8[D]") + rng.integers(12, 42, len(sold)) * DAY
    rows = sold.assign(issued_on=day.astype("M8[s]"), amount=sold["equipment"], group="E" + sold.index.astype(str), quantity=1, kind="one_off")
    rows = rows.assign(period_start=pd.NaT, period_end=pd.NaT, campaign=None)[LINE]
    return rows[rows["issued_on"] < world.span.end]


def campaigns(world: World, stories: dict[str, Story]) -> pd.DataFrame:
    """One row per promotion: number, name, first day, day after the last, cost in CNY, revenue per cost (hidden)."""
    rows = [(name, world.span.quarter(back), world.span.quarter(back) + days, cost, ratio) for name, back, days, cost, ratio in ORDINARY_CAMPAIGNS]
    for key, cost in PLANTED_CAMPAIGNS:
        story = stories[key]
        rows.append((story.where["campaign"], story.since, story.until, cost, story.size["revenue_per_cost"]))
    frame = pd.DataFrame(rows, columns=["name", "starts_on", "ends_on", "cost", "ratio"]).sort_values("starts_on", kind="stable", ignore_index=True)
    frame["cost"] = np.round(frame["cost"] * world.scale, -2)
    return frame.assign(campaign=[f"MK{n:03d}" for n in range(1, len(frame) + 1)])


def campaign_lines(world: World, clients: pd.DataFrame, items: pd.DataFrame, promotions: pd.DataFrame) -> pd.DataFrame:
    """Orders placed because of a promotion: as many as bring in its revenue per cost."""
    rng, parts = world.rng("campaign orders"), []
    for promotion in promotions.itertuples():
        months = np.array([np.datetime64(promotion.starts_on, "M")])
        buyers = np.flatnonzero(is_active(clients, months)[:, 0])
        who = rng.choice(buyers, 40 + len(buyers))
        length = (promotion.ends_on - promotion.starts_on).days
        days = np.datetime64(promotion.starts_on, "D") + rng.integers(0, length, len(who)) * DAY
        lines = _sold(rng, clients, items, who, days, 1.0, promotion.campaign + "." + pd.Series(np.arange(len(who))).astype(str))
        revenue = (lines["amount"] * lines["currency"].map(BASE_RATES)).cumsum()
        parts.append(lines[revenue <= promotion.cost * promotion.ratio].assign(campaign=promotion.campaign))
    return pd.concat(parts, ignore_index=True)


def credits(world: World, sales: pd.DataFrame) -> pd.DataFrame:
    """Credit notes for a few lines, in whole or half, a few weeks later. Amounts are positive: the ERP tells them by document type."""
    rng = world.rng("credits")
    lines = sales[rng.random(len(sales)) < CREDITED].reset_index(drop=True)
    half = np.where(rng.random(len(lines)) < 0.4, 0.5, 1.0)
    lines["issued_on"] = lines["issued_on"] + pd.to_timedelta(rng.integers(5, 40, len(lines)), unit="D")
    lines = lines.assign(amount=np.floor(lines["amount"] * half), kind="credit_note", group="C" + pd.Series(lines.index).astype(str), campaign=None)
    return lines[lines["issued_on"] < world.span.end]


def invoices(world: World, parts: list[pd.DataFrame]) -> pd.DataFrame:
    """All lines of the span with their document numbers: lines of one group are one document."""
    lines = pd.concat([part[LINE] for part in parts], ignore_index=True)
    lines = lines[(lines["issued_on"] >= world.span.start) & (lines["issued_on"] < world.span.end)]
    documents = lines.groupby("group", sort=True)["issued_on"].min()
    lines = lines.assign(bill_no=lines["group"].map(pd.Series(numbered("AR", documents, 7), documents.index)))
    lines = lines.sort_values(["bill_no", "item_code"], kind="stable", ignore_index=True)
    return lines.assign(line_no=lines.groupby("bill_no").cumcount() + 1)


def payments(world: World, lines: pd.DataFrame) -> pd.DataFrame:
    """What customers paid for each invoice, mostly once and in full; a few attempts fail, a few invoices stay open."""
    rng, charged = world.rng("payments"), lines[lines["kind"] != "credit_note"]
    bills = charged.groupby("bill_no", sort=True).agg(
        customer=("customer", "first"), currency=("currency", "first"), issued_on=("issued_on", "first"), amount=("amount", "sum")
    )
    bills = bills.reset_index()
    terms = bills["currency"].map(PAYMENT_DAYS).to_numpy()
    wait = np.maximum(np.round(terms * rng.lognormal(-0.1, 0.35, len(bills))), 1).astype(int)
    bills["paid_on"] = bills["issued_on"] + pd.to_timedelta(wait, unit="D")
    bills["is_failed"] = 0
    failed = bills[rng.random(len(bills)) < FAILED].assign(is_failed=1)
    failed["paid_on"] -= pd.to_timedelta(1, unit="D")
    paid = pd.concat([bills[rng.random(len(bills)) >= UNPAID], failed])
    paid = paid[paid["paid_on"] < world.span.end].sort_values(["paid_on", "bill_no", "is_failed"], kind="stable", ignore_index=True)
    return paid.assign(receipt_no=numbered("RC", paid["paid_on"], 7))


def rates(world: World) -> pd.DataFrame:
    """What one unit of each foreign currency was worth in CNY, every day from years before the span to its end."""
    rng, end = world.rng("rates"), world.span.end
    days = np.arange(end - YEARS_OF_RATES * 366, end)
    parts = []
    for currency, base in BASE_RATES.items():
        if currency != "CNY":
            drift = np.cumsum(rng.normal(0, 0.0022, len(days)))
            level = base * np.exp(drift - drift.mean())
            parts.append(pd.DataFrame({"currency": currency, "day": days.astype("M8[s]"), "rate": np.round(level, 6)}))
    return pd.concat(parts, ignore_index=True)
