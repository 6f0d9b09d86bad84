"""Rows as a driver of SQLAlchemy hands them out, as Arrow batches of given types."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import CursorResult
from sqlalchemy.exc import SQLAlchemyError

from connectors.base import BATCH_ROWS, SourceError


def row_batches(
    result: CursorResult, schema: pa.Schema, where: str, in_words: Callable[[Exception], SourceError], failures: list[SourceError]
) -> pa.RecordBatchReader:
    """The rows of a result in batches. What goes wrong is also put into `failures`: not every reader of Arrow keeps the reason.

    Raises SourceError if the connection breaks, or if a value does not fit its column's type, naming the column.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for rows in result.partitions(BATCH_ROWS):
                columns = list(zip(*rows, strict=True))
                yield pa.RecordBatch.from_arrays([_array(values, field, where) for values, field in zip(columns, schema, strict=True)], schema=schema)
        except (SQLAlchemyError, SourceError) as error:
            failures.append(error if isinstance(error, SourceError) else in_words(error))
            raise failures[-1] from None

    return pa.RecordBatchReader.from_batches(schema, batches())


def _array(values: tuple, field: pa.Field, where: str) -> pa.Array:
    try:
        if pa.types.is_string(field.type):
            return pa.array([_text(value) for value in values], field.type)
        if pa.types.is_temporal(field.type) and any(isinstance(value, str) for value in values):
            return pc.cast(pa.array([None if value is None else str(value) for value in values], pa.string()), field.type)
        if pa.types.is_decimal(field.type):
            return pc.cast(pa.array([None if value is None else Decimal(value) for value in values], pa.decimal256(76, field.type.scale)), field.type)
        return pa.array(values, field.type)
    except (pa.ArrowException, TypeError, ValueError, ArithmeticError) as error:
        raise SourceError(f"{where}: column {field.name!r} holds values that are no {field.type} ({error}); give it one type in a query") from None


def _text(value) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, dict | list):
        return orjson.dumps(value, default=str).decode()
    if isinstance(value, uuid.UUID | Decimal | int | float | dt.date | dt.time):
        return str(value)
    return str(value)
