"""Decisions about grades and about features, quarter by quarter; and how often which page was opened."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UNCHANGED = "decisions are append-only: a newer one supersedes, none is ever changed or removed"
KEPT = ("regrades", "feature_decisions")


def sqlite(table: str) -> list[str]:
    guards = [f"create trigger {table}_{what} before {what} on {table} begin select raise(abort, '{UNCHANGED}'); end" for what in ("update", "delete")]
    # "insert or replace" would remove a row without firing the trigger of deletions
    unreplaced = (
        f"create trigger {table}_unreplaced before insert on {table} when exists (select 1 from {table} where number = new.number) "
        f"begin select raise(abort, '{UNCHANGED}'); end"
    )
    return [*guards, unreplaced]


def postgresql(table: str) -> list[str]:
    return [
        f"create function {table}_guard() returns trigger language plpgsql as $$ begin raise exception '{UNCHANGED}'; end $$",
        f"create trigger {table}_guard before update or delete on {table} for each row execute function {table}_guard()",
        f"create trigger {table}_whole before truncate on {table} for each statement execute function {table}_guard()",
    ]


def number() -> sa.Column:
    return sa.Column("number", sa.Integer, primary_key=True, autoincrement=True)


def decision() -> tuple[sa.Column, ...]:
    return (
        sa.Column("snapshot", sa.String(40), nullable=False),
        sa.Column("decision", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text),
    )


def upgrade() -> None:
    _regrades()
    _features()
    op.create_table(
        "openings", number(), sa.Column("page", sa.String(60), nullable=False), sa.Column("day", sa.Date, nullable=False),
        sa.Column("who", sa.Text, nullable=False), sa.Column("n", sa.Integer, nullable=False),
        sa.UniqueConstraint("page", "day", "who", name="one_opening_per_page_day_and_reader"), sqlite_autoincrement=True,
    )  # fmt: skip
    made = sqlite if op.get_bind().dialect.name == "sqlite" else postgresql
    for statement in (statement for table in KEPT for statement in made(table)):
        op.execute(sa.text(statement.replace(":", r"\:")))


def _regrades() -> None:
    op.create_table(
        "regrades",
        number(),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("ends_on", sa.Date, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("present", sa.Text),
        sa.Column("proposed", sa.Text, nullable=False),
        *(sa.Column(name, sa.Float) for name in ("score", "amount_score", "interactions_score", "satisfaction_score", "growth_score")),
        sa.Column("reason", sa.Text),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("is_up", "is_moved", "is_held_back")),
        sa.Column("note", sa.Text, nullable=False),
        *decision(),
        sa.UniqueConstraint("customer_id", "ends_on", "round", name="one_regrade_per_round"),
        sqlite_autoincrement=True,
    )
    op.create_index("regrades_ends_on", "regrades", ["ends_on"])


def _features() -> None:
    op.create_table(
        "feature_decisions",
        number(),
        sa.Column("feature_key", sa.Text, nullable=False),
        sa.Column("ends_on", sa.Date, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("share", sa.Float),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("threshold", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("due_on", sa.Date),
        *decision(),
        sa.UniqueConstraint("feature_key", "ends_on", "round", name="one_feature_decision_per_round"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("openings", "feature_decisions", "regrades"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for table in KEPT:
            op.execute(f"drop function {table}_guard()")
