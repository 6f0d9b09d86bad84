"""The people of the demo company: employees, customers, their contacts, and who served whom."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from connectors.demo import words
from connectors.demo.world import CUSTOMERS, DAY, World, column, pick, rising, working_time

ESTABLISHED, NEW = 0.37, 0.34  # share of customers that signed before the span, and in it; the others are prospects
CORE, KEY = 0.06, 0.24  # shares of signed customers, from the top by value, that are core; core or key
GROWTH = 1.6  # signings a month at the end of the span, as a multiple of those at its beginning
LONGEST_BEFORE = 1800  # days before the span in which the oldest customers signed


def owners(world: World) -> pd.DataFrame:
    """One row per employee: uid, name, email, department, manager_uid, is_active."""
    rng, rows = world.rng("owners"), []
    for department, members, _ in words.DEPARTMENTS:
        head = f"U{len(rows) + 1:03d}"
        for member in range(members):
            uid = f"U{len(rows) + 1:03d}"
            rows.append((uid, _employee(rng, department), f"{uid.lower()}@demo.example", department, None if member == 0 else head, int(member != members - 1)))
    return pd.DataFrame(rows, columns=["uid", "name", "email", "department", "manager_uid", "is_active"])


def _employee(rng, department) -> str:
    if department == "International Sales":
        return f"{rng.choice(words.GIVEN_ABROAD)} {rng.choice(words.SURNAMES_ABROAD)}"
    return rng.choice(list(words.SURNAMES)) + rng.choice(words.GIVEN)


def customers(world: World, staff: pd.DataFrame) -> pd.DataFrame:
    """One row per real customer, with what the systems show and two hidden traits: value (buying power) and quality (how well served)."""
    rng, n = world.rng("customers"), world.count(CUSTOMERS)
    place, industry, size = pick(rng, words.PLACES, n), pick(rng, words.INDUSTRIES, n), pick(rng, words.SIZES, n)
    frame = pd.DataFrame(
        {
            "region": column(words.PLACES, 1, place), "country": column(words.PLACES, 2, place), "currency": column(words.PLACES, 3, place),
            "city": column(words.PLACES, 4, place), "city_en": column(words.PLACES, 5, place), "industry": column(words.INDUSTRIES, 1, industry),
            "size": column(words.SIZES, 1, size), "employees": column(words.SIZES, 2, size),
            "value": column(words.SIZES, 3, size) * rng.lognormal(0, 0.45, n), "quality": rng.normal(0, 1, n),
            "channel": column(words.CHANNELS, 1, pick(rng, words.CHANNELS, n)), "kind": np.where(rng.random(n) < 0.04, "person", "company"),
            "followed": rng.random(n) < column(words.SIZES, 5, size),
        }
    )  # fmt: skip
    frame["name"], frame["name_en"], frame["domain"] = zip(*_names(rng, place, industry, frame["kind"]), strict=True)
    frame = frame.assign(**_signings(world, rng, n))
    frame["grade"] = _grades(frame)
    frame["acct_no"] = _account_numbers(frame["first_contact"])
    frame["owner"] = _owners(rng, frame, staff)
    numbers = np.char.add("91", np.char.zfill(rng.permutation(10**7)[:n].astype(str), 7)) + np.char.zfill(rng.integers(0, 10**9, n).astype(str), 9)
    frame["tax_no"] = [checked(number[:17]) for number in numbers.tolist()]
    frame["email"] = "office@" + frame["domain"]
    frame["phone"] = phones(rng, n)
    frame["tags"] = np.where(rng.random(n) < 0.08, "strategic", np.where(rng.random(n) < 0.1, "tender", None))
    return frame


CREDIT_CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # of a unified social credit code, by value (GB 32100-2015)


def checked(number: str) -> str:
    """A tax number of 17 digits with the character that proves it: 31 minus their sum, weighted by powers of 3, modulo 31."""
    return number + CREDIT_CODE[-sum(pow(3, i, 31) * int(digit) for i, digit in enumerate(number)) % 31]


def phones(rng, n: int) -> np.ndarray:
    """Mobile numbers in a range nobody was given."""
    return np.char.add("140", np.char.zfill(rng.integers(0, 10**8, n).astype(str), 8))


def _names(rng, place, industry, kind):
    """A name in the customer's language, one in English and an internet domain for each; no two names and no two domains alike."""
    taken, domains, made = set(), Counter(), []
    for p, i, k in zip(place, industry, kind, strict=True):
        while (name := _name(rng, words.PLACES[p], words.INDUSTRIES[i], k))[0] in taken:
            pass
        taken.add(name[0])
        domains[name[2]] += 1
        made.append((*name[:2], f"{name[2]}{domains[name[2]] if domains[name[2]] > 1 else ''}.example"))
    return made


def _name(rng, place, industry, kind) -> tuple[str, str, str]:
    _, _, country, _, city, city_en = place
    if country != "CN":
        heads, tails = words.ROOTS.get(country, words.ROOTS[""])
        brand = str(rng.choice(heads)) + str(rng.choice(tails))
        name = f"{brand} {industry[3]} {city} {words.LEGAL_FORMS[country]}"
        return name, name, brand.lower()
    (a, latin_a), (b, latin_b) = (words.BRANDS[x] for x in rng.choice(len(words.BRANDS), 2, replace=False))
    suffix = "商行" if kind == "person" else rng.choice(words.SUFFIXES_ZH)
    latin = (latin_a + latin_b).capitalize()
    return f"{city}{a}{b}{industry[2]}{suffix}", f"{latin} {industry[3]} ({city_en}) Co., Ltd.", f"{latin.lower()}"


def _signings(world: World, rng, n: int) -> dict:
    """signed_at (NaT for prospects), when it was first contacted, and whether it signed inside the span."""
    span, fate = world.span, rng.random(n)
    before = span.start - (30 + (rng.random(n) ** 1.3 * LONGEST_BEFORE).astype(int)) * DAY
    inside = span.start + (rising(rng, n, GROWTH) * (span.end - span.start).astype(int)).astype(int) * DAY
    signed_on = np.where(fate < ESTABLISHED, before, inside)
    signed_at = working_time(rng, signed_on)
    is_signed = (fate < ESTABLISHED + NEW) & (signed_at < span.end)
    courtship = rng.integers(20, 150, n) * DAY
    return {
        "is_new": is_signed & (fate >= ESTABLISHED),
        "signed_at": np.where(is_signed, signed_at, np.datetime64("NaT")),
        "first_contact": signed_at.astype("M8[D]") - courtship,
    }


def _grades(frame: pd.DataFrame) -> np.ndarray:
    """core, key, ordinary by value among those who signed; potential for the others."""
    signed = frame["signed_at"].notna()
    rank = frame["value"].where(signed).rank(pct=True, ascending=False)
    return np.select([~signed, rank <= CORE, rank <= KEY], ["potential", "core", "key"], "ordinary")


def _account_numbers(first_contact: pd.Series) -> np.ndarray:
    """C, the day of the first contact, and a number of that day: C20240501001."""
    serial = first_contact.groupby(first_contact).cumcount() + 1
    return ("C" + first_contact.dt.strftime("%Y%m%d") + serial.astype(str).str.zfill(3)).to_numpy()


def _owners(rng, frame: pd.DataFrame, staff: pd.DataFrame) -> np.ndarray:
    """A salesperson of the customer's region; a few customers still belong to somebody who left."""
    owner = np.empty(len(frame), dtype=object)
    for department, _, regions in words.DEPARTMENTS:
        team = staff.loc[staff["department"] == department, ["uid", "is_active"]]
        weights = np.where(team["is_active"] == 1, 1.0, 0.15)
        here = frame["region"].isin(regions).to_numpy()
        owner[here] = rng.choice(team["uid"].to_numpy(), here.sum(), p=weights / weights.sum())
    return owner


def contacts(world: World, clients: pd.DataFrame) -> pd.DataFrame:
    """One to four people per customer: contact_no, acct_no, name, email, phone, role."""
    rng = world.rng("contacts")
    rows = clients.loc[clients.index.repeat(1 + rng.binomial(3, 0.38, len(clients))), ["acct_no", "domain", "country"]].reset_index(drop=True)
    n = len(rows)
    chinese = np.char.add(rng.choice(list(words.SURNAMES), n), rng.choice(words.GIVEN, n))
    abroad = np.char.add(np.char.add(rng.choice(words.GIVEN_ABROAD, n), " "), rng.choice(words.SURNAMES_ABROAD, n))
    number = np.arange(1, n + 1).astype(str)
    rows["contact_no"] = np.char.add("P", np.char.zfill(number, 6))
    rows["name"] = np.where(rows["country"] == "CN", chinese, abroad)
    rows["email"] = np.char.add("p", number) + "@" + rows["domain"]
    rows["phone"] = phones(rng, n)
    rows["role"] = rng.choice(words.ROLES, n, p=(0.3, 0.3, 0.2, 0.12, 0.08))
    _spoil(rng, rows)
    return rows


def _spoil(rng, rows: pd.DataFrame) -> None:
    """Some people have no e-mail, a placeholder, or a number that lost a digit: what a data health check is for."""
    luck = rng.random(len(rows))
    rows.loc[luck < 0.05, "email"] = None
    rows.loc[(luck >= 0.05) & (luck < 0.06), "email"] = "N/A"
    rows.loc[(luck >= 0.06) & (luck < 0.065), "email"] = rows["email"].str.replace("@", "#")
    rows.loc[(luck >= 0.2) & (luck < 0.22), "phone"] = rows["phone"].str[:10]
    rows.loc[(luck >= 0.3) & (luck < 0.4), "phone"] = "+86 " + rows["phone"]


def assignments(world: World, clients: pd.DataFrame, staff: pd.DataFrame) -> pd.DataFrame:
    """Who was responsible for a customer and when: every customer has its owner today, a quarter had another before."""
    rng = world.rng("assignments")
    now = clients[["acct_no", "owner", "first_contact"]].rename(columns={"owner": "uid", "first_contact": "from_time"}).assign(to_time=pd.NaT)
    now["from_time"] = now["from_time"].astype("M8[s]")
    moved = (rng.random(len(now)) < 0.25) & (now["from_time"] < world.span.end - 200 * DAY).to_numpy()
    left = (world.span.end - now["from_time"]).dt.days.to_numpy()
    handover = working_time(rng, now["from_time"].to_numpy().astype("M8[D]") + (left * rng.uniform(0.2, 0.8, len(now))).astype(int) * DAY)
    earlier = now[moved].assign(uid=rng.choice(staff["uid"].to_numpy()[:45], moved.sum()), to_time=handover[moved])
    now.loc[moved, "from_time"] = handover[moved]
    return pd.concat([earlier, now], ignore_index=True).sort_values(["acct_no", "from_time"], kind="stable")
