"""Batches as every connector gives them: few types, bounded size, no matter which library made them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import BATCH_ROWS, Cancelled, SourceError

NESTED = (pa.types.is_struct, pa.types.is_list, pa.types.is_large_list, pa.types.is_map, pa.types.is_fixed_size_list)


def normal_type(given: pa.DataType) -> pa.DataType:
    """The type in which a column leaves a connector: text, int64, double, exact decimal, bool, day, instant or bytes."""
    kind = pa.types
    if kind.is_decimal(given):
        return pa.decimal128(min(38, max(given.precision, 18)), given.scale)
    if kind.is_timestamp(given):
        return pa.timestamp("us", "UTC" if given.tz else None)
    table = (
        (kind.is_uint64, pa.decimal128(20, 0)), (kind.is_integer, pa.int64()), (kind.is_floating, pa.float64()), (kind.is_boolean, pa.bool_()),
        (kind.is_date, pa.date32()), (kind.is_binary, pa.binary()), (kind.is_large_binary, pa.binary()), (kind.is_fixed_size_binary, pa.binary()),
    )  # fmt: skip
    return next((normal for test, normal in table if test(given)), pa.string())


def normal_schema(given: pa.Schema, metadata: dict[str, dict] | None = None) -> pa.Schema:
    """The schema in normal types; `metadata` by column name in lower case."""
    return pa.schema([pa.field(f.name, normal_type(f.type), metadata=(metadata or {}).get(f.name.lower())) for f in given])


def normalised(reader: pa.RecordBatchReader, metadata: dict[str, dict] | None, where: str, mask: Callable[[str], str] = str) -> pa.RecordBatchReader:
    """A reader of normal types. Raises SourceError, naming `where`, if reading breaks off; `mask` takes secrets out of its words."""
    schema = normal_schema(reader.schema, metadata)

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for batch in reader:
                yield pa.RecordBatch.from_arrays([_cast(a, f.type) for a, f in zip(batch.columns, schema, strict=True)], schema=schema)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise SourceError(f"{where}: reading broke off: {mask(str(error).splitlines()[0])}") from None

    return pa.RecordBatchReader.from_batches(schema, batches())


def regular(reader: pa.RecordBatchReader, cancel: threading.Event | None) -> Iterator[pa.RecordBatch]:
    """The reader's batches, none empty, none above BATCH_ROWS. Raises Cancelled between two of them when asked to stop."""
    for batch in reader:
        for start in range(0, batch.num_rows, BATCH_ROWS):
            if cancel is not None and cancel.is_set():
                raise Cancelled("the run was asked to stop")
            yield batch.slice(start, BATCH_ROWS)


def _cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    if array.type == wanted:
        return array
    if pa.types.is_string(wanted) and any(test(array.type) for test in NESTED):
        return pa.array([None if value is None else _json(value) for value in array.to_pylist()], wanted)
    return pc.cast(array, wanted, safe=not pa.types.is_timestamp(wanted))


def _json(value) -> str:
    import orjson

    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
