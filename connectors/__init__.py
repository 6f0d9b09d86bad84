"""Connectors: one system each, all of one shape (`connectors.base.Connector`)."""

from __future__ import annotations

from importlib import import_module

from connectors.sources import Source

CONNECTORS = {  # kind → module and class, imported when first used
    "files": ("connectors.files", "FilesConnector"),
    "sql": ("connectors.sql", "SqlConnector"),
    "demo": ("connectors.demo.connector", "DemoConnector"),
}


def open_connector(source: Source, zone: str = "UTC"):
    """The connector for a source; nothing is reached before it is asked to.

    zone: the business zone, in which a source without a `timezone` of its own keeps its naive instants.
    Raises SourceError if this version has no connector for the source's kind.
    """
    from connectors.errors import SourceError, listed
    from connectors.inline import WithRows

    if source.kind not in CONNECTORS and any(table.rows is None for table in source.tables.values()):
        raise SourceError(f"{source.name}: kind {source.kind!r} is not available in this version; available are {listed(CONNECTORS)}")

    def opener():
        module, name = CONNECTORS[source.kind]
        return getattr(import_module(module), name)(source, zone)

    return WithRows(source, opener, zone)
