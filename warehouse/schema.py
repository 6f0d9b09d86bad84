"""The contract in Arrow types: how an entity is stored."""

from __future__ import annotations

import pyarrow as pa

from warehouse import contract

TYPES = {
    "text": pa.string(), "id": pa.string(), "json": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(),
    "decimal": pa.decimal128(18, 4), "day": pa.date32(), "instant": pa.timestamp("us", "UTC"),
}  # fmt: skip


def arrow_schema(entity: str) -> pa.Schema:
    """Columns and types of a stored entity, in the contract's order. All nullable: validation has already spoken."""
    return pa.schema([pa.field(c.name, TYPES[c.kind]) for c in contract.columns(entity).values()])
