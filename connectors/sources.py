"""The sources file: which systems a company has, and how their rows become rows of the contract.

`load(path)` reads and validates `sources.toml`; every fault is reported at once, with its line.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

KINDS = ("files", "sql", "demo", "odoo", "erpnext", "tryton", "wukong", "salesforce", "hubspot")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Calendar(Strict):
    """One setting for every module: zone, fiscal year, week, reporting currency."""

    timezone: str = "UTC"
    fiscal_year_start: int = Field(default=1, ge=1, le=12)  # month
    week_start: int = Field(default=1, ge=1, le=7)  # ISO: 1 is Monday
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")


class Unpivot(Strict):
    """Turns a wide survey into one row per respondent and listed column."""

    columns: list[str] = Field(min_length=1)
    question: str = "question"  # new column: which column the value came from
    value: str = "value"  # new column: the value, as text


class Reading(Strict):
    """Overrides what detection found in a file."""

    delimiter: str | None = None
    encoding: str | None = None
    quote: str | None = None
    sheet: str | None = None
    header: bool | None = None
    names: list[str] | None = None
    skip: int = 0


class Table(Strict):
    """How one table of a source becomes rows of one entity."""

    name: str = ""  # the key under [sources.X.tables]; filled by load
    entity: str = ""  # default: the same as name
    from_: str | None = Field(default=None, alias="from")
    query: str | None = None
    rows: list[dict[str, Any]] | None = None
    where: str | None = None
    columns: dict[str, str] = {}
    incremental: str | None = None
    overlap: timedelta | float = timedelta(minutes=15)
    lag: timedelta | float = timedelta(0)
    deletes: Literal["flag", "tombstone", "sweep", "delta", "never"] | None = None  # None: sweep on --full
    tombstones: str | None = None  # for deletes = "tombstone": a query giving the keys of deleted rows
    unpivot: Unpivot | None = None
    read: Reading = Reading()


class Source(Strict):
    """One system of the company."""

    name: str = ""  # the key under [sources]; filled by load
    kind: Literal[KINDS]
    path: str | None = None  # files: a folder, relative to the sources file
    url: str | None = None  # sql: an SQLAlchemy URL or "secret:section.name.key"
    timezone: str | None = None  # zone of the source's naive instants; None: the business zone
    timeout: float = Field(default=60, gt=0)  # seconds for one statement or request
    retries: int = Field(default=3, ge=0)
    tables: dict[str, Table] = {}


class Sources(Strict):
    """The whole file."""

    calendar: Calendar = Calendar()
    sources: dict[str, Source] = {}
    metrics: dict[str, dict[str, Any]] = {}
