"""How the company wins customers: leads, deals and the stages they went through."""

from __future__ import annotations

import numpy as np
import pandas as pd

from connectors.demo import words
from connectors.demo.contracts import is_active, local_price
from connectors.demo.stories import Story
from connectors.demo.world import DAY, World, column, numbered, pick, rising, working_time

STAGES = ("Lead", "Follow-up", "Quote", "Contract", "Payment received")
MEDIAN_DAYS = (4, 13, 12, 24)  # in each stage before the next
SPREAD = 0.55  # of the logarithm of those days
WIN_RATE = 0.31  # won of closed
REACHED = (0.22, 0.36, 0.38, 0.04)  # where lost deals die: in Lead, Follow-up, Quote, Contract
IDLE_LEADS = 4600  # leads that never became a deal, at scale 1
UPSELLS = 0.75  # share of upgrades and further lines that went through a deal
SKIPPED, RETURNED = 0.08, 0.04  # deals that skip a stage; that go back from the quote and quote again
GROWTH = 1.8  # attempts a month at the end, as a multiple of those at the beginning: the wins grow as fast
CHANNELS = ((0.26, "website"), (0.22, "exhibition"), (0.2, "referral"), (0.17, "outbound call"), (0.15, "partner"))


def deals(world: World, clients: pd.DataFrame, contracts: pd.DataFrame, stories: dict[str, Story]) -> pd.DataFrame:
    """One row per deal with the instants it entered each stage (NaT: not reached), its outcome and amount."""
    rng = world.rng("deals")
    won = _won(world, rng, clients, contracts)
    tried = _tried(world, rng, clients, round(len(won) * (1 - WIN_RATE) / WIN_RATE))
    won, tried = _dated_back(world, rng, won, stories["stalled_quote"]), _dated_on(world, rng, tried, stories["stalled_quote"])
    rows = pd.concat([won, tried], ignore_index=True)
    rows = rows[rows["t0"] >= world.span.start]  # the CRM was empty before
    rows = rows.sort_values("t0", kind="stable", ignore_index=True)
    rows["currency"] = clients["currency"].to_numpy()[rows["customer"]]
    rows["owner"] = clients["owner"].to_numpy()[rows["customer"]]
    rows["deal_no"] = numbered("OP", rows["t0"])
    return _priced(rng, rows, clients)


def _won(world: World, rng, clients: pd.DataFrame, contracts: pd.DataFrame) -> pd.DataFrame:
    """Signings inside the span, and upgrades or further contracts of existing customers, with the instant of the contract."""
    new = clients[clients["is_new"]].reset_index(names="customer")[["customer", "signed_at"]].rename(columns={"signed_at": "closed_at"})
    later = contracts[(contracts["starts_on"] >= world.span.start) & (contracts["starts_on"] > contracts["signed_at"] + pd.Timedelta(days=20))]
    upsold = later[(later["cause"] == "upgrade") | ((later["cause"] == "new") & (later["place"] > 0))]
    upsold = upsold[rng.random(len(upsold)) < UPSELLS]
    signed = working_time(rng, upsold["starts_on"].to_numpy().astype("M8[D]") - rng.integers(3, 20, len(upsold)) * DAY)
    fee = contracts[contracts["version"] == 1].groupby("customer").agg(fee=("fee", "sum"), line=("line", "first"))
    new = new.join(fee, on="customer").assign(is_new=True)
    return pd.concat([new, upsold[["customer", "fee", "line"]].assign(closed_at=signed, is_new=False)], ignore_index=True).assign(is_won=1, reached=3)


def _tried(world: World, rng, clients: pd.DataFrame, n: int) -> pd.DataFrame:
    """Deals that will be lost unless the span ends first: half with prospects, half with customers."""
    length = (world.span.end - world.span.start).astype(int)
    t0 = working_time(rng, world.span.start + (rising(rng, n, GROWTH) * length).astype(int) * DAY)
    prospects = np.flatnonzero(clients["signed_at"].isna())
    served = np.flatnonzero(is_active(clients, np.array([world.span.last]))[:, 0])
    who = np.where(rng.random(n) < 0.55, rng.choice(prospects, n), rng.choice(served, n))
    rows = pd.DataFrame({"customer": who, "t0": t0, "is_won": 0, "reached": pick(rng, [(share,) for share in REACHED], n), "is_new": False})
    rows["line"] = column(words.LINES, 0, rng.integers(0, 4, n))
    rows["reason"] = column(words.LOST_REASONS, 1, pick(rng, words.LOST_REASONS, n))
    return rows[rows["t0"] < world.span.end]


def _stay(rng, stage: int, n: int) -> np.ndarray:
    """Seconds in a stage."""
    return np.round(np.exp(rng.normal(np.log(MEDIAN_DAYS[stage]), SPREAD, n)) * 86400).astype("m8[s]")


def _dated_back(world: World, rng, rows: pd.DataFrame, stalled: Story) -> pd.DataFrame:
    """Stage entries of won deals, back from the contract and on to the payment."""
    signed = rows["closed_at"].to_numpy().astype("M8[s]")
    stay = _stay(rng, 2, len(rows))
    slow = signed - np.round(stay.astype(float) * stalled.size["duration_ratio"]).astype("m8[s]")
    t2 = np.where(slow >= stalled.since, slow, signed - stay)
    t1 = t2 - _stay(rng, 1, len(rows))
    t0 = t1 - _stay(rng, 0, len(rows))
    t4 = signed + _stay(rng, 3, len(rows))
    return rows.assign(t0=t0, t1=t1, t2=t2, t3=signed, t4=np.where(t4 < world.span.end, t4, np.datetime64("NaT", "s")))


def _dated_on(world: World, rng, rows: pd.DataFrame, stalled: Story) -> pd.DataFrame:
    """Stage entries of the other deals, forward from their creation; those not closed by the end of the span are open."""
    n, reached = len(rows), rows["reached"].to_numpy()
    times, at = [rows["t0"].to_numpy().astype("M8[s]")], rows["t0"].to_numpy().astype("M8[s]")
    for stage in range(3):
        at = _left(at, _stay(rng, stage, n), stage, stalled)
        times.append(np.where(reached > stage, at, np.datetime64("NaT", "s")))
    last = np.choose(reached, times)
    closed = _left(last, _stay(rng, 2, n) * 2, np.where(reached == 2, 2, 0), stalled)
    times = [np.where(t < world.span.end, t, np.datetime64("NaT", "s")) for t in times]
    is_open = closed >= world.span.end
    rows = rows.assign(t0=times[0], t1=times[1], t2=times[2], t3=times[3], t4=np.full(n, np.datetime64("NaT", "s")))
    rows["closed_at"] = np.where(is_open, np.datetime64("NaT", "s"), closed)
    rows["reached"] = (~np.isnat(np.array(times))).sum(axis=0) - 1
    return rows.assign(is_won=np.where(is_open, None, 0), reason=np.where(is_open, None, rows["reason"]))


def _left(entered, stay, stage, stalled: Story) -> np.ndarray:
    """When a stage was left: quotes entered since the second approval stay longer."""
    slow = (np.asarray(stage) == 2) & (entered >= stalled.since)
    return entered + np.where(slow, np.round(stay.astype(float) * stalled.size["duration_ratio"]).astype("m8[s]"), stay)


def _priced(rng, rows: pd.DataFrame, clients: pd.DataFrame) -> pd.DataFrame:
    """A year of service, and for two in five a machine."""
    value = clients["value"].to_numpy()[rows["customer"]]
    machine = np.where(rng.random(len(rows)) < 0.4, rng.choice([78000, 145000], len(rows)) * rng.lognormal(0, 0.15, len(rows)) * value**0.3, 0)
    list_fee = local_price(1000 * value**0.85 * rng.lognormal(0, 0.3, len(rows)), rows["currency"])
    rows["equipment"] = np.where(machine > 0, local_price(np.maximum(machine, 1), rows["currency"]), 0)
    rows["amount"] = 12 * rows["fee"].fillna(pd.Series(list_fee, rows.index)) + rows["equipment"]
    return rows


def stage_log(world: World, rows: pd.DataFrame) -> pd.DataFrame:
    """One row per entry of a deal into a stage: deal_no, stage, entered_at, left_at (NaT: still there)."""
    rng, parts = world.rng("stages"), []
    skips = np.where(rng.random(len(rows)) < SKIPPED, rng.integers(1, 3, len(rows)), -1)
    for number, stage in enumerate(STAGES):
        reached = rows[f"t{number}"].notna().to_numpy() & ~((skips == number) & (rows["reached"].to_numpy() > number))
        parts.append(pd.DataFrame({"deal_no": rows["deal_no"][reached], "stage": stage, "entered_at": rows[f"t{number}"][reached]}))
    again = (rng.random(len(rows)) < RETURNED) & rows["t2"].notna().to_numpy() & (skips == -1)
    third = (rows["t3"].fillna(rows["closed_at"]).fillna(pd.Timestamp(world.span.end)) - rows["t2"]) / 3
    for share, stage in ((1, "Follow-up"), (2, "Quote")):
        parts.append(pd.DataFrame({"deal_no": rows["deal_no"][again], "stage": stage, "entered_at": (rows["t2"] + third * share)[again].dt.floor("s")}))
    log = pd.concat(parts).sort_values(["deal_no", "entered_at"], kind="stable", ignore_index=True)
    closed = log["deal_no"].map(rows.set_index("deal_no")["closed_at"].where(rows.set_index("deal_no")["is_won"] == 0))
    return log.assign(left_at=log.groupby("deal_no")["entered_at"].shift(-1).fillna(closed))


def leads(world: World, clients: pd.DataFrame, rows: pd.DataFrame, promotions: pd.DataFrame) -> pd.DataFrame:
    """Where deals came from, and the many leads that became none."""
    rng, span = world.rng("leads"), world.span
    kept = rows[rng.random(len(rows)) < 0.86]
    found = pd.DataFrame({"deal_no": kept["deal_no"], "acct_no": clients["acct_no"].to_numpy()[kept["customer"]], "owner": kept["owner"]})
    before = kept["t0"] - pd.to_timedelta(rng.integers(600, 5 * 86400, len(kept)), unit="s")
    found["created_at"] = before.clip(lower=pd.Timestamp(span.start) + pd.Timedelta(hours=8))
    idle = world.count(IDLE_LEADS)
    days = span.start + rng.integers(0, (span.end - span.start).astype(int) - 3, idle) * DAY
    lost = pd.DataFrame({"deal_no": None, "acct_no": None, "created_at": working_time(rng, days)})
    lost["owner"] = rng.choice(clients["owner"].to_numpy(), idle)
    both = pd.concat([found, lost], ignore_index=True).sort_values("created_at", kind="stable", ignore_index=True)
    fallow = np.where(rng.random(len(both)) < 0.75, "disqualified", "new")
    both["state"] = np.where(both["deal_no"].notna(), "converted", np.where(both["created_at"] < span.end - 40 * DAY, "disqualified", fallow))
    both["channel"] = column(CHANNELS, 1, pick(rng, CHANNELS, len(both)))
    return both.assign(lead_no=numbered("LD", both["created_at"]), campaign=_credited(rng, both["created_at"], promotions))


def _credited(rng, created: pd.Series, promotions: pd.DataFrame) -> np.ndarray:
    """The campaign that runs when a lead comes in, for a third of them."""
    credited = np.full(len(created), None, dtype=object)
    for promotion in promotions.itertuples():
        during = (created >= promotion.starts_on) & (created < promotion.ends_on) & (rng.random(len(created)) < 0.34)
        credited[during.to_numpy()] = promotion.campaign
    return credited
