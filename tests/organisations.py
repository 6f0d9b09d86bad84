"""Random organisations for tests of scopes: who serves whom, and the rows that a reader of some customers would have alone.

`only` says in plain Python which rows are a reader's; it shares nothing with `warehouse.visible`, which says the same to an engine.
"""

from __future__ import annotations

import random

from tests.company import at, company, day

OF_CUSTOMERS = (
    "contacts", "invoices", "payments", "subscriptions", "leads", "deals", "interactions", "tickets", "usage", "invitations", "answers",
)  # fmt: skip
NOBODY = {"payment_id": "erp:nobody", "customer_id": "crm:nobody", "paid_on": "2025-01-01", "amount": 1, "is_failed": True}


def organisation(seed: int, customers: int = 80) -> dict[str, list[dict]]:
    """The small company with managers, customers without owner, chains of merged records, and rows that are nobody's."""
    rng, rows = random.Random(seed), company(seed, customers)
    owners = [f"crm:o{i}" for i in range(8)]
    rows["owners"] = [
        {"owner_id": o, "name": f"Owner {i}", "department": rng.choice(("Sales", "Service", None)), "manager_id": rng.choice((None, *owners[:i]))}
        for i, o in enumerate(owners)
    ]  # fmt: skip
    owners.pop()  # the last one serves nobody
    for row in rows["customers"]:
        row |= {"owner_id": rng.choice((None, *owners)), "parent_id": rng.choice((None, None, "crm:c1", "crm:c2")), "segment": rng.choice("ABC")}
    rows["customers"] += [
        {"customer_id": "old:1", "name": "Older", "kind": "company", "merged_into": "erp:x0"},  # into a record that was merged itself
        {"customer_id": "old:2", "name": "Oldest", "kind": "company", "merged_into": "old:1", "region": "South"},
        {"customer_id": "old:3", "name": "Slip", "kind": "company", "merged_into": "crm:gone"},  # into a deleted one
        {"customer_id": "old:4", "name": "Undone", "kind": "company", "merged_into": "crm:c3", "is_deleted": True},
    ]
    somebody = [c["customer_id"] for c in rows["customers"] if c["customer_id"] not in ("crm:gone", "old:3", "old:4")]
    strays = [*somebody, "crm:gone", "old:3", "old:4", "crm:nowhere"]
    for name in ("interactions", "tickets", "usage", "subscriptions"):  # some rows belong to others than the company's generator thought
        rows[name] = [{**row, "customer_id": rng.choice(strays)} if rng.random() < 0.05 else row for row in rows[name]]
    moved = {row["invoice_id"]: rng.choice(strays) for row in rows["invoices"] if rng.random() < 0.05}
    moved |= {row["invoice_id"]: stray for row, stray in zip(rows["invoices"][::50], strays[len(somebody) :], strict=False)}
    for name in ("invoices", "payments"):  # an invoice is somebody's as a whole
        rows[name] = [{**row, "customer_id": moved.get(row["invoice_id"], row["customer_id"])} for row in rows[name]]
    rows["usage"] = list({(row["customer_id"], row["feature"], row["day"]): row for row in rows["usage"]}.values())
    rows["deals"] = [{**row, "customer_id": None, "lead_id": None} if rng.random() < 0.05 else row for row in rows["deals"]]
    rows["owner_assignments"] += _assigned(rng, rows, owners)
    rows["payments"].append(NOBODY)
    return rows


def _assigned(rng, rows, owners) -> list[dict]:
    held = [("lead", row["lead_id"]) for row in rows["leads"][:20]] + [("deal", row["deal_id"]) for row in rows["deals"][:20]]
    return [{"object": kind, "object_id": key, "from_at": at(day(3), 1), "owner_id": rng.choice(owners), "to_at": None} for kind, key in held]


def accounts(rows: dict[str, list[dict]]) -> dict[str, str]:
    """Every living customer record → the account it ends up in; records that end nowhere are left out."""
    living = {c["customer_id"]: c for c in rows["customers"] if not c.get("is_deleted")}
    found = {}
    for record in living:
        path = [record]
        while path[-1] in living and living[path[-1]].get("merged_into") not in (None, path[-1]) and len(set(path)) == len(path):
            path.append(living[path[-1]]["merged_into"])
        if path[-1] in living and len(set(path)) == len(path):
            found[record] = path[-1]
    return found


def reached(rows: dict[str, list[dict]], rules) -> set[str]:
    """The accounts for which every rule holds; none without a rule."""
    departments = {o["owner_id"]: o.get("department") for o in rows["owners"]}
    of = {c["customer_id"]: {**c, "department": departments.get(c.get("owner_id"))} for c in rows["customers"]}
    return {c for c in accounts(rows).values() if rules and all(of[c].get(column) in values for column, values in rules)}


def only(rows: dict[str, list[dict]], ids: set[str]) -> dict[str, list[dict]]:
    """What there would be if there were no customers but these.

    Nobody's are rows without a customer, those of an anonymous survey, and what was computed over everybody: a campaign's cost,
    the parent that may be somebody else's customer. A payment of nobody keeps saying that payments are loaded at all.
    """
    to = accounts(rows)
    anonymous = {s["survey_id"] for s in rows["surveys"] if s.get("is_anonymous")}
    mine = {name: [row for row in rows[name] if not row.get("is_deleted") and to.get(row.get("customer_id")) in ids] for name in OF_CUSTOMERS}
    for name in ("answers", "invitations"):
        mine[name] = [row for row in mine[name] if row["survey_id"] not in anonymous]
    deals = {row["deal_id"] for row in mine["deals"]}
    mine["deal_stages"] = [row for row in rows["deal_stages"] if row["deal_id"] in deals]
    mine["customers"] = [{**c, "parent_id": None} for c in rows["customers"] if to.get(c["customer_id"]) in ids and not c.get("is_deleted")]
    held = {"customer": ids, "lead": {row["lead_id"] for row in mine["leads"]}, "deal": deals}
    served = [{**row, "object_id": to.get(row["object_id"])} if row["object"] == "customer" else row for row in rows["owner_assignments"]]
    mine["owner_assignments"] = [row for row in served if row["object_id"] in held[row["object"]]]
    serving = {row.get("owner_id") for name in ("deals", "leads", "interactions", "owner_assignments") for row in mine[name]}
    serving |= {c.get("owner_id") for c in mine["customers"] if c["customer_id"] in ids}
    mine["owners"] = [o for o in rows["owners"] if o["owner_id"] in serving]
    mine["payments"].append(NOBODY)
    shared = {name: rows[name] for name in ("products", "surveys", "questions", "rates")}
    return {**mine, **shared, "campaigns": [{**row, "cost": None} for row in rows["campaigns"]]}
