"""The Spark engine: the same views over the same files, for data that outgrows one machine.

Only imported when RAPPORT_ENGINE names a Spark master; needs pyspark and Java.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import narwhals as nw

from warehouse.duck import Stored
from warehouse.views import SPARK


class SparkEngine:
    """A Spark session. `master`: "local[2]", "spark://host:7077" or "sc://host" (Spark Connect)."""

    dialect = SPARK

    def __init__(self, master: str):
        self._spark = _session(master)
        self._names: dict[str, str] = {}

    def register(self, stored: Stored, key: str, sql: Callable[[str], str]) -> None:
        """Define view `key` once as `sql(relation over the stored files)`."""
        if key in self._names:
            return
        base = f"rapport_{len(self._names)}"
        frame = self._spark.read.parquet(*stored.uris) if stored.uris else self._empty(stored)
        frame.createOrReplaceTempView(base + "_files")
        text = sql(base + "_files")
        for known, view in self._names.items():
            text = text.replace(f"`{known}`", view)
        self._spark.sql(text).createOrReplaceTempView(base)
        self._names[key] = base

    def knows(self, key: str) -> bool:
        return key in self._names

    def forget(self, kept: Iterable[str], among: str) -> None:
        """Nothing: views hold no rows."""

    def _empty(self, stored: Stored):
        from pyspark.sql.pandas.types import from_arrow_schema

        return self._spark.createDataFrame([], from_arrow_schema(stored.schema))

    def session(self) -> SparkEngine:
        return self

    def frame(self, key: str) -> nw.LazyFrame:
        return nw.from_native(self._spark.table(self._names[key]))

    def column(self, name: str, texts: Sequence[str]) -> nw.LazyFrame:
        """A frame of one column of texts."""
        return nw.from_native(self._spark.createDataFrame([(text,) for text in texts], f"`{name}` string"))

    def held(self, frame: nw.LazyFrame, name: str) -> nw.LazyFrame:
        """The frame as it is: Spark plans a small side of a join by itself."""
        return frame

    def holds(self, key: str) -> bool:
        """Always: a frame held is a plan."""
        return True

    def kept(self, key: str, session: SparkEngine, make) -> tuple[nw.LazyFrame, nw.LazyFrame]:
        """The frame, twice: it is planned with whatever is asked of it."""
        frame = make()
        return frame, frame

    def query(self, sql: str, parameters=()) -> nw.LazyFrame:
        return nw.from_native(self._spark.sql(sql, args=list(parameters) or None))


def _session(master: str):
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    builder = builder.remote(master) if master.startswith("sc://") else builder.master(master)
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
