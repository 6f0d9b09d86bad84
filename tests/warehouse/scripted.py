"""A source whose rows a test writes itself, behind the ordinary shape of a connector."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from connectors.base import CURSOR, ROW_NUMBER, Cancelled, SourceError
from connectors.sources import Calendar, Source, Sources, Table

NOON = dt.datetime(2026, 8, 2, 12, tzinfo=dt.UTC)
BATCH = 3  # rows; small, so that loads have several batches


class Scripted:
    """Serves `world[table]`, a list of rows (dicts). A column is the cursor where the table's `incremental` names it.

    A value of the world that is an exception is raised when the table is read. `query = "deleted"` serves `world["deleted"]`.
    """

    def __init__(self, source: Source, world: dict, schemas: dict[str, pa.Schema]):
        self.name, self.source, self.world, self.schemas = source.name, source, world, schemas

    def read(self, table, *, window=None, columns=None, cancel=None):
        name = table.query or table.name
        rows = self.world.get(name, [])
        if isinstance(rows, Exception):
            raise rows
        numbered = [{ROW_NUMBER: i, **row} for i, row in enumerate(rows, 1)]
        if table.incremental:
            numbered = [{**row, CURSOR: row[table.incremental]} for row in numbered]
        if window is not None:
            numbered = sorted((r for r in numbered if _within(r[CURSOR], window)), key=lambda r: r[CURSOR])
        schema = self._schema(table, name, columns)
        for start in range(0, len(numbered), BATCH):
            if cancel is not None and cancel.is_set():
                raise Cancelled("stopped")
            chosen = [{k: v for k, v in row.items() if k in schema.names} for row in numbered[start : start + BATCH]]
            yield pa.RecordBatch.from_pylist(chosen, schema=schema)

    def _schema(self, table, name, columns):
        known = self.schemas[name]
        fields = [f for f in known if columns is None or f.name in columns] + [pa.field(ROW_NUMBER, pa.int64())]
        return pa.schema(fields + ([pa.field(CURSOR, known.field(table.incremental).type)] if table.incremental else []))

    def close(self):
        pass


def _within(value, window) -> bool:
    start, end = (_comparable(edge, value) for edge in (window.start, window.end))
    return value is not None and (start is None or value >= start) and (end is None or value < end)


def _comparable(edge, value):
    return edge.replace(tzinfo=None) if isinstance(edge, dt.datetime) and isinstance(value, dt.datetime) and not value.tzinfo else edge


def world_of(connector_world: dict, schemas: dict[str, dict[str, pa.Schema]]):
    """A `connect` function for `sync`: source name → its part of the world."""

    def connect(source: Source) -> Scripted:
        part = connector_world[source.name]
        if isinstance(part, Exception):
            raise SourceError(str(part))
        return Scripted(source, part, schemas[source.name])

    return connect


def declared(tables: dict[str, dict[str, Table]], **metrics) -> Sources:
    """A sources file of scripted sources."""
    made = {
        name: Source(name=name, kind="sql", tables={t: table.model_copy(update={"name": t}) for t, table in known.items()}) for name, known in tables.items()
    }
    return Sources(calendar=Calendar(timezone="UTC"), sources=made, metrics=metrics)


# --- one small company, for tests of the sync ---------------------------------------------------------------------------

CUSTOMERS = pa.schema(
    [("id", pa.int64()), ("name", pa.string()), ("kind", pa.string()), ("region", pa.string()), ("changed", pa.timestamp("us")), ("gone", pa.bool_())]
)
MAPPING = {"customer_id": "id", "name": "name", "kind": "kind", "region": "region", "updated_at": "changed", "is_deleted": "gone"}


def customer(id: int, name: str = "", hour: float = 0, **more) -> dict:
    """A source row that changed `hour` hours after the first of January 2026."""
    changed = dt.datetime(2026, 1, 1) + dt.timedelta(hours=hour)
    return {"id": id, "name": name or f"customer {id}", "kind": "company", "region": "north", "changed": changed, "gone": False} | more


class Company:
    """A data directory and scripted sources. `company.rows` are the rows of crm.customers."""

    def __init__(self, data, *, tables: dict[str, Table] | None = None, schemas: dict[str, pa.Schema] | None = None, **table):
        self.data = data
        self.tables = tables or {"customers": Table(columns=MAPPING, **table)}
        self.schemas = {"crm": schemas or dict.fromkeys((*self.tables, "deleted"), CUSTOMERS)}
        self.world: dict[str, dict] = {"crm": {name: [] for name in self.tables}}
        self.hour = 0

    @property
    def rows(self) -> list[dict]:
        return self.world["crm"]["customers"]

    def sync(self, data=None, **asked):
        """One sync, an hour after the one before; keyword arguments go to `warehouse.sync.sync`."""
        from warehouse.sync import sync

        self.hour += 1
        asked = {"now": NOON + dt.timedelta(hours=self.hour), "connect": world_of(self.world, self.schemas)} | asked
        return sync(declared({"crm": self.tables}), data or self.data, **asked)

    def stored(self, data=None, **asked) -> list[tuple]:
        """Rows of the newest snapshot, sorted; see `stored`."""
        from warehouse import store

        data = data or self.data
        return stored(data, store.latest(data), **asked)


def stored(data, snapshot, entity: str = "customers", columns: str = "*", only_living: bool = True) -> list[tuple]:
    """Rows of one snapshot, sorted."""
    import duckdb

    from warehouse import store

    uris = store.uris(data, entity, snapshot.tables[entity])
    if not uris:
        return []
    living = " where not is_deleted" if only_living else ""
    found = duckdb.connect().execute(f"select {columns} from read_parquet({uris}, union_by_name = true){living}").to_arrow_table()
    return sorted((tuple(row.values()) for row in found.to_pylist()), key=repr)
