"""A company of any size as Parquet files (and, if asked, its invoices in a database) with the sources file that maps them.

    python -m benchmarks.company --out DIR [--lines 200000] [--database sqlite:///FILE | postgresql://…]

Made inside the engine, so ten million invoice lines take a minute and bounded memory. The other tables keep the
proportions of the full benchmark: 10,000,000 lines, 400,000 customers, 2,000,000 answers, 500,000 deals.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from connectors.dialects import extension

FIRST, DAYS = "DATE '2023-07-01'", 1096  # three years, to the end of June 2026
FULL = 10_000_000  # invoice lines of the full benchmark
STATEMENTS = Path(__file__).with_name("company.sql")
MEMORY = "1500MB"
INSTANTS = ("signed_at", "created_at", "closed_at", "entered_at", "left_at", "happened_at", "next_due_at", "next_done_at", "opened_at",
            "first_response_at", "solved_at", "sent_at", "answered_at")  # fmt: skip
REFERENCES = {"customer_id", "owner_id", "product_id", "campaign_id", "lead_id", "deal_id", "contact_id", "survey_id", "question_id"}

MACROS = """
CREATE MACRO u(i, salt) AS (hash(i * 1000003 + salt) % 1000000007) / 1000000007.0;
CREATE MACRO joined(i) AS $first + (u(i, 10) * u(i, 11) * ($days - 60))::INT;
CREATE MACRO currency_of(c) AS if(u(c, 12) < 0.7, 'CNY', if(u(c, 12) < 0.9, 'USD', 'EUR'));
CREATE MACRO buyer(b) AS (pow(u(b, 13), 2.2) * $customers)::BIGINT % $customers;
CREATE MACRO billed(b) AS joined(buyer(b)) + (u(b, 14) * ($first + $days - 1 - joined(buyer(b))))::INT;
CREATE MACRO person(r) AS (u(r, 15) * $customers)::BIGINT % $customers;
CREATE MACRO created(i) AS $first::TIMESTAMP + to_seconds((u(i, 50) * $days * 86400)::BIGINT);
CREATE MACRO reached(i) AS 1 + (u(i, 60) < 0.7)::INT + (u(i, 60) < 0.45)::INT + (u(i, 60) < 0.3)::INT;
CREATE MACRO stage_at(i, s) AS created(i) + to_hours(((s - 1) * (24 + 400 * u(i, 61)))::BIGINT);
CREATE MACRO open(i) AS stage_at(i, 5) > ($first + $days)::TIMESTAMP OR u(i, 62) < 0.1;
"""


@dataclass(frozen=True)
class Size:
    """How many rows the leading tables have."""

    lines: int

    def values(self) -> dict[str, str]:
        share = self.lines / FULL
        return {
            "$customers": str(max(60, int(400_000 * share))), "$lines": str(self.lines), "$answers": str(max(600, int(2_000_000 * share))),
            "$deals": str(max(50, int(500_000 * share))), "$first": FIRST, "$days": str(DAYS),
        }  # fmt: skip


def statements(size: Size) -> dict[str, str]:
    """Entity → the SELECT that makes its rows."""
    parts = re.split(r"^-- @(\w+)$", STATEMENTS.read_text(), flags=re.MULTILINE)
    return {name: _filled(sql, size).strip() for name, sql in zip(parts[1::2], parts[2::2], strict=True)}


def _filled(sql: str, size: Size) -> str:
    for name, value in size.values().items():
        sql = sql.replace(name, value)
    return sql


def make(out: Path, size: Size, database: str | None = None) -> Path:
    """Write the company's files and `sources.toml` to a folder; returns the sources file."""
    out.mkdir(parents=True, exist_ok=True)
    db = duckdb.connect()
    db.execute(f"SET memory_limit = '{MEMORY}'; SET preserve_insertion_order = false; SET temp_directory = '{out / 'spill'}'; {_filled(MACROS, size)}")
    for name, sql in statements(size).items():
        db.execute(f"COPY ({sql}) TO '{out / name}.parquet' (FORMAT parquet, COMPRESSION snappy)")
    if database:
        into_database(db, out, database)
    path = out / "sources.toml"
    path.write_text(sources(db, out, size, database))
    return path


def into_database(db: duckdb.DuckDBPyConnection, out: Path, url: str) -> None:
    """Copy the invoices into table `invoices` of a SQLite or PostgreSQL database, day and amount in the database's own types."""
    kind, target = ("sqlite", url.removeprefix("sqlite:///")) if url.startswith("sqlite") else ("postgres", url)
    db.execute(f"LOAD '{extension(f'{kind}_scanner')}'")
    db.execute(f"ATTACH '{target}' AS target (TYPE {kind})")
    db.execute("DROP TABLE IF EXISTS target.invoices")
    db.execute(f"CREATE TABLE target.invoices AS FROM '{out / 'invoices.parquet'}'")
    db.execute("DETACH target")


def sources(db: duckdb.DuckDBPyConnection, out: Path, size: Size, database: str | None) -> str:
    """The sources file: every column by its own name."""
    in_files = [name for name in statements(size) if not (database and name == "invoices")]
    head = ['[calendar]\ntimezone = "Asia/Shanghai"\ncurrency = "CNY"', "[sources.big]", 'kind = "files"', 'path = "."', 'timezone = "UTC"']
    tables = [_table(db, out, "big", name, f"{name}.parquet") for name in in_files]
    if database:
        tables += ["[sources.erp]", 'kind = "sql"', f'url = "{database}"', _table(db, out, "erp", "invoices", "invoices")]
    return "\n".join([*head, "", *tables])


def _table(db, out: Path, source: str, name: str, origin: str) -> str:
    columns = [row[0] for row in db.execute(f"DESCRIBE FROM '{out / name}.parquet'").fetchall()]
    elsewhere = source != "big"
    mapped = [f"""{c} = "{_expression(c, elsewhere)}\"""" for c in columns if c != "touchpoint"]
    return "\n".join([f"[sources.{source}.tables.{name}]", f'from = "{origin}"', f"[sources.{source}.tables.{name}.columns]", *mapped, ""])


def _expression(column: str, elsewhere: bool) -> str:
    """A reference from the ERP's rows points at the other source's."""
    return f"'big:' || {column}" if elsewhere and column in REFERENCES else column


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--database", help="sqlite:///FILE or postgresql://…: where the invoices go instead")
    args = parser.parse_args()
    print(make(args.out, Size(args.lines), args.database))


if __name__ == "__main__":
    main()
