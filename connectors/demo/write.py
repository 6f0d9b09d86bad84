"""Write the demo company: two SQLite databases, survey files, the sources file that maps them, and what was planted."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from connectors.demo import features, tables
from connectors.demo.company import Company, found
from connectors.demo.world import World, span

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Truth:
    """What is in the demo company: how it was made, how many rows each table and file has, and the planted stories."""

    seed: int
    until: str  # last month
    scale: float
    begins_on: str
    ends_on: str  # the day after the last
    rows: dict[str, int]
    stories: dict[str, dict]
    identity: dict[str, list]
    features: dict[str, list[str]]  # of the CRM: used by few, and too new to say
    dirty: dict[str, int]


def write(out: Path, seed: int = 7, until: str | None = None, scale: float = 1.0, untold: Collection[str] = ()) -> Truth:
    """Write crm.sqlite, erp.sqlite, surveys/*.csv, sources.toml and truth.json into `out`; files there are replaced.

    until: last month, such as "2026-10"; None is the last full month. scale: 1 is 3,000 customers, about 400,000 rows. untold: stories that
    are left out (their sizes change nothing).

    Raises ValueError if `until` is not a month, the company would have fewer than 60 customers, or a story cannot be left out.
    """
    if scale < 0.02:
        raise ValueError(f"scale is {scale}; expected 0.02 or more, for a company of at least 60 customers")
    company = found(World(seed, span(until), scale), untold)
    (out / "surveys").mkdir(parents=True, exist_ok=True)
    counts = {}
    for system, build in (("crm", tables.crm), ("erp", tables.erp)):
        counts |= _database(out / f"{system}.sqlite", (HERE / f"{system}.sql").read_text(encoding="utf-8"), build(company))
    for name, frame in tables.surveys(company).items():
        plain(frame).rename(columns=lambda c: c.removesuffix("_date")).to_csv(out / "surveys" / name, index=False, lineterminator="\n", encoding="utf-8")
        counts[f"surveys/{name}"] = len(frame)
    shutil.copyfile(HERE / "sources.toml", out / "sources.toml")
    truth = _truth(company, counts)
    (out / "truth.json").write_text(json.dumps(asdict(truth), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return truth


def _database(path: Path, schema: str, content: dict[str, pd.DataFrame]) -> dict[str, int]:
    """A new database with these rows; foreign keys are checked before it takes the place of an old one."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with sqlite3.connect(fresh) as database:
        database.executescript(schema)
        for name, frame in content.items():
            rows = plain(frame)
            database.executemany(
                f"insert into {name} ({', '.join(rows.columns)}) values ({', '.join('?' * rows.shape[1])})", rows.itertuples(index=False, name=None)
            )
        faults = database.execute("pragma foreign_key_check").fetchall()
    database.close()
    if faults:
        raise AssertionError(f"{path.name}: {len(faults)} references lead nowhere, the first is {faults[0]}")
    fresh.replace(path)
    return {name: len(frame) for name, frame in content.items()}


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as a database or CSV wants it: days and instants as text, missing values as None."""
    return pd.DataFrame({name: _plain(frame[name], name) for name in frame}, columns=frame.columns)


def _plain(column: pd.Series, name: str) -> pd.Series:
    if column.dtype.kind == "M":
        unit = "D" if name.endswith("_date") or name.startswith("svc_") else "s"
        text = np.char.replace(np.datetime_as_string(column.to_numpy().astype("M8[s]"), unit=unit), "T", " ")
        return pd.Series(np.where(column.isna(), None, text.astype(object)), dtype=object)
    if column.dtype.kind in "if":
        return column.astype(object)
    return column.astype(object).where(column.notna(), None)


def _truth(company: Company, counts: dict[str, int]) -> Truth:
    world = company.world
    return Truth(
        seed=world.seed, until=str(world.span.last), scale=world.scale, begins_on=str(world.span.start), ends_on=str(world.span.end), rows=counts,
        stories={name: story.told() for name, story in company.stories.items()}, identity=company.pairs, features=features.told(),
        dirty={"currency": tables.BAD_CURRENCY, "impossible_day": len(tables.BAD_DAYS), "doubled": tables.DOUBLED},
    )  # fmt: skip
