"""Reviews of customers' records by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UNCHANGED = "reviews are append-only: no entry is ever changed or removed"
SQLITE = (
    *(f"create trigger reviews_{what} before {what} on reviews begin select raise(abort, '{UNCHANGED}'); end" for what in ("update", "delete")),
    # "insert or replace" would remove a row without firing the trigger of deletions
    f"create trigger reviews_unreplaced before insert on reviews when exists (select 1 from reviews where number = new.number) "
    f"begin select raise(abort, '{UNCHANGED}'); end",
)
POSTGRESQL = (
    f"create function reviews_guard() returns trigger language plpgsql as $$ begin raise exception '{UNCHANGED}'; end $$",
    "create trigger reviews_guard before update or delete on reviews for each row execute function reviews_guard()",
    "create trigger reviews_whole before truncate on reviews for each statement execute function reviews_guard()",
)


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("customer_id", sa.Text, nullable=False, index=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("faults", sa.JSON, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("snapshot", sa.String(40), nullable=False),
        sqlite_autoincrement=True,
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(sa.text(statement.replace(":", r"\:")))


def downgrade() -> None:
    op.drop_table("reviews")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function reviews_guard()")
