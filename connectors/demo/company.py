"""The whole demo company, made once: every frame the systems are written from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from connectors.demo import billing, contracts, features, identity, people, sales, service, survey
from connectors.demo.stories import Story, plan, without
from connectors.demo.world import World


@dataclass(frozen=True)
class Company:
    """Frames by subject. `customer` in them is the row number in `clients`."""

    world: World
    stories: dict[str, Story]
    pairs: dict[str, list]  # identity truth by kind
    staff: pd.DataFrame
    clients: pd.DataFrame
    copies: pd.DataFrame
    erp_clients: pd.DataFrame
    people: pd.DataFrame
    assignments: pd.DataFrame
    items: pd.DataFrame
    contracts: pd.DataFrame
    deals: pd.DataFrame
    stage_log: pd.DataFrame
    leads: pd.DataFrame
    campaigns: pd.DataFrame
    lines: pd.DataFrame
    payments: pd.DataFrame
    rates: pd.DataFrame
    interactions: pd.DataFrame
    tickets: pd.DataFrame
    usage: pd.DataFrame
    feature_log: pd.DataFrame
    waves: pd.DataFrame
    invitations: pd.DataFrame
    responses: pd.DataFrame


def found(world: World, untold: Collection[str] = ()) -> Company:
    """Make the company of this seed, span and scale, without the stories that are to stay untold."""
    stories = without(plan(world.span), untold)
    made = _clients(world, stories)
    clients = made["clients"]
    made["contracts"] = contracts.subscriptions(world, clients, stories)
    made["deals"] = sales.deals(world, clients, made["contracts"], stories)
    made["stage_log"] = sales.stage_log(world, made["deals"])
    made |= _billing(world, clients, made, stories)
    made["leads"] = sales.leads(world, clients, made["deals"], made["campaigns"])
    made["interactions"] = service.interactions(world, clients, made["deals"], stories)
    made["tickets"] = service.tickets(world, clients)
    made["usage"] = service.usage(world, clients, made["contracts"], stories["core_drift"])
    made["feature_log"] = features.log(world, made["staff"])
    made |= _survey(world, clients, made, stories)
    return Company(world=world, stories=stories, **made)


def _clients(world: World, stories) -> dict:
    staff = people.owners(world)
    clients, namesakes = identity.with_namesakes(world, people.customers(world, staff))
    clients = contracts.with_departures(world, clients, stories)
    erp_clients, unnumbered = identity.erp_customers(world, clients)
    copies, copied = identity.crm_copies(world, clients)
    pairs = {"same_customer_two_records": unnumbered, "same_customer_twice_in_crm": copied, "two_customers_one_name": namesakes}
    return {
        "staff": staff, "clients": clients, "erp_clients": erp_clients, "copies": copies, "pairs": pairs, "items": contracts.products(),
        "people": people.contacts(world, clients), "assignments": people.assignments(world, clients, staff),
    }  # fmt: skip


def _billing(world: World, clients, made: dict, stories) -> dict:
    promotions = billing.campaigns(world, stories)
    parts = billing.parts_lines(world, clients, made["items"], stories)
    promoted = billing.campaign_lines(world, clients, made["items"], promotions)
    machines = billing.equipment_lines(world, _machines(made["deals"], made["items"]))
    fees = billing.service_lines(world, _itemised(made["contracts"], made["items"], "Service Contract"))
    lines = billing.invoices(world, [fees, parts, promoted, machines, billing.credits(world, parts)])
    return {"campaigns": promotions, "lines": lines, "payments": billing.payments(world, lines), "rates": billing.rates(world)}


def _machines(deals: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    return _itemised(deals[deals["is_won"] == 1], items, "Equipment E1")


def _itemised(rows: pd.DataFrame, items: pd.DataFrame, model: str) -> pd.DataFrame:
    """The rows with the item code of their product line's `model`."""
    return rows.assign(item_code=rows["line"].map(items[items["model"] == model].set_index("line")["item_code"]))


def _survey(world: World, clients, made: dict, stories) -> dict:
    waves = survey.waves(world)
    sent = survey.invitations(world, clients, made["people"], waves)
    return {"waves": waves, "invitations": sent, "responses": survey.responses(world, clients, made["contracts"], sent, stories)}
