"""The sources file: which systems a company has, and how their rows become rows of the contract.

`load(path)` reads and validates `sources.toml`; every fault is reported at once, with its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

KINDS = ("files", "sql", "demo", "odoo", "erpnext", "tryton", "wukong", "salesforce", "hubspot")
MAPPED_KINDS = ("files", "sql", "demo")  # their tables say themselves how columns are filled; the other kinds bring that along
CARRIERS = ("email", "slack", "teams", "wecom", "dingtalk", "feishu")  # services that carry messages
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
NUMBER_FORMATS = ("1,234.56", "1.234,56", "1 234,56", "1 234.56", "1234.56", "1234,56", "1,23,456.78", "1'234.56")  # each shows itself


def span(value):
    """ "15m", "2h", "1d 12h" as a timedelta; a bare number stays one, in the cursor's own unit (seconds for instants).

    Raises ValueError for anything else.
    """
    if not isinstance(value, str):
        return value
    parts = re.fullmatch(r"\s*(?:\d+(?:\.\d+)?\s*[smhdw]\s*)+", value)
    if not parts:
        raise ValueError(f'{value!r} is not a span of time; write "15m", "2h" or "1d" (s, m, h, d, w), or a bare number')
    return sum((timedelta(**{UNITS[unit]: float(n)}) for n, unit in re.findall(r"(\d+(?:\.\d+)?)\s*([smhdw])", value)), timedelta(0))


Span = Annotated[timedelta | float, BeforeValidator(span)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)


class Calendar(Strict):
    """One setting for every module: zone, fiscal year, week, reporting currency, and how numbers are written on screen."""

    timezone: str = "UTC"
    fiscal_year_start: int = Field(default=1, ge=1, le=12)  # month
    week_start: int = Field(default=1, ge=1, le=7)  # ISO: 1 is Monday
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    number_format: Literal[NUMBER_FORMATS] = NUMBER_FORMATS[0]


class Unpivot(Strict):
    """Turns a wide survey into one row per respondent and listed column."""

    columns: list[str] = Field(min_length=1)
    question: str = "question"  # new column: which column the value came from
    value: str = "value"  # new column: the value, as text


class Reading(Strict):
    """Overrides what detection found in a file."""

    delimiter: str | None = None  # " " means any run of spaces or tabs
    encoding: str | None = None
    quote: str | None = None
    sheet: str | None = None
    header: bool | None = None
    names: list[str] | None = None
    skip: int = Field(default=0, ge=0)  # lines before the header
    nulls: list[str] = []  # texts that mean "nothing", besides the empty cell


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
    overlap: Span = timedelta(minutes=15)
    lag: Span = timedelta(0)
    deletes: Literal["flag", "tombstone", "sweep", "delta", "never"] | None = None  # None: sweep on --full
    tombstones: str | None = None  # for deletes = "tombstone": a query giving the keys of deleted rows
    unpivot: Unpivot | None = None
    read: Reading = Reading()


class Source(Strict):
    """One system of the company."""

    name: str = ""  # the key under [sources]; filled by load
    kind: Literal[KINDS]
    path: str | None = None  # files, demo: a folder, relative to the sources file; absolute after load
    url: SecretStr | None = None  # sql: an SQLAlchemy URL, or "secret:section.name.key", resolved by load
    seed: int | None = Field(default=None, ge=0)  # demo: the same seed and months give the same company; None: 7, or what is there
    until: str | None = Field(default=None, pattern=r"^\d{4}-(0[1-9]|1[0-2])$")  # demo: last month; None: the last full one, or what is there
    scale: float | None = Field(default=None, ge=0.02)  # demo: 1 is 3,000 customers; None: 1, or what is there
    via: Literal["scanner", "sqlalchemy"] | None = None  # sql: which way to read; None: the scanner where there is one
    timezone: str | None = None  # zone of the source's naive instants; None: the business zone
    timeout: float = Field(default=60, gt=0)  # seconds for one statement or request
    retries: int = Field(default=3, ge=0)
    tables: dict[str, Table] = {}


def read_as(kind: str, wanted: str | None) -> str:
    """How a table of a source is read, by its `from`: "files" or "sql" for the demo company, which has both; else the kind itself."""
    if kind != "demo":
        return kind
    return "files" if isinstance(wanted, str) and wanted.lower().endswith(".csv") else "sql"


class Target(Strict):
    """Somebody who is told when the status of their customers changes: how, how often, in which language, and about whose customers."""

    name: str = Field(min_length=1, max_length=200)
    kind: Literal[CARRIERS]
    url: str = Field(pattern=r"^secret:.")  # where to: an address of Apprise or the service's own webhook, which is a secret as a whole
    every: Literal["week", "change"] = "week"
    day: int = Field(default=1, ge=1, le=7)  # of the weekly digest; ISO: 1 is Monday
    language: Literal["en", "zh"] = "en"
    owner: str | None = None  # e-mail: the customers of this owner
    reader: str | None = None  # e-mail: the customers this person may see in the app
    everybody: bool = False  # all customers; said on purpose, never by leaving something out

    @model_validator(mode="after")
    def _about_somebody(self) -> Target:
        if [bool(self.owner), bool(self.reader), self.everybody].count(True) != 1:
            raise ValueError('whose customers is it about? Say exactly one of owner = "…", reader = "…", everybody = true')
        return self


class Notify(Strict):
    """Messages about customers at risk; sent by `python -m notify digest`."""

    base_url: str = Field(default="", pattern=r"^(https?://\S+)?$")  # of the app, for links
    targets: list[Target] = []

    @model_validator(mode="after")
    def _called_apart(self) -> Notify:
        names = [target.name for target in self.targets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"targets: {', '.join(twice)} is there twice; what was told is kept by name")
        return self


class Identity(Strict):
    """Which customer records of several systems are one customer: docs/identity.md."""

    enabled: bool | None = None  # None: where two or more sources have customers
    link: float | None = Field(default=None, ge=0.5, le=1)  # probability from which two records are one without asking; None: by their number
    ask: float | None = Field(default=None, ge=0, le=1)  # probability from which somebody is asked; None: by the number of records

    @model_validator(mode="after")
    def _asked_below(self) -> Identity:
        if self.link is not None and self.ask is not None and self.ask > self.link:
            raise ValueError(f"ask = {self.ask} is above link = {self.link}: what is linked without asking is not asked about")
        return self


class Sources(Strict):
    """The whole file."""

    calendar: Calendar = Calendar()
    identity: Identity = Identity()
    sources: dict[str, Source] = {}
    metrics: dict[str, dict[str, Any]] = {}
    notify: Notify = Notify()


def load(path: str | Path, secrets: Mapping | None = None, *, reach: bool = True, files: bool = True) -> Sources:
    """The sources file at `path`, validated, its secrets resolved and its paths made absolute.

    secrets: entries that come before the environment and the secrets files, e.g. `st.secrets`.
    reach: False where only the calendar, the metrics' settings or the names are wanted: secrets stay unresolved, and a
        source's file that is missing at the moment is no fault.
    files: False where only that is no fault: a sync refuses the one table and goes on with the others.
    Raises SourcesError with every fault and its line.
    """
    from connectors.inspection import inspected  # inspection reads the models of this module

    return inspected(Path(path), secrets, reach=reach, files=files)
