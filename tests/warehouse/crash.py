"""A program that syncs a small company, for tests that kill or stop it: `python -m tests.warehouse.crash DATA ROUND [HOLD_AT]`.

What the source holds depends on the round alone, so that a clean sync of the same round can be compared.
"""

import datetime as dt
import signal
import sys
import time
from pathlib import Path

import pyarrow as pa

from connectors.sources import Table
from tests.warehouse.scripted import CUSTOMERS, MAPPING, NOON, Company, customer
from warehouse import marts, sync

OWNERS = pa.schema([("no", pa.string()), ("name", pa.string())])
TABLES = {
    "customers": Table(columns=MAPPING, incremental="changed", deletes="sweep"),
    "owners": Table(columns={"owner_id": "no", "name": "name"}),
}
FEW_MARTS = {name: marts.MARTS[name] for name in ("identities", "accounts")}
POINTS = (
    "prepared", "read:crm.customers", "read", "merged:customers", "merged:owners", "quarantined", "mart:identities", "mart:accounts",
    "before publishing", "published",
)  # fmt: skip


def company(data: Path, round: int) -> Company:
    """The company in a round: each brings two new customers, a changed one, a refused one, one less, and a renamed owner."""
    made = Company(data, tables=TABLES, schemas={"customers": CUSTOMERS, "owners": OWNERS, "deleted": CUSTOMERS})
    new = [customer(100 + 10 * r + i, hour=1000 * r) for r in range(round + 1) for i in range(2)]
    bad = [customer(200 + r, hour=1000 * r, kind="gift") for r in range(round + 1)]
    made.rows.extend([customer(i, f"version {round if i == 3 else 0}", hour=1000 * round if i == 3 else i) for i in range(round, 30)] + new + bad)
    made.world["crm"]["owners"] = [{"no": "A", "name": f"name in round {round}"}]
    return made


def run(data: Path, round: int):
    """One sync of that round, on the day of that round."""
    kept, marts.MARTS = marts.MARTS, FEW_MARTS
    try:
        return company(data, round).sync(now=NOON + dt.timedelta(days=round))
    finally:
        marts.MARTS = kept


def hold(point: str) -> None:
    """From now on a sync says when it comes to this point, and waits there to be stopped."""

    def waited(here: str) -> None:
        if here == point:
            print("waiting", flush=True)
            time.sleep(120)

    sync._die = waited


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs tests in the background hands on that it is ignored
    if sys.argv[3:]:
        hold(sys.argv[3])
    print(run(Path(sys.argv[1]), int(sys.argv[2])).snapshot)
