"""What is wrong in the data, in the reader's words: checks, the worst of them, their course over earlier snapshots, and what no source fills."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from metrics import health
from metrics.health_policy import DIMENSIONS, RULES, policy_or_default
from records import database, ledger
from ui import data, intake, numbers
from ui.view import View
from ui.words import has, language, plain, t
from warehouse.errors import StoreError
from warehouse.snapshots import Snapshot

FIELDS = "missing_"  # of checks: what stands after it is a column
KNOWN = {rule.check for rule in RULES}
VERDICTS = ("fail", "warn", "pass", "no_data")  # the worst first
MOST_SNAPSHOTS = 6  # of a course: each of them is opened and asked, once
ORPHANED = ("no_customer",)  # checks whose customer is not there


def checks(view: View) -> pd.DataFrame:
    """All checks of all sources, the worst first; see metrics.health.data_health."""
    return data.derived(view, "data_health", _ordered).copy(deep=False)


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    order = rows.assign(rank=rows["verdict"].map(VERDICTS.index), over=rows["value"] - rows["threshold"])
    return order.sort_values(["rank", "over", "numerator"], ascending=[True, False, False], ignore_index=True).drop(columns=["rank", "over"])


def is_unjudged(view: View) -> bool:
    """Whether the snapshot is older than the judging of records."""
    return data.answer(view, "data_health").notes["unjudged"]


def worded(view: View, rows: pd.DataFrame) -> pd.DataFrame:
    """Checks with their names; `known` keeps the code of each, `kind` the entity's."""
    return rows.assign(
        known=rows["check"], kind=rows["entity"], check=[called(check, view.settings) for check in rows["check"]], entity=rows["entity"].map(entity),
        dimension=rows["dimension"].map(dimension), verdict=rows["verdict"].map(lambda code: t(f"health.verdicts.{code}")),
        owner=[owner(name) for name in rows["owner"]],
    )  # fmt: skip


def called(check: str, settings: Mapping | None = None) -> str:
    """A check by its name; of a field that is missing, by the field's; one of the company's own as the sources file calls it.

    settings: of the view; without one those of the newest snapshot.
    """
    if has(f"health.checks.{check}"):
        return t(f"health.checks.{check}")  # none of the company's own may be called so: the policy is read for those alone
    if check not in KNOWN and (own := policy_or_default(data.newest().settings if settings is None else settings).own.get(check)):
        return own.label_zh if own.label_zh and language() != "en" else own.label
    return t("health.missing", field=t(f"health.fields.{check.removeprefix(FIELDS)}"))


def entity(name: str) -> str:
    return t(f"health.entities.{name}")


def dimension(name: str) -> str:
    return t(f"health.dimensions.{name}")


def owner(name) -> str:
    return name if isinstance(name, str) and name else t("health.not_named")


def scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of what was checked that passed, by dimension and source, in the order of the dimensions."""
    found = health.scores(rows)
    return found.sort_values(["dimension", "source"], key=lambda c: c.map(DIMENSIONS.index) if c.name == "dimension" else c, ignore_index=True)


def course(view: View, check: tuple[str, str] | None = None) -> pd.DataFrame:
    """The last days with a snapshot: the score of each dimension, or the share that fails one check (entity, check) in each source.

    Returns period, dimension (or source), value, n, low, high, complete, state. Empty while there is one day only. A snapshot whose files are gone is left out.
    """
    kept = {row.created_at.date(): row.id for row in ledger.snapshots(database.connect(data.directory()))}
    parts = [_of_day(view, day, id, check) for day, id in list(kept.items())[-MOST_SNAPSHOTS:]]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if len(parts) > 1 else pd.DataFrame()


def _of_day(view: View, day: dt.date, snapshot: str, check: tuple[str, str] | None) -> pd.DataFrame:
    try:
        rows = data.answer(replace(view, snapshot=snapshot), "data_health").rows
    except StoreError:
        return pd.DataFrame()
    if check is not None:
        mine = rows[(rows["entity"] == check[0]) & (rows["check"] == check[1])]
        return mine[["source", "value", "low", "high", "n", "state"]].assign(period=day, complete=True)
    found = health.scores(rows.assign(source=""))
    return found.assign(period=day, low=float("nan"), high=float("nan"), complete=True, state="value")


def choices(view: View, rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """The checks that there are, (entity, check), with their names; the worst first."""
    pairs = dict.fromkeys(zip(rows["entity"], rows["check"], strict=True))
    return {(kind, check): f"{called(check, view.settings)} · {entity(kind)}" for kind, check in pairs}


@data.told
def told(view: View) -> str | None:
    """How many checks pass, for a reader who does not look for more: with the worst of those that do not. None without checks."""
    rows = checks(view)
    if rows.empty:
        return None
    over = rows[rows["verdict"].isin(("fail", "warn"))]
    said = {"passed": numbers.count((rows["verdict"] == "pass").sum()), "n": len(rows)}
    if over.empty:
        return t("health.passed", **said)
    return t("health.passed_but", **said, **_named(view, over.iloc[0]))


def _named(view: View, row: pd.Series) -> dict[str, str]:
    """What a sentence calls a check."""
    return {"check": plain(called(row["check"], view.settings)), "entity": entity(row["entity"]), "source": plain(row["source"])}


def filled(snapshot: Snapshot) -> pd.DataFrame:
    """In what share of its rows each column of each table has a value, the emptiest first; is_unused: in none."""
    rows = intake.coverage(snapshot)
    return rows.assign(is_unused=rows["filled"] == 0).sort_values(["filled", "source", "table", "column"], ignore_index=True)


@data.told
def worst(view: View) -> str | None:
    """The worst check in a sentence: what, where, how many, and who mends it; or that nothing is over its threshold. None without checks."""
    rows = checks(view)
    if rows.empty:
        return None
    over = rows[rows["verdict"].isin(("fail", "warn"))]
    if over.empty:
        return t("health.all_well", n=numbers.count(len(rows)))
    row = over.iloc[0]
    counts = {"failing": numbers.count(row["numerator"]), "n": numbers.count(len(over)), "all": numbers.count(len(rows))}
    return t("health.worst", **_named(view, row), owner=plain(owner(row["owner"])), **counts)
