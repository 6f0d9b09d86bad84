"""Customers with agreements of whom some leave: a company whose past tells who, for tests of what is learned from it."""

from __future__ import annotations

import datetime as dt
import random

FIRST, LAST = dt.date(2023, 1, 1), dt.date(2025, 12, 31)
RATE = 0.10  # of a quarter, for who has complained four times that, and 0.4 times for others


def company(customers: int = 260, seed: int = 7) -> dict[str, list[dict]]:
    """Each customer has an agreement from the first months on, buys now and then and complains sometimes; complaints are followed by leaving."""
    rng = random.Random(seed)
    rows: dict[str, list[dict]] = {"customers": [], "subscriptions": [], "invoices": [], "tickets": [], "interactions": []}
    for k in range(customers):
        name = f"crm:c{k}"
        start = FIRST + dt.timedelta(days=rng.randrange(0, 80))
        rows["customers"].append({"customer_id": name, "name": f"Customer {k}", "region": ("North", "South")[k % 2], "signed_at": _at(start)})
        _lives(rng, rows, name, start)
    return rows


def _lives(rng: random.Random, rows: dict[str, list[dict]], name: str, start: dt.date) -> None:
    """A customer, quarter by quarter, until it decides to leave; it buys and is spoken with until its agreement is over."""
    end, day = None, start
    while day < LAST and end is None:
        is_angry = rng.random() < 0.2
        if is_angry:
            on = day + dt.timedelta(days=rng.randrange(5, 85))
            solved = _at(on, 12) if rng.random() < 0.8 else None
            rows["tickets"].append({"ticket_id": f"{name}-{on}", "customer_id": name, "kind": "complaint", "opened_at": _at(on), "solved_at": solved})
        if rng.random() < RATE * (4 if is_angry else 0.4):
            end = day + dt.timedelta(days=95 + rng.randrange(80))
        day += dt.timedelta(days=91)
    over = end if end and end <= LAST else None
    on = start
    while on < (over or LAST):
        rows["invoices"].append(_invoice(name, on))
        rows["interactions"].append({"interaction_id": f"{name}-i{on}", "customer_id": name, "happened_at": _at(on), "direction": "out"})
        on += dt.timedelta(days=rng.randrange(25, 75))
    rows["subscriptions"].append({
        "subscription_id": f"{name}-{start}", "customer_id": name, "starts_on": start, "ends_on": over, "amount_per_month": 100, "currency": "CNY",
        "status": "ended" if over else "active",
    })  # fmt: skip


def _invoice(name: str, day: dt.date) -> dict:
    return {
        "invoice_line_id": f"{name}-{day}", "invoice_id": f"{name}-{day}", "customer_id": name, "issued_on": day, "amount": 100, "currency": "CNY",
        "kind": "sale",
    }  # fmt: skip


def _at(day: dt.date, hour: int = 2) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, hour, tzinfo=dt.UTC)
