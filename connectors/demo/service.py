"""How the company looks after its customers: interactions, tickets and use of the monitoring portal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from connectors.demo.contracts import follow_up_times, is_active
from connectors.demo.stories import Story
from connectors.demo.world import DAY, World, days_in, months_until, numbered, pick, seconds, working_time

FOLLOW_UP_TIME = np.timedelta64(72 * 3600, "s")
VISITS = {"core": 2.6, "key": 1.5, "ordinary": 0.75, "potential": 0.0}  # routine interactions a month of an active customer
CHANNELS = ("visit", "call", "email", "chat")
HABITS = {True: (0.40, 0.30, 0.2, 0.10), False: (0.14, 0.38, 0.28, 0.20)}  # share of channels for core customers, for others
ADVISER_CALLS = 0.72  # share of followed customers whom an adviser calls right after signing
QUOTE_CALLS = 0.63  # share of quotes with a follow-up within three days
TICKETS = 0.30  # a month of an active customer of value 1
TICKET_KINDS = ((0.58, "service"), (0.29, "enquiry"), (0.13, "complaint"))
FEATURES = ("dashboard", "alarms", "reports", "remote control")
WEEKLY_USE = 14.0  # events a week of one feature at a customer of value 1
PORTAL_SIZES = ("large", "enterprise")  # the portal is offered to larger customers
COLUMNS = ["customer", "at", "channel", "direction", "purpose", "result"]


def interactions(world: World, clients: pd.DataFrame, deals: pd.DataFrame, stories: dict[str, Story]) -> pd.DataFrame:
    """Everything said to customers, with what was promised next and whether it was done.

    Nothing but the first follow-up and the adviser's call falls into the 72 h after a signing.
    """
    rng = world.rng("interactions")
    chance = pd.concat([_routine(world, rng, clients, stories["core_drift"]), _about_deals(world, rng, deals)], ignore_index=True)
    waited = chance["at"].to_numpy() - clients["signed_at"].to_numpy().astype("M8[s]")[chance["customer"]]
    chance = chance[~((waited >= seconds(0)) & (waited <= FOLLOW_UP_TIME))]
    rows = pd.concat([chance, _first_steps(world, rng, clients)], ignore_index=True)
    lost = clients["lost_on"].to_numpy().astype("M8[s]")[rows["customer"]]
    kept = (
        (rows["at"] >= world.span.start)
        & (rows["at"] < world.span.end)
        & ((rows["purpose"] != "service follow-up") | np.isnat(lost) | (rows["at"].to_numpy() < lost))
    )
    rows = rows[kept].sort_values(["at", "customer"], kind="stable", ignore_index=True)
    rows["owner"] = clients["owner"].to_numpy()[rows["customer"]]
    return _promises(world, rng, rows.assign(activity_no=numbered("AC", rows["at"])))


def _routine(world: World, rng, clients: pd.DataFrame, drift: Story) -> pd.DataFrame:
    span = world.span
    rate = clients["grade"].map(VISITS).to_numpy()[:, None] * is_active(clients, span.months)
    count = rng.poisson(rate)
    who, month = (np.repeat(index, count[count > 0]) for index in np.nonzero(count))
    at = working_time(rng, days_in(rng, span.months[month]))
    is_core = (clients["grade"] == "core").to_numpy()[who]
    drifted = drift.touches(clients.iloc[who], at)
    shares = np.where(is_core[:, None], HABITS[True], HABITS[False])
    shares[:, 0] *= np.where(drifted, drift.size["visit_share"], 1)
    shares[:, 3] += 1 - shares.sum(axis=1)  # what visits lose, chat wins
    channel = (rng.random(len(who))[:, None] > np.cumsum(shares, axis=1)[:, :3]).sum(axis=1)
    return _talk(rng, who, at, np.array(CHANNELS)[channel], "routine")


def _about_deals(world: World, rng, deals: pd.DataFrame) -> pd.DataFrame:
    """Calls while a deal is worked on, and follow-ups of quotes."""
    quoted = deals[deals["t2"].notna()]
    prompt = rng.random(len(quoted)) < QUOTE_CALLS
    wait = np.where(prompt, rng.uniform(4, 70, len(quoted)), rng.uniform(74, 300, len(quoted)))
    chased = (prompt | (rng.random(len(quoted)) < 0.6)).astype(bool)
    quotes = _talk(rng, quoted["customer"].to_numpy()[chased], (quoted["t2"].to_numpy().astype("M8[s]") + seconds(wait))[chased], "call", "quote follow-up")
    worked = deals[deals["t1"].notna()]
    calls = _talk(rng, worked["customer"].to_numpy(), worked["t1"].to_numpy().astype("M8[s]") + seconds(rng.uniform(0.1, 4, len(worked))), "call", "sales")
    return pd.concat([quotes, calls], ignore_index=True)


def _first_steps(world: World, rng, clients: pd.DataFrame) -> pd.DataFrame:
    """The service follow-up after signing, and the adviser's call within the hour for most of those followed."""
    follow_up = follow_up_times(world, clients)
    there = ~np.isnat(follow_up)
    visit = _talk(rng, np.flatnonzero(there), follow_up[there], np.where(rng.random(there.sum()) < 0.5, "visit", "call"), "service follow-up")
    signed = clients["signed_at"].to_numpy().astype("M8[s]")
    called = clients["followed"].to_numpy() & ~np.isnat(signed) & (rng.random(len(clients)) < ADVISER_CALLS)
    wait = np.where(rng.random(len(clients)) < 0.83, rng.uniform(0.1, 0.95, len(clients)), rng.uniform(1.1, 5, len(clients)))
    call = _talk(rng, np.flatnonzero(called), (signed + seconds(wait))[called], "call", "adviser call")
    return pd.concat([visit, call.assign(direction="out")], ignore_index=True).assign(direction="out")


def _talk(rng, who, at, channel, purpose: str) -> pd.DataFrame:
    frame = pd.DataFrame({"customer": who, "at": at, "channel": channel, "purpose": purpose})
    frame["direction"] = np.where(rng.random(len(who)) < 0.8, "out", "in")
    frame["result"] = rng.choice(["reached", "left message", "agreed", "no interest"], len(who), p=(0.62, 0.16, 0.18, 0.04))
    return frame[COLUMNS]


def _promises(world: World, rng, rows: pd.DataFrame) -> pd.DataFrame:
    """Half of the interactions end with a next step; most are done in time, some late, some never."""
    n, at = len(rows), rows["at"].to_numpy().astype("M8[s]")
    promised = rng.random(n) < 0.5
    due = working_time(rng, at.astype("M8[D]") + rng.integers(2, 21, n) * DAY)
    luck = rng.random(n)
    span = (due - at).astype(float)
    done = at + np.round(span * np.where(luck < 0.74, rng.uniform(0.2, 1, n), rng.uniform(1.05, 2.2, n))).astype("m8[s]")
    happened = promised & (luck < 0.92) & (done < world.span.end)
    steps = rng.choice(["send quote", "arrange visit", "send documents", "call back", "check delivery"], n)
    return rows.assign(
        next_step=np.where(promised, steps, None), due_at=np.where(promised, due, np.datetime64("NaT", "s")),
        done_at=np.where(happened, done, np.datetime64("NaT", "s")),
    )  # fmt: skip


def tickets(world: World, clients: pd.DataFrame) -> pd.DataFrame:
    """Enquiries, service cases and complaints; badly served customers and those about to leave complain more."""
    rng, span = world.rng("tickets"), world.span
    leaving = np.where(months_until(clients["lost_on"], span.months) <= 3, 2.2, 1)
    unhappy = np.exp(-0.25 * clients["quality"].to_numpy())[:, None]
    rate = TICKETS * clients["value"].to_numpy()[:, None] ** 0.3 * unhappy * leaving * is_active(clients, span.months)
    count = rng.poisson(rate)
    who, month = (np.repeat(index, count[count > 0]) for index in np.nonzero(count))
    rows = pd.DataFrame({"customer": who, "opened_at": working_time(rng, days_in(rng, span.months[month]))})
    rows = rows[rows["opened_at"] < span.end].sort_values(["opened_at", "customer"], kind="stable", ignore_index=True)
    kinds = np.array([kind for _, kind in TICKET_KINDS])[pick(rng, TICKET_KINDS, len(rows))]
    before = (clients["lost_on"].iloc[rows["customer"]].reset_index(drop=True) - rows["opened_at"]).dt.days  # NaN: did not leave
    rows["kind"] = np.where((before < 90) & (rng.random(len(rows)) < 0.35), "complaint", kinds)
    return _handled(span, rng, rows.assign(case_no=numbered("TK", rows["opened_at"])))


def _handled(span, rng, rows: pd.DataFrame) -> pd.DataFrame:
    """Answered, assigned and solved; a plan after each complaint, four in five within 24 h."""
    n, opened = len(rows), rows["opened_at"].to_numpy().astype("M8[s]")
    response = opened + seconds(rng.lognormal(-0.2, 0.8, n))
    assigned = response + seconds(rng.lognormal(-0.7, 0.7, n))
    solved = assigned + seconds(rng.lognormal(3.0, 0.9, n))
    plan = solved + seconds(np.where(rng.random(n) < 0.8, rng.uniform(1, 24, n), rng.uniform(25, 120, n)))
    complaint = (rows["kind"] == "complaint").to_numpy() & (rng.random(n) < 0.95)

    def known(at):
        return np.where(at < span.end, at, np.datetime64("NaT", "s"))

    return rows.assign(
        response_at=known(response), assigned_at=known(assigned), solved_at=known(solved),
        plan_at=np.where(complaint, known(plan), np.datetime64("NaT", "s")), reopened=rng.binomial(2, 0.035, n),
        priority=rng.choice(["high", "normal", "low"], n, p=(0.15, 0.65, 0.2)),
        channel=rng.choice(["hotline", "portal", "email", "wechat"], n, p=(0.4, 0.25, 0.2, 0.15)),
    )  # fmt: skip


def usage(world: World, clients: pd.DataFrame, contracts: pd.DataFrame, drift: Story) -> pd.DataFrame:
    """Weekly use of the portal by larger customers with a monitoring contract: it fades before a customer leaves."""
    rng, span = world.rng("usage"), world.span
    monitored = contracts.loc[(contracts["line"] == "Monitoring") & contracts["size"].isin(PORTAL_SIZES), "customer"].unique()
    weeks = np.arange(span.start + 6, span.end, 7 * DAY)
    active = is_active(clients.iloc[monitored], weeks.astype("M8[M]"))
    where, week = np.nonzero(active)
    rows = pd.DataFrame({"customer": monitored[where], "day": weeks[week].astype("M8[s]")})
    takes = rng.random((len(clients), len(FEATURES))) < (0.95, 0.6, 0.4, 0.2)
    parts = [rows[takes[rows["customer"], k]].assign(feature=feature) for k, feature in enumerate(FEATURES)]
    rows = pd.concat(parts, ignore_index=True)
    client = clients.iloc[rows["customer"]].reset_index(drop=True)
    fading = np.where((client["lost_on"] - rows["day"]).dt.days.to_numpy() < 75, 0.4, 1)
    more = np.where(drift.touches(client, rows["day"]), drift.size["usage"], 1)
    rows["events"] = rng.poisson(WEEKLY_USE * client["value"].to_numpy() ** 0.4 * fading * more)
    rows["users"] = np.minimum(1 + rows["events"] // 12, 25)
    return rows[rows["events"] > 0].sort_values(["day", "customer", "feature"], kind="stable", ignore_index=True)
