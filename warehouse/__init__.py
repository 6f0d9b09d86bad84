"""Validated tables, marts and snapshots. `warehouse.open(data, snapshot, scope)` is the only door for readers."""


def open(data, snapshot=None, scope=None, engine_name=None):
    """One published snapshot, restricted to a reader's scope; see `warehouse.engine.open`."""
    from access.scope import FULL
    from warehouse import engine

    return engine.open(data, snapshot, scope or FULL, engine_name)


def sql(frame) -> str:
    """The query behind a lazy frame, as text: DuckDB's SQL, or Spark's plan."""
    import contextlib
    import io

    native = frame.to_native()
    if hasattr(native, "sql_query"):
        return native.sql_query()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        native.explain()
    return said.getvalue()
