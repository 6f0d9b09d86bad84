"""A sync of a file with rows that break every kind of rule: what is refused is what a real sync refuses."""

from __future__ import annotations

from pathlib import Path

from connectors.sources import load
from warehouse.sync import sync

LINES = [  # customer_id, kind, name, first_contact_on, tax_no
    "1,company,Good,2026-01-01,5",
    ",company,No id,2026-01-01,5",
    "2,alien,Bad kind,2026-01-01,5",
    "3,company,,2026-01-01,5",
    "4,company,Bad day,13.02.2026,5",
    "5,company,No such day,2026-02-31,5",
    "1,company,Twice,2026-01-01,5",
    "6,company,too,many,cells,here",
]
BILLS = [  # id, customer, day, amount, currency
    "a,1,2026-03-01,10,CNY",
    "b,1,2026-03-01,ten,CNY",
    'c,1,2026-03-01,"1,5",CNY',
    "d,1,2026-03-01,3,YUAN",
    "e,1,2026-03-01,3,XQZ",
    "f,1,2026-01-01,3,CNY",
]
FILE = """
[sources.{name}]
kind = "files"
path = "files"
[sources.{name}.tables.customers]
from = "customers.csv"
[sources.{name}.tables.customers.columns]
customer_id = "id"
kind = "kind"
name = "name"
first_contact_on = "since"
[sources.{name}.tables.invoices]
from = "bills.csv"
[sources.{name}.tables.invoices.columns]
invoice_line_id = "id"
invoice_id = "id"
customer_id = "customer"
issued_on = "day"
amount = "amount"
currency = "currency"
period_start = "'2026-02-01'"
period_end = "day"
"""


def refused(folder: Path, name: str = "shop", customers: list[str] = LINES, bills: list[str] = BILLS) -> Path:
    """Sync the files and give back the data directory. name: of the source; it may hold anything TOML can quote."""
    files = folder / "files"
    files.mkdir(parents=True)
    (files / "customers.csv").write_text("\n".join(["id,kind,name,since,tax", *customers]) + "\n", "utf-8")
    (files / "bills.csv").write_text("\n".join(["id,customer,day,amount,currency", *bills]) + "\n", "utf-8")
    (folder / "sources.toml").write_text(FILE.format(name=f'"{name}"'), "utf-8")
    sync(load(folder / "sources.toml"), folder / "data", accept_loss=[])
    return folder / "data"
