"""What became of each deal: when it entered which stage, how far it got, and when the money came in.

Cash is the last stage and comes from the ERP, not from what the CRM says: a deal is paid on the first day on which its
customer paid for an invoice issued on or after the day of the contract (a payment without invoice: paid on or after it).
One payment can stand for several deals of a customer: the systems do not say which one it was for. Where no payment was
ever loaded, the CRM's own entries into the last stage count, and the stage is unobserved without them.
"""

from __future__ import annotations

from collections.abc import Mapping

import narwhals as nw

from warehouse.contract import COMMON
from warehouse.contract import columns as contract_columns
from warehouse.marts.base import Mart, Tables
from warehouse.marts.money import converted, exploded
from warehouse.marts.stages import Stages, stages

NOON = 43_200  # seconds; a payment is known by its day only


def deal_entries(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """One row per entry of a deal into a stage, in any order, as often as it happened.

    deal_id; position: 1 is the first stage, null for a stage that is not configured.
    entered_on, entered_s: business day and seconds since 1970; null where only the present stage is known.
    left_s: when this stay ended; null while it lasts, or where it was never known.
    is_inferred: not from a stage history, but from the deal's creation, its present stage, its outcome or a payment.
    is_timed: the length of this stay is known (or will be, once it is over).
    """
    line = known_stages(tables, settings)
    deals = tables["deals"].with_columns(position=line.position("stage"))
    logged = _logged(tables, line)
    timed = nw.concat([logged, _won(deals, logged, line), _born(deals, logged)])
    present = _present(deals, timed, line)
    return _stays(nw.concat([timed, present, _paid(tables, deals, timed, line)]), deals, line)


def known_stages(tables: Tables, settings: Mapping) -> Stages:
    """The stages in force for the stage names that occur in these tables."""
    names = nw.concat([tables[name].select("stage") for name in ("deals", "deal_stages")]).unique()
    return stages(settings, [name for name in names.collect("pyarrow")["stage"].to_list() if name])


def _has_payments(tables: Tables) -> bool:
    return len(tables["payments"].select("payment_id").head(1).collect("pyarrow")) > 0


ENTRY = ("deal_id", "position", "entered_on", "entered_s", "left_s", "is_inferred")


def _entry(frame: nw.LazyFrame, position, day: str | None, left=None, inferred: bool = True) -> nw.LazyFrame:
    """Rows of one shape from any frame that knows deals and the instant `{day}_at`."""
    return frame.select(
        "deal_id",
        position=position,
        entered_on=nw.col(day + "_on") if day else nw.lit(None).cast(nw.Date),
        entered_s=nw.col(day + "_at_s") if day else nw.lit(None).cast(nw.Int64),
        left_s=nw.lit(None).cast(nw.Int64) if left is None else left,
        is_inferred=nw.lit(inferred),
    )


def _logged(tables: Tables, line: Stages) -> nw.LazyFrame:
    """The stage history of deals that still exist. The CRM's own cash entries give way to the ERP's payments."""
    log = tables["deal_stages"].join(tables["deals"].select("deal_id"), on="deal_id", how="semi")
    log = log.with_columns(position=line.position("stage"))
    if line.cash and _has_payments(tables):
        log = log.filter(nw.col("position").is_null() | (nw.col("position") != line.cash))
    return _entry(log, nw.col("position"), "entered", nw.col("left_at_s"), inferred=False)


def _lacking(deals: nw.LazyFrame, logged: nw.LazyFrame, position: int) -> nw.LazyFrame:
    return deals.join(logged.filter(nw.col("position") == position).select("deal_id").unique(), on="deal_id", how="anti")


def _born(deals: nw.LazyFrame, logged: nw.LazyFrame) -> nw.LazyFrame:
    """Every deal was in the first stage when it was created."""
    return _entry(_lacking(deals, logged, 1), nw.lit(1).cast(nw.Int64), "created")


def _won(deals: nw.LazyFrame, logged: nw.LazyFrame, line: Stages) -> nw.LazyFrame:
    """A won deal has reached the won stage when it was closed, whatever its history says."""
    if line.won == 1:
        return _entry(deals.filter(nw.lit(False)), nw.lit(1).cast(nw.Int64), "created")
    won = _lacking(deals.filter(nw.col("is_won")), logged, line.won)
    return _entry(won, nw.lit(line.won).cast(nw.Int64), "closed")


def _present(deals: nw.LazyFrame, timed: nw.LazyFrame, line: Stages) -> nw.LazyFrame:
    """The stage a deal stands in now, where nothing says since when."""
    known = timed.select("deal_id", "position").unique()
    standing = deals.filter(~nw.col("position").is_null())
    if line.cash:
        standing = standing.filter(nw.col("position") != line.cash)
    return _entry(standing.join(known, on=["deal_id", "position"], how="anti"), nw.col("position"), None)


def _paid(tables: Tables, deals: nw.LazyFrame, timed: nw.LazyFrame, line: Stages) -> nw.LazyFrame:
    """Entries into the cash stage: the first payment for what was invoiced since the contract. No stage for cash: no rows."""
    signed = timed.filter(nw.col("position") == line.won)
    contracts = signed.group_by("deal_id").agg(contract_on=nw.col("entered_on").min(), contract_s=nw.col("entered_s").min())
    alive = deals.filter(nw.col("is_won").is_null() | nw.col("is_won"), nw.lit(line.cash is not None)).select("deal_id", "customer_id")
    pairs = alive.join(contracts, on="deal_id", how="inner").join(_received(tables), on="customer_id", how="inner")
    pairs = pairs.filter(nw.col("due_on") >= nw.col("contract_on"), nw.col("paid_on") >= nw.col("contract_on"))
    first = pairs.group_by("deal_id", "contract_s").agg(entered_on=nw.col("paid_on").min(), noon=nw.col("paid_on_d").min() * 86400 + NOON)
    return first.select(
        "deal_id",
        position=nw.lit(line.cash or 0).cast(nw.Int64),
        entered_on="entered_on",
        entered_s=nw.max_horizontal("noon", "contract_s"),
        left_s=nw.lit(None).cast(nw.Int64),
        is_inferred=nw.lit(True),
    )


def _received(tables: Tables) -> nw.LazyFrame:
    """Money that came in: customer_id, paid_on, and due_on, the day of what it was paid for."""
    issued = tables["invoices"].group_by("invoice_id").agg(issued=nw.col("issued_on").min())
    good = tables["payments"].filter(~nw.col("is_failed"), nw.col("amount") > 0).select("customer_id", "invoice_id", "paid_on", "paid_on_d")
    good = good.join(issued, on="invoice_id", how="left")
    return good.select("customer_id", "paid_on", "paid_on_d", due_on=nw.coalesce("issued", "paid_on"))


def _stays(entries: nw.LazyFrame, deals: nw.LazyFrame, line: Stages) -> nw.LazyFrame:
    """Complete `left_s`: a stay ends with the next entry, or with the closing; what follows a won contract waits for the cash."""
    deal = deals.select("deal_id", "is_won", closed_s="closed_at_s", present="position")
    order = {"order_by": ["entered_s", "position"]}
    entries = entries.join(deal, on="deal_id", how="left").with_columns(
        next_s=nw.when(~nw.col("entered_s").is_null()).then(nw.col("entered_s").shift(-1).over("deal_id", **order)),
        next_inferred=nw.col("is_inferred").shift(-1).over("deal_id", **order),
    )
    waits = nw.col("position").fill_null(0) >= line.won
    entries = entries.with_columns(closed_s=nw.when(~(waits & nw.col("is_won").fill_null(False))).then(nw.col("closed_s")))
    to_cash = waits & nw.lit(line.cash is not None)
    over = nw.when(to_cash).then(nw.coalesce("next_s", "closed_s")).otherwise(nw.coalesce("left_s", "next_s", "closed_s"))
    return entries.with_columns(left_s=over, is_timed=_is_timed(line)).select(*ENTRY, "is_timed")


def _is_timed(line: Stages) -> nw.Expr:
    """Whether the length of a stay is known.

    Of what is inferred, it is known for the wait for cash, and for a first stage that was left by a logged move (many systems
    log moves only) or never left. Nothing is waited for in the last stage.
    """
    moved_on = (nw.col("next_s") > nw.col("entered_s")) & ~nw.col("next_inferred")
    stayed = nw.col("next_s").is_null() & (nw.col("present") == 1)
    known = ~nw.col("is_inferred") | ((nw.col("position") == 1) & (moved_on | stayed).fill_null(False)) | (nw.col("position") == line.won)
    return known.fill_null(False) & (nw.col("position").fill_null(0) < len(line.names)) & ~nw.col("entered_s").is_null()


def deal_facts(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """One row per deal: its attributes, what it is worth in reporting currency, and how far it got.

    owner, department: the deal's own owner, not its customer's. source_channel, campaign_id: its lead's.
    amount_reporting: at the rate of the closing day, of the day of creation while open; null and `is_unconverted` without a rate.
    outcome: "won", "lost" or "open". reached: the furthest position; reached_stage: its name. moved_on, moved_s: last entry into any stage.
    Columns that only the source knows go along.
    """
    line = known_stages(tables, settings)
    deals = tables["deals"]
    extra = [c for c in deals.columns if c not in OWN]
    facts = _described(deals.select(*FACTS, "closed_on_d", "created_on_d", *extra), tables)
    outcome = nw.when(nw.col("is_won")).then(nw.lit("won")).when(~nw.col("is_won")).then(nw.lit("lost")).otherwise(nw.lit("open"))
    facts = facts.with_columns(outcome=outcome, priced_d=nw.coalesce("closed_on_d", "created_on_d"))
    facts = converted(facts, tables, settings, {"amount_reporting": "amount"}, "priced_d")
    facts = facts.with_columns(is_unconverted=nw.col("is_unconverted") & ~nw.col("amount").is_null())
    facts = facts.join(_reach(tables), on="deal_id", how="left")
    facts = facts.with_columns(reached=nw.col("reached").fill_null(1))
    return facts.with_columns(reached_stage=line.name("reached")).drop("priced_d", "closed_on_d", "created_on_d")


FACTS = (
    "deal_id", "customer_id", "owner_id", "lead_id", "product_id", "created_at", "closed_at", "is_won", "stage",
    "currency", "amount", "lost_reason",
)  # fmt: skip
DERIVED = {f"{stem}{part}" for stem in ("created", "closed") for part in ("_at_s", "_on", "_on_d", "_on_m")}
OWN = {*FACTS, *COMMON, *contract_columns("deals"), *DERIVED, "owner", "department", "source_channel", "campaign_id", "product", "category"}


def _described(deals: nw.LazyFrame, tables: Tables) -> nw.LazyFrame:
    owners = tables["owners"].select("owner_id", "department", owner="name")
    leads = tables["leads"].select("lead_id", "source_channel", "campaign_id")
    products = tables["products"].select("product_id", "category", product="name")
    return deals.join(owners, on="owner_id", how="left").join(leads, on="lead_id", how="left").join(products, on="product_id", how="left")


def _reach(tables: Tables) -> nw.LazyFrame:
    """How far each deal got, and when it last moved."""
    entries = tables["deal_entries"]
    return entries.group_by("deal_id").agg(reached=nw.col("position").max(), moved_on=nw.col("entered_on").max(), moved_s=nw.col("entered_s").max())


def deal_steps(tables: Tables, settings: Mapping) -> nw.LazyFrame:
    """One row per deal and configured stage, with the deal's attributes: did it get there, when, and how long did it stay?

    position, stage: 1 is the first stage. is_own: it entered this very stage. is_passed: this stage or a later one.
    is_strict: it entered every stage up to this one, in this order. All three are null in a cash stage that nothing can tell about.
    entered_on, entered_s: its first entry; null if passed over, or where the time is unknown. entries: how often.
    passed_s: the first known time it was here or further. strict_s: when it got here in order.
    stayed_s: seconds in this stage in stays that are over; null where no stay is known. there_s: since when it is in it now; null if it is not.
    stays: how many stays are known, the present one included.
    """
    line = known_stages(tables, settings)
    facts, entries = tables["deal_facts"], tables["deal_entries"].filter(~nw.col("position").is_null())
    kept = [c for c in facts.columns if not c.endswith(("_s", "_d", "_m")) and c not in ("created_on", "closed_on", "stage", "moved_on")]
    grid = exploded(facts.select(*kept), "position", [str(p) for p in range(1, len(line.names) + 1)])
    grid = grid.with_columns(nw.col("position").cast(nw.Int64)).with_columns(stage=line.name("position"))
    steps = grid.join(_visits(entries), on=["deal_id", "position"], how="left").join(_chain(entries, line), on=["deal_id", "position"], how="left")
    steps = steps.with_columns(passed_s=nw.col("entered_s").cum_min(reverse=True).over("deal_id", order_by="position"))
    steps = steps.with_columns(
        entries=nw.col("entries").fill_null(0),
        is_own=nw.col("entries").fill_null(0) > 0,
        is_passed=nw.col("reached") >= nw.col("position"),
        is_strict=~nw.col("in_order").is_null(),
    ).drop("in_order")
    return steps if _observes_cash(tables, line) else _blank(steps, line)


def _visits(entries: nw.LazyFrame) -> nw.LazyFrame:
    """Per deal and stage: first entry, number of entries, time spent, and since when it is still there."""
    timed, over = nw.col("is_timed"), ~nw.col("left_s").is_null()
    entries = entries.with_columns(
        stayed_s=nw.when(timed & over).then(nw.col("left_s") - nw.col("entered_s")), there_s=nw.when(timed & ~over).then(nw.col("entered_s"))
    )
    visits = entries.group_by("deal_id", "position").agg(
        nw.col("entered_on", "entered_s").min(),
        nw.col("stayed_s").sum(),
        nw.col("there_s").max(),
        stays=timed.cast(nw.Int64).sum(),
        entries=nw.len().cast(nw.Int64),
    )
    return visits.with_columns(stayed_s=nw.when(nw.col("stays") > 0).then(nw.col("stayed_s")))


def _chain(entries: nw.LazyFrame, line: Stages) -> nw.LazyFrame:
    """Deals that went through the stages one by one: the earliest time of each link. An entry of unknown time fits anywhere."""
    links = [_link(entries, 1).group_by("deal_id").agg(strict_s=nw.col("entered_s").min())]
    for position in range(2, len(line.names) + 1):
        step = _link(entries, position).join(links[-1], on="deal_id", how="inner").with_columns(at_s=nw.coalesce("entered_s", "strict_s"))
        step = step.filter((nw.col("at_s") >= nw.col("strict_s")) | nw.col("at_s").is_null())
        links.append(step.group_by("deal_id").agg(strict_s=nw.col("at_s").min()))
    marked = [link.with_columns(position=nw.lit(p).cast(nw.Int64), in_order=nw.lit(True)) for p, link in enumerate(links, start=1)]
    return nw.concat(marked)


def _link(entries: nw.LazyFrame, position: int) -> nw.LazyFrame:
    return entries.filter(nw.col("position") == position).select("deal_id", "entered_s")


def _observes_cash(tables: Tables, line: Stages) -> bool:
    """Whether anything in the data can tell that money came in."""
    own = tables["deal_entries"].filter(nw.col("position") == (line.cash or 0)).head(1)
    return line.cash is None or _has_payments(tables) or len(own.collect("pyarrow")) > 0


def _blank(steps: nw.LazyFrame, line: Stages) -> nw.LazyFrame:
    seen = nw.col("position") != line.cash
    return steps.with_columns(*(nw.when(seen).then(nw.col(c)).alias(c) for c in ("is_own", "is_passed", "is_strict", "entries")))


MARTS = (
    Mart("deal_entries", ("deals", "deal_stages", "payments", "invoices"), ("deal_id", "position", "entered_s"), deal_entries),
    Mart("deal_facts", ("deals", "deal_stages", "owners", "leads", "products", "daily_rates", "deal_entries"), ("deal_id",), deal_facts),
    Mart("deal_steps", ("deals", "deal_stages", "payments", "deal_facts", "deal_entries"), ("deal_id", "position"), deal_steps),
)
