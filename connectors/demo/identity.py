"""How the CRM and the ERP disagree about who is who: numbers that are missing, names written twice, names shared by two."""

from __future__ import annotations

import numpy as np
import pandas as pd

from connectors.demo.world import World

OTHER_NAMES, NO_NUMBER, COPIES, NAMESAKES = 60, 40, 30, 15  # at scale 1
IMPOSSIBLE_NUMBERS = 3  # account numbers whose day does not exist


def with_namesakes(world: World, clients: pd.DataFrame) -> tuple[pd.DataFrame, list]:
    """Give the second customer of some pairs the first one's name, and a few accounts a number with 31 February in it."""
    rng = world.rng("namesakes")
    domestic = rng.permutation(np.flatnonzero(clients["country"] == "CN"))[: 2 * world.count(NAMESAKES)].reshape(-1, 2)
    clients.loc[domestic[:, 1], "name"] = clients["name"].to_numpy()[domestic[:, 0]]
    wrong = rng.choice(len(clients), IMPOSSIBLE_NUMBERS, replace=False)
    clients.loc[wrong, "acct_no"] = [f"C{number[1:5]}0231{9 - k}{number[-2:]}" for k, number in enumerate(clients["acct_no"].to_numpy()[wrong])]
    number = clients["acct_no"].to_numpy()
    return clients, [{"crm": str(number[a]), "other_crm": str(number[b])} for a, b in domestic]


def other_name(rng, name: str, name_en: str) -> str:
    """The same name as another clerk would write it."""
    if name == name_en:
        words = name.replace("&", "and").split()
        return rng.choice([" ".join(words[:-1]).upper(), f"{words[0]} {words[-1]}", name.replace(" ", "  ").lower()])
    return rng.choice([name_en, name[2:], name.replace("有限公司", "有限责任公司"), f"{name[2:]}（{name[:2]}）"])


def erp_customers(world: World, clients: pd.DataFrame) -> tuple[pd.DataFrame, list]:
    """The ERP's customers: those who signed. Most carry the CRM's number; some lost it, and some of these are written otherwise."""
    rng = world.rng("erp customers")
    rows = clients[clients["signed_at"].notna()].reset_index(names="customer")
    rows["cust_no"] = np.char.add("K", np.char.zfill((rng.permutation(len(rows)) + 10001).astype(str), 6))
    rows["crm_no"] = rows["acct_no"]
    lost = rng.permutation(len(rows))[: world.count(OTHER_NAMES) + world.count(NO_NUMBER)]
    renamed = lost[: world.count(OTHER_NAMES)]
    rows.loc[lost, "crm_no"] = None
    rows.loc[renamed, "name"] = [other_name(rng, *pair) for pair in rows.loc[renamed, ["name", "name_en"]].itertuples(index=False)]
    rows.loc[renamed[::3], "tax_no"] = None  # only the telephone is left to tell
    truth = rows.loc[lost, ["acct_no", "cust_no"]].rename(columns={"acct_no": "crm", "cust_no": "erp"})
    return rows.sort_values("cust_no", kind="stable", ignore_index=True), truth.to_dict("records")


def crm_copies(world: World, clients: pd.DataFrame) -> tuple[pd.DataFrame, list]:
    """Accounts that somebody entered a second time under another spelling, with the same tax number and telephone."""
    rng = world.rng("copies")
    copies = clients.iloc[rng.choice(len(clients), world.count(COPIES), replace=False)].copy()
    original = copies["acct_no"].to_numpy()
    copies["name"] = [other_name(rng, *pair) for pair in copies[["name", "name_en"]].itertuples(index=False)]
    copies["acct_no"] = [f"{number[:9]}9{number[-2:]}" for number in original]
    copies = copies.assign(signed_at=pd.NaT, lost_on=pd.NaT, back_on=pd.NaT, grade="potential", email=None)
    return copies, [{"crm": a, "crm_copy": b} for a, b in zip(original.tolist(), copies["acct_no"].tolist(), strict=True)]
