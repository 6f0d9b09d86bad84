"""Improvement plans, their comments, and the customers who are to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UNCHANGED = "comments are append-only: none is ever changed or removed"
SQLITE = (
    *(
        f"create trigger plan_comments_{what} before {what} on plan_comments begin select raise(abort, '{UNCHANGED}'); end" for what in ("update", "delete")
    ),
    # "insert or replace" would remove a row without firing the trigger of deletions
    f"""create trigger plan_comments_unreplaced before insert on plan_comments
        when exists (select 1 from plan_comments where number = new.number) begin select raise(abort, '{UNCHANGED}'); end""",
)  # fmt: skip
POSTGRESQL = (
    f"create function plan_comments_guard() returns trigger language plpgsql as $$ begin raise exception '{UNCHANGED}'; end $$",
    "create trigger plan_comments_guard before update or delete on plan_comments for each row execute function plan_comments_guard()",
    "create trigger plan_comments_whole before truncate on plan_comments for each statement execute function plan_comments_guard()",
)


def number() -> sa.Column:
    return sa.Column("number", sa.Integer, primary_key=True, autoincrement=True)


def instant(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    _plans()
    op.create_table(
        "plan_comments", number(), sa.Column("plan_number", sa.Integer, nullable=False, index=True), instant("at"), sa.Column("who", sa.Text),
        sa.Column("text", sa.Text, nullable=False), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_table(
        "plan_customers", number(), sa.Column("plan_number", sa.Integer, nullable=False), sa.Column("customer_id", sa.Text, nullable=False),
        instant("told_at", nullable=True), sa.Column("told_by", sa.Text),
        sa.UniqueConstraint("plan_number", "customer_id", name="one_row_per_plan_and_customer"), sqlite_autoincrement=True,
    )  # fmt: skip
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(sa.text(statement.replace(":", r"\:")))


def _plans() -> None:
    op.create_table(
        "plans",
        number(),
        sa.Column("dimension", sa.Text, nullable=False),
        sa.Column("question", sa.Text),
        sa.Column("measure", sa.String(20), nullable=False),
        sa.Column("segment", sa.JSON, nullable=False),
        sa.Column("wave", sa.Text),
        *(sa.Column(name, sa.Date, nullable=False) for name in ("starts_on", "ends_on")),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("scale_min", "scale_max", "score")),
        sa.Column("n", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Float) for name in ("low", "high")),
        sa.Column("snapshot", sa.String(40), nullable=False),
        instant("created_at"),
        sa.Column("created_by", sa.Text),
        sa.Column("problem", sa.Text, nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("whys", "measures")),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("expected", sa.Float, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        instant("changed_at"),
        sa.Column("changed_by", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("plan_customers", "plan_comments", "plans"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function plan_comments_guard()")
