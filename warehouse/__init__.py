"""Validated tables, marts and snapshots. `warehouse.open(data, snapshot, scope)` is the only door for readers."""


def open(data, snapshot=None, scope=None, engine_name=None):
    """One published snapshot, restricted to a reader's scope; see `warehouse.engine.open`."""
    from access.scope import FULL
    from warehouse import engine

    return engine.open(data, snapshot, scope or FULL, engine_name)
