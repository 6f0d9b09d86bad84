"""A small company in which something of everything happens, always the same: for tests that run over all metrics or marts.

80 customers over 30 months, January 2024 to June 2026; three currencies, one of them without rates at first; merged and
deleted records, customers without attributes, anonymous answers, blank codes, open and lost deals, a running last month.
"""

from __future__ import annotations

import datetime as dt
import random

D = dt.date.fromisoformat
FIRST, LAST = D("2024-01-01"), D("2026-06-20")  # June 2026 still runs
DAYS = (LAST - FIRST).days
REGIONS = ("North", "South", "East", None)
INDUSTRIES = ("machinery", "food", "software")
SIZES = ("small", "medium", "large")
GRADES = ("core", "key", "ordinary", "potential")
STAGES = ("Lead", "Follow-up", "Quote", "Contract")
CURRENCIES = ("CNY", "CNY", "USD", "EUR")
RATES = {"USD": (7.1, FIRST), "EUR": (7.8, D("2024-04-01"))}  # per reporting currency, from this day on: the first EUR amounts stay unconverted
DIMENSIONS = {"nps": (0, 10), "service": (1, 5), "product": (1, 5), "price": (1, 5)}
SETTINGS = {
    "calendar": {"timezone": "Asia/Shanghai", "currency": "CNY", "fiscal_year_start": 1, "week_start": 1},
    "metrics": {"funnel": {"stages": [*STAGES, "Payment received"]}},
}


def company(seed: int = 7, customers: int = 80) -> dict[str, list[dict]]:
    """The rows of every entity, ready for `made`."""
    rng = random.Random(seed)
    rows = {"owners": _owners(), "products": _products(), "campaigns": _campaigns(), "rates": _rates()}
    rows["customers"] = _customers(rng, customers)
    known = [c for c in rows["customers"] if not c.get("is_deleted")]
    rows["contacts"] = [{"contact_id": f"crm:p{i}", "customer_id": c["customer_id"], "name": f"Person {i}"} for i, c in enumerate(known)]
    rows["owner_assignments"] = _assignments(known)
    rows["subscriptions"] = _subscriptions(rng, known)
    rows["invoices"] = _invoices(rng, known)
    rows["payments"] = _payments(rng, rows["invoices"])
    rows["leads"] = _leads(rng, known)
    rows["deals"], rows["deal_stages"] = _deals(rng, rows["leads"])
    rows["interactions"], rows["tickets"], rows["usage"] = _interactions(rng, known), _tickets(rng, known), _usage(rng, known)
    rows["feature_uses"] = _feature_uses()
    rows["surveys"], rows["questions"] = _surveys(), _questions()
    rows["invitations"], rows["answers"] = _responses(rng, rows["surveys"], rows["contacts"])
    return rows


def day(number: int) -> dt.date:
    """The day `number` days after the first, never after the last."""
    return min(FIRST + dt.timedelta(days=int(number)), LAST)


def at(on: dt.date, hour: int) -> dt.datetime:
    return dt.datetime.combine(on, dt.time(hour % 24), tzinfo=dt.UTC)


def _owners():
    return [{"owner_id": f"crm:o{i}", "name": f"Owner {i}", "department": ("Sales", "Service")[i % 2], "is_active": i != 4} for i in range(5)]


def _products():
    return [{"product_id": f"erp:i{i}", "name": f"Product {i}", "category": ("Machines", "Parts", "Service")[i % 3]} for i in range(6)]


def _campaigns():
    return [
        {"campaign_id": "crm:k0", "name": "Spring offer", "starts_on": "2025-03-01", "ends_on": "2025-06-01", "cost": 2000, "currency": "CNY"},
        {"campaign_id": "crm:k1", "name": "Fair", "starts_on": "2025-10-01", "ends_on": "2025-11-01", "cost": 900, "currency": "USD"},
        {"campaign_id": "crm:k2", "name": "Free trial", "starts_on": "2026-01-01", "ends_on": None, "cost": 0, "currency": "CNY"},
    ]


def _rates():
    """Weekly rates; weekends and holidays have none of their own."""
    return [
        {"currency": currency, "day": day(k), "rate": round(base * (1 + 0.0004 * (k % 50)), 4)}
        for currency, (base, start) in RATES.items()
        for k in range((start - FIRST).days, DAYS, 7)
    ]  # fmt: skip


def _customers(rng, count):
    rows = []
    for i in range(count):
        joined = day(rng.triangular(0, DAYS, DAYS * 0.2))
        rows.append({
            "customer_id": f"crm:c{i}", "name": f"Customer {i}", "kind": "person" if i % 9 == 0 else "company",
            "region": REGIONS[i % 4], "industry": INDUSTRIES[i % 3], "size": SIZES[(i // 3) % 3], "grade": GRADES[min(3, int(rng.expovariate(0.7)))],
            "channel": ("fair", "web", "partner")[i % 3], "owner_id": f"crm:o{i % 5}", "first_contact_on": day((joined - FIRST).days - 20),
            "signed_at": at(joined, 3 + i % 9) if i % 10 else None, "tags": (None, "vip", "vip, new", "pilot")[i % 4], "segment": ("A", "B")[i % 2],
            "email": f"c{i}@example.com" if i % 7 else None, "phone": "13800138000", "lost_on": None,
        })  # fmt: skip
    merged = [{"customer_id": f"erp:x{i}", "name": f"Customer {i} Ltd", "kind": "company", "merged_into": f"crm:c{i}"} for i in range(0, count, 8)]
    return [*rows, *merged, {"customer_id": "crm:gone", "name": "Gone", "kind": "company", "region": "North", "is_deleted": True}]


def _assignments(known):
    """Every fifth customer changed hands in the middle of 2025."""
    turn = at(D("2025-07-01"), 0)
    return [
        {"object": "customer", "object_id": c["customer_id"], "from_at": from_at, "owner_id": owner, "to_at": to_at}
        for i, c in enumerate(known[::5])
        for from_at, owner, to_at in ((at(FIRST, 0), "crm:o1", turn), (turn, f"crm:o{i % 5}", None))
    ]


def _joined(customer) -> dt.date:
    signed = customer.get("signed_at")
    return signed.date() if signed else FIRST


def _subscriptions(rng, known):
    rows = []
    for i, c in enumerate(c for c in known if rng.random() < 0.7):
        start, price = _joined(c), rng.choice((200, 350, 800, 1500))
        currency = CURRENCIES[i % 4]
        while start < LAST and len(rows) < 400:
            stop = start + dt.timedelta(days=rng.choice((90, 180, 365, 365)))
            running = stop > LAST
            status = "trial" if rng.random() < 0.04 else "past_due" if running and rng.random() < 0.1 else "active" if running else "ended"
            rows.append({
                "subscription_id": f"erp:s{len(rows)}", "customer_id": c["customer_id"], "product_id": f"erp:i{i % 6}", "starts_on": start,
                "ends_on": None if running and status == "active" else stop, "amount_per_month": price, "currency": currency, "status": status,
                "renewal_on": stop,
            })  # fmt: skip
            if rng.random() < 0.22:  # leaves; some of them come back after a quarter
                stop += dt.timedelta(days=90 if rng.random() < 0.3 else 9999)
            start, price = stop, max(50, price + rng.choice((-100, 0, 0, 50, 200)))
    return rows


def _invoices(rng, known):
    rows = []
    for i, c in enumerate(known):
        on, pace = _joined(c), rng.choice((15, 30, 45, 90))
        while on < LAST and rng.random() < 0.96:
            for line in range(rng.randint(1, 3)):
                is_credit = rng.random() < 0.05
                rows.append({
                    "invoice_line_id": f"erp:{len(rows)}-{line}", "invoice_id": f"erp:{i}-{on}", "customer_id": c["customer_id"],
                    "product_id": f"erp:i{rng.randrange(6)}", "issued_on": on, "amount": (-1 if is_credit else 1) * rng.choice((99.9, 250, 480.25, 1200)),
                    "currency": CURRENCIES[i % 4], "quantity": -1 if is_credit else rng.randint(1, 5),
                    "kind": "credit_note" if is_credit else rng.choice(("sale", "sale", "one_off")),
                    "campaign_id": rng.choice((None, None, "crm:k0", "crm:k1")),
                })  # fmt: skip
            on = on + dt.timedelta(days=max(1, int(rng.gauss(pace, 5))))
    return rows


def _payments(rng, invoices):
    rows = []
    for line in invoices:
        if rng.random() < 0.9:
            on = min(line["issued_on"] + dt.timedelta(days=rng.randint(1, 40)), LAST)
            rows.append({
                "payment_id": f"erp:r{len(rows)}", "invoice_id": line["invoice_id"], "customer_id": line["customer_id"], "paid_on": on,
                "amount": line["amount"], "currency": line["currency"], "is_failed": rng.random() < 0.05,
            })  # fmt: skip
    return rows


def _leads(rng, known):
    return [
        {
            "lead_id": f"crm:l{i}", "customer_id": rng.choice(known)["customer_id"] if rng.random() < 0.8 else None, "owner_id": f"crm:o{i % 5}",
            "source_channel": ("paid", "organic", "social")[i % 3], "campaign_id": "crm:k1" if i % 6 == 0 else None,
            "created_at": at(day(rng.randrange(DAYS)), i), "status": "new",
        }
        for i in range(260)
    ]  # fmt: skip


def _deals(rng, leads):
    deals, stages = [], []
    for i, lead in enumerate(lead for lead in leads if rng.random() < 0.8):
        deal = {
            "deal_id": f"crm:d{i}", "lead_id": lead["lead_id"], "customer_id": lead["customer_id"], "owner_id": lead["owner_id"],
            "created_at": lead["created_at"],
            "amount": rng.choice((1000, 5000, 20000)), "currency": CURRENCIES[i % 4], "product_id": f"erp:i{i % 6}", "is_won": None, "stage": STAGES[0],
        }  # fmt: skip
        entered, ended = lead["created_at"], False
        for stage in STAGES:
            left = entered + dt.timedelta(hours=rng.randint(3, 900))
            stays = left.date() > LAST
            stages.append({"deal_id": deal["deal_id"], "stage": stage, "entered_at": entered, "left_at": None if stays else left})
            deal["stage"], ended = stage, not stays and rng.random() < (0.22 if stage != STAGES[-1] else 1)
            if ended or stays:
                break
            entered = left
        if ended:
            is_won = deal["stage"] == STAGES[-1]
            deal |= {"is_won": is_won, "closed_at": left, "lost_reason": None if is_won else rng.choice(("price", "silence"))}
        deals.append(deal)
    return deals, stages


def _interactions(rng, known):
    rows = []
    for c in known:
        for _ in range(rng.randint(0, 14)):
            on = day((_joined(c) - FIRST).days + rng.expovariate(1 / 150))
            due = at(on + dt.timedelta(days=3), 9) if rng.random() < 0.5 else None
            done = due + dt.timedelta(days=rng.randint(-2, 4)) if due and rng.random() < 0.8 else None
            rows.append({
                "interaction_id": f"crm:a{len(rows)}", "customer_id": c["customer_id"], "owner_id": c.get("owner_id"),
                "channel": rng.choice(("call", "visit", "mail")), "happened_at": at(on, rng.randrange(24)),
                "direction": rng.choice(("in", "out")), "next_action": "call back" if due else None,
                "next_due_at": due, "next_done_at": done,
            })  # fmt: skip
    return rows


def _tickets(rng, known):
    rows = []
    for i in range(180):
        opened = at(day(rng.randrange(DAYS)), i)
        solved = opened + dt.timedelta(hours=rng.randint(2, 200)) if rng.random() < 0.85 else None
        rows.append({
            "ticket_id": f"crm:t{i}", "customer_id": rng.choice(known)["customer_id"], "kind": ("enquiry", "complaint", "service")[i % 3], "opened_at": opened,
            "first_response_at": opened + dt.timedelta(hours=rng.randint(1, 30)), "assigned_at": opened + dt.timedelta(hours=1), "solved_at": solved,
            "reopened_count": int(rng.random() < 0.1), "plan_sent_at": solved + dt.timedelta(hours=rng.randint(5, 40)) if solved and i % 3 == 1 else None,
            "priority": ("high", "low")[i % 2], "channel": "mail",
        })  # fmt: skip
    return rows


def _usage(rng, known):
    """Every fourth customer, all of one region or of none; and a few uses by two others, so that a filter by region has something to leave out."""
    some = [{"customer_id": f"crm:c{77 + i}", "feature": "reports", "day": day(DAYS - 40 * k), "count": 1, "users": 1} for i in range(2) for k in range(1, 4)]
    return some + [
        {"customer_id": c["customer_id"], "feature": feature, "day": day(k), "count": rng.randint(1, 50), "users": rng.randint(1, 5)}
        for c in known[::4]
        for feature in ("reports", "orders")
        for k in range((_joined(c) - FIRST).days, DAYS, 31)
    ]  # fmt: skip


def _feature_uses():
    """Of the CRM: everybody searches, one of five plans territories, nobody scripts calls."""
    weekly = [(f"crm:o{i}", feature) for feature, users in (("Search", 5), ("Territory planning", 1)) for i in range(users)]
    rows = [{"owner_id": owner, "feature": feature, "day": day(k), "count": 3, "source": "crm"} for owner, feature in weekly for k in range(6, DAYS, 28)]
    return [*rows, {"owner_id": "crm:o0", "feature": "Scripted calls", "day": FIRST, "count": 0, "source": "crm"}]


def _surveys():
    return [
        {"survey_id": f"tool:w{i}", "name": f"Wave {i}", "kind": "relationship", "wave": f"{2024 + i // 2} H{1 + i % 2}", "is_anonymous": i == 1,
         "sent_from": D(f"{2024 + i // 2}-{(3, 9)[i % 2]:02}-01"), "sent_to": D(f"{2024 + i // 2}-{(4, 10)[i % 2]:02}-01")}
        for i in range(5)
    ]  # fmt: skip


def _questions():
    return [
        {"question_id": f"tool:q-{name}", "survey_id": None, "text": f"How is our {name}?", "dimension": name, "scale_min": low, "scale_max": high,
         "blank_codes": "99" if name == "service" else "11" if name == "nps" else None}
        for name, (low, high) in DIMENSIONS.items()
    ] + [{"question_id": "tool:q-words", "survey_id": None, "text": "What should we do better?", "dimension": "comment"}]  # fmt: skip


def _responses(rng, surveys, contacts):
    invitations, answers = [], []
    for survey in surveys:
        there = [c for c in contacts if rng.random() < 0.85]
        for contact in there:
            sent = at(survey["sent_from"], 2)
            invitations.append({
                "survey_id": survey["survey_id"], "customer_id": contact["customer_id"], "contact_id": contact["contact_id"], "sent_at": sent,
                "delivered": rng.random() < 0.95,
            })  # fmt: skip
            for _ in range((rng.random() < 0.6) + (rng.random() < 0.06)):  # a few answer twice
                answers += _response(rng, survey, contact, sent + dt.timedelta(hours=rng.randint(1, 500)), len(answers))
    return invitations, answers


def _response(rng, survey, contact, answered_at, number):
    mood, rows = rng.gauss(0, 1), []
    own = {"touchpoint": rng.choice(("sale", "service", "portal")), "region": rng.choice((None, None, "West"))}
    for name, (low, high) in DIMENSIONS.items():
        middle, width = (low + high) * 0.6, (high - low) / 4
        score = float(min(high, max(low, round(middle + width * (mood + rng.gauss(0, 0.8))))))
        blank = {"service": 99.0, "nps": 11.0}.get(name) if rng.random() < 0.05 else None
        rows.append({"question_id": f"tool:q-{name}", "score": blank or (None if rng.random() < 0.03 else score), **own})
    rows.append({"question_id": "tool:q-words", "text": rng.choice(("too slow", "交货慢", "fine")), **own})
    named = {} if survey["is_anonymous"] else {"customer_id": contact["customer_id"], "contact_id": contact["contact_id"]}
    common = {"survey_id": survey["survey_id"], "response_id": f"tool:r{number}", "answered_at": answered_at, "weight": rng.choice((None, 0.5, 2.0)), **named}
    return [{"answer_id": f"tool:a{number + k}", **common, **row} for k, row in enumerate(rows)]
