"""Tables made from rows, for tests: the same views and marts as in production, from lists small enough to check by eye."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import tempfile
from decimal import Decimal
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from access.scope import FULL
from tests import KEPT, told_apart
from warehouse import contract, engine
from warehouse.marts import MARTS
from warehouse.schema import arrow_schema

UTC = dt.UTC
SETTINGS = {"calendar": {"timezone": "UTC", "currency": "CNY", "fiscal_year_start": 1, "week_start": 1}, "metrics": {}}
READ_AT = dt.datetime(2100, 1, 1, tzinfo=UTC)  # after whatever a test's rows tell of
AT_ONCE = 24  # companies whose tables stay in the engine's memory; those of an older one are read again when somebody asks
_serial = itertools.count()
_keys: list[str] = []


def made(
    entities: dict[str, list[dict]],
    settings: dict | None = None,
    *,
    marts: bool = True,
    scope=FULL,
    engine_name: str | None = None,
    step: dict[str, list[dict]] | None = None,
) -> engine.Tables:
    """The tables that a sync of these rows would publish, on the chosen engine.

    entities: entity → rows; a row names only what matters, the rest is filled with something valid. Keys that the contract
    does not know become `extra` columns, as they would in a sync. A mart is built when it is first asked for.
    step: what the sync found of who is one customer (tests.told_apart).
    """
    settings = {**SETTINGS, **(settings or {})}
    folder, worker = Path(tempfile.mkdtemp(prefix="made-", dir=os.environ.get(KEPT))), engine.engine(engine_name)
    key = f"made-{next(_serial)}"
    _keys.append(f"{key}:")
    worker.forget(_keys[-AT_ONCE:], "made-")
    stored = _Stored({name: _stored(folder, name, entities.get(name, [])) for name in contract.ENTITIES})
    stored.update({name: _written(folder, name, table) for name, table in told_apart.tables(step or {}).items()})

    def tables(of=FULL):
        return engine.Tables(worker, stored, zone=settings["calendar"]["timezone"], scope=of, key=key)

    def built(mart):
        return _written(folder, mart.name, mart.build(tables(), settings).collect("pyarrow").to_native())

    stored.update({mart.name: partial(built, mart) for mart in MARTS.values()} if marts else {})
    result = tables(scope)
    result.settings = settings
    return result


class _Stored(dict):
    """Stored tables; a mart is a recipe that is followed when somebody first asks for it: most tests need few."""

    def __getitem__(self, name: str) -> engine.Stored:
        found = super().__getitem__(name)
        if callable(found):
            found = self[name] = found()
        return found


def _stored(folder: Path, name: str, rows: list[dict]) -> engine.Stored:
    known = contract.columns(name)
    extras = tuple(dict.fromkeys(k for row in rows for k in row if k not in known))
    table = pa.Table.from_pylist([_row(name, i, row, known) for i, row in enumerate(rows)], schema=arrow_schema(name))
    return _written(folder, name, table, extras)


def _written(folder: Path, name: str, table: pa.Table, extras=()) -> engine.Stored:
    if not table.num_rows:
        return engine.Stored(name, table.schema, (), extras)
    path = folder / f"{name}.parquet"
    pq.write_table(table, path)
    return engine.Stored(name, table.schema, (str(path),), extras)


FILL = {
    "text": "x", "id": "made:0", "int": 0, "decimal": Decimal(0), "float": 0.0, "bool": False, "json": None,
    "day": dt.date(2026, 1, 1), "instant": dt.datetime(2026, 1, 1, tzinfo=UTC),
}  # fmt: skip


def _row(name: str, number: int, given: dict, known: dict[str, contract.Column]) -> dict:
    import json

    row = {c.name: given.get(c.name, _default(c)) for c in known.values()}
    for key in contract.KEYS[name]:
        if key not in given and known[key].kind == "id":
            row[key] = f"made:{name}-{number}"
    extra = {k: v for k, v in given.items() if k not in known and v is not None}
    row |= {"extra": json.dumps(extra, ensure_ascii=False)} if extra else {}
    return {k: _typed(known[k].kind, v) for k, v in row.items()}


def _default(column: contract.Column):
    if column.name == "currency" and column.required:
        return "CNY"
    if column.name == "extracted_at":
        return READ_AT
    if column.default is not None or not column.required:
        return column.default
    return column.allowed[0] if column.allowed else FILL[column.kind]


def _typed(kind: str, value):
    if value is None:
        return None
    if kind == "decimal":
        return Decimal(str(value))
    if kind == "day" and isinstance(value, str):
        return dt.date.fromisoformat(value)
    if kind == "instant":
        value = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return float(value) if kind == "float" else value
