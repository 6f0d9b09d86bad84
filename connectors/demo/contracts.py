"""How long customers stay and what they pay each month: departures, returns, service contracts and their versions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from connectors.demo import words
from connectors.demo.stories import Story
from connectors.demo.world import DAY, World, column, months_until, working_time

YOUNG = 24  # months of tenure in which a missed follow-up still shows
BASE_RATES = {"CNY": 1.0, "USD": 7.10, "EUR": 7.75, "GBP": 9.05, "JPY": 0.0478}  # CNY for one unit, on average
EXTRA_LINES = {"small": 0.10, "medium": 0.22, "large": 0.40, "enterprise": 0.55}  # chance of each of two further product lines
UPGRADE, DOWNGRADE = 0.19, 0.08  # chance at each anniversary
PREFIXES = ("CMP", "CLG", "WTR", "MON")  # item codes of the product lines


def with_departures(world: World, clients: pd.DataFrame, stories: dict[str, Story]) -> pd.DataFrame:
    """The customers with lost_on and back_on (NaT: did not leave, did not return); days are first days of a month.

    A few leave within two days of signing, whom nobody could have followed up after three.
    """
    rng, span = world.rng("departures"), world.span
    leaves = rng.random((len(clients), len(span.months))) < _hazard(span, clients, stories)
    first = np.where(leaves.any(axis=1), leaves.argmax(axis=1), -1)
    lost_on = np.where(first >= 0, span.months[first].astype("M8[D]"), np.datetime64("NaT"))
    regret = (rng.random(len(clients)) < 0.012) & clients["is_new"].to_numpy() & (clients["signed_at"] < span.end - 9 * DAY).to_numpy()
    signed_on = clients["signed_at"].to_numpy().astype("M8[D]")
    lost_on = np.where(regret, signed_on + rng.integers(1, 3, len(clients)) * DAY, lost_on)
    back_on = (lost_on.astype("M8[M]") + rng.integers(3, 8, len(clients))).astype("M8[D]")
    returns = (rng.random(len(clients)) < 0.07) & ~regret & (back_on < span.end)
    return clients.assign(
        lost_on=lost_on.astype("M8[s]"), back_on=np.where(returns, back_on, np.datetime64("NaT")).astype("M8[s]"), followed=clients["followed"] & ~regret
    )


def _hazard(span, clients: pd.DataFrame, stories: dict[str, Story]) -> np.ndarray:
    """Chance to leave at the beginning of each month, customer × month; 0 before the first full month after signing."""
    yearly = clients["size"].map({row[1]: row[4] for row in words.SIZES}).to_numpy(float)
    base = (1 - (1 - yearly) ** (1 / 12)) * np.exp(-0.35 * clients["quality"].to_numpy())
    tenure = -months_until(clients["signed_at"], span.months)
    missed = ~clients["followed"].to_numpy()[:, None] & (tenure < YOUNG)
    rival = np.array([stories["region_churn"].touches(clients, np.full(len(clients), m.astype("M8[D]"))) for m in span.months]).T
    hazard = (
        base[:, None] * np.where(missed, stories["no_follow_up"].size["hazard_ratio"], 1) * np.where(rival, stories["region_churn"].size["hazard_ratio"], 1)
    )
    return np.where(tenure >= 2, hazard, 0)


def is_active(clients: pd.DataFrame, months: np.ndarray) -> np.ndarray:
    """customer × month: under contract in that month."""
    signed, lost, back = (clients[c].to_numpy().astype("M8[M]")[:, None] for c in ("signed_at", "lost_on", "back_on"))
    months = months[None, :]
    return (months >= signed) & ((months < lost) | np.isnat(lost) | (months >= back))


def products() -> pd.DataFrame:
    """One row per item that is sold: item_code, line, model, name in both languages, price in CNY."""
    rows = []
    for prefix, (line, line_zh, monthly, spare) in zip(PREFIXES, words.LINES, strict=True):
        for number, (model, price) in enumerate(words.MODELS, 1):
            amount = price if price > 100 else monthly if price == 0 else price * spare
            rows.append((f"{prefix}-{number:02d}", line, model, f"{line_zh} {model}", f"{line} {model}", amount))
    return pd.DataFrame(rows, columns=["item_code", "line", "model", "name", "name_en", "price"])


def subscriptions(world: World, clients: pd.DataFrame, stories: dict[str, Story]) -> pd.DataFrame:
    """One row per version of a service contract: a new version begins where the monthly fee changes."""
    rng = world.rng("subscriptions")
    agreed = _agreed(world, rng, clients)
    change, cause = _changes(world.span, rng, agreed, stories["price_rise"])
    return _versions(world.span, agreed, change, cause)


def _agreed(world: World, rng, clients: pd.DataFrame) -> pd.DataFrame:
    """One row per contract: customer, line, first and last day, monthly fee at the start, billing cycle."""
    span = world.span
    signed = clients[clients["signed_at"].notna()].reset_index(names="customer")
    ranks = rng.random((len(signed), 4)) / np.array([1.0, 0.85, 0.7, 0.8])
    lines = ranks.argsort(axis=1)  # the lines in the order this customer takes them
    more = rng.random((len(signed), 2)) < signed["size"].map(EXTRA_LINES).to_numpy()[:, None]
    takes = [(np.arange(len(signed)), lines[:, 0]), *((np.flatnonzero(more[:, k]), lines[more[:, k], k + 1]) for k in (0, 1))]
    rows = pd.concat([signed.iloc[who].assign(line=line, place=place) for place, (who, line) in enumerate(takes)], ignore_index=True)
    rows["starts_on"], rows["ends_on"] = _term(span, rng, rows)
    back = rows[(rows["place"] == 0) & rows["back_on"].notna()]
    rows = pd.concat([rows, back.assign(starts_on=back["back_on"], ends_on=pd.NaT)], ignore_index=True)
    rows = rows[(rows["ends_on"].isna()) | (rows["ends_on"] > rows["starts_on"])].reset_index(drop=True)
    price = column(words.LINES, 2, rows["line"].to_numpy()) * rows["value"] ** 0.85 * rng.lognormal(0, 0.2, len(rows))
    rows["fee"] = local_price(price, rows["currency"])
    rows["line"] = column(words.LINES, 0, rows["line"].to_numpy())
    rows["cycle"] = np.where(rows["line"] == "Monitoring", 1, rng.choice([1, 3, 12], len(rows), p=(0.55, 0.3, 0.15)))
    rows["contract_no"] = np.char.add("SC", np.char.zfill(np.arange(1, len(rows) + 1).astype(str), 5))
    return rows


def _term(span, rng, rows: pd.DataFrame):
    """First contracts start on the day of signing; half of the others later, at the beginning of a month."""
    signed_on = rows["signed_at"].to_numpy().astype("M8[D]")
    lost = rows["lost_on"].to_numpy().astype("M8[D]")
    until = np.where(np.isnat(lost), span.end, lost)
    opened = np.maximum(signed_on, span.start)
    later = (opened + (rng.random(len(rows)) * (until - opened).astype(int)).astype(int) * DAY).astype("M8[M]").astype("M8[D]")
    is_later = (rows["place"].to_numpy() > 0) & (rng.random(len(rows)) < 0.6) & (later > signed_on)
    starts_on = np.where(is_later, later, signed_on)
    dropped = (later + rng.integers(100, 500, len(rows)) * DAY).astype("M8[M]").astype("M8[D]")
    is_dropped = (rows["place"].to_numpy() > 0) & (rng.random(len(rows)) < 0.15) & (dropped < until) & (dropped > starts_on)
    return starts_on.astype("M8[s]"), np.where(is_dropped, dropped, lost).astype("M8[s]")


def local_price(cny, currency: pd.Series) -> np.ndarray:
    """A price in CNY as a price list abroad would show it, in whole units (hundreds of yen)."""
    units = np.where(currency == "JPY", 100, 1)
    return np.maximum(np.round(np.asarray(cny, float) / currency.map(BASE_RATES).to_numpy() / units), 1) * units


def _changes(span, rng, agreed: pd.DataFrame, price_rise: Story):
    """Factor on the fee and its cause, contract × month: upgrades and downgrades at anniversaries, and the price rise."""
    start = agreed["starts_on"].to_numpy().astype("M8[M]")
    age = (span.months[None, :] - start[:, None]).astype(int)
    anniversary = (age > 0) & (age % 12 == 0)
    luck, step = rng.random(age.shape), rng.random(age.shape)
    factor, cause = np.ones(age.shape), np.full(age.shape, "", dtype=object)
    for hit, new, why in (
        (anniversary & (luck < UPGRADE), 1.1 + 0.45 * step, "upgrade"),
        (anniversary & (luck > 1 - DOWNGRADE), 0.6 + 0.3 * step, "downgrade"),
    ):
        factor, cause = np.where(hit, new, factor), np.where(hit, why, cause)
    month = np.flatnonzero(span.months == price_rise.since.astype("M8[M]"))[0]
    dearer = price_rise.touches(agreed.rename(columns={"line": "product_line"})) & (age[:, month] > 0)
    factor[dearer, month] *= price_rise.size["factor"]
    cause[dearer, month] = "price rise"
    return factor, cause


def _versions(span, agreed: pd.DataFrame, factor, cause) -> pd.DataFrame:
    start, end = (agreed[c].to_numpy().astype("M8[D]") for c in ("starts_on", "ends_on"))
    months = span.months.astype("M8[D]")
    lives = (months[None, :] > start[:, None]) & ((months[None, :] < end[:, None]) | np.isnat(end)[:, None])
    who, month = np.nonzero(lives & (factor != 1))
    level = np.cumprod(np.where(lives, factor, 1), axis=1)
    changed = agreed.iloc[who].assign(starts_on=months[month].astype("M8[s]"), level=level[who, month], cause=cause[who, month])
    rows = pd.concat([agreed.assign(level=1.0, cause="new"), changed], ignore_index=True).sort_values(["contract_no", "starts_on"], kind="stable")
    following = rows.groupby("contract_no")["starts_on"].shift(-1)
    rows["state"] = np.select([following.notna(), rows["ends_on"].notna()], ["superseded", "cancelled"], "active")
    rows["ends_on"] = following.fillna(rows["ends_on"])
    rows["version"] = rows.groupby("contract_no").cumcount() + 1
    rows["fee"] = np.round(rows["fee"] * rows["level"])
    rows["renews_on"] = _next_anniversary(span, rows)
    return rows.reset_index(drop=True)


def _next_anniversary(span, rows: pd.DataFrame) -> np.ndarray:
    """The first yearly return of the contract's month that is not over; only for contracts that run."""
    start = rows.groupby("contract_no")["starts_on"].transform("min").to_numpy().astype("M8[M]")
    years = ((span.last - start).astype(int) // 12 + 1) * 12
    return np.where(rows["state"] == "active", (start + years).astype("M8[D]"), np.datetime64("NaT")).astype("M8[s]")


def follow_up_times(world: World, clients: pd.DataFrame) -> np.ndarray:
    """When the first service follow-up took place: within 72 h of signing for those followed, days later or never for the others."""
    rng, signed = world.rng("follow up"), clients["signed_at"].to_numpy().astype("M8[s]")
    within = signed + np.round(np.minimum(rng.gamma(2.2, 12, len(clients)) + 2, 71.5) * 3600).astype("m8[s]")
    late = working_time(rng, signed.astype("M8[D]") + rng.integers(5, 30, len(clients)) * DAY)
    never = np.where(rng.random(len(clients)) < 0.5, late, np.datetime64("NaT"))
    return np.where(clients["followed"], within, never)
