"""What people decided about pairs of customer records."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UNCHANGED = "decisions about customer records are append-only: none is ever changed or removed"
SQLITE = (
    *(
        f"create trigger identity_decisions_{what} before {what} on identity_decisions begin select raise(abort, '{UNCHANGED}'); end"
        for what in ("update", "delete")
    ),
    # "insert or replace" would remove a row without firing the trigger of deletions
    f"""create trigger identity_decisions_unreplaced before insert on identity_decisions
        when exists (select 1 from identity_decisions where number = new.number) begin select raise(abort, '{UNCHANGED}'); end""",
)  # fmt: skip
POSTGRESQL = (
    f"create function identity_decisions_guard() returns trigger language plpgsql as $$ begin raise exception '{UNCHANGED}'; end $$",
    "create trigger identity_decisions_guard before update or delete on identity_decisions for each row execute function identity_decisions_guard()",
    "create trigger identity_decisions_whole before truncate on identity_decisions for each statement execute function identity_decisions_guard()",
)


def upgrade() -> None:
    op.create_table(
        "identity_decisions",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("record_a", "record_b")),
        sa.Column("decision", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text),
        sa.Column("note", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("identity_decisions_pair", "identity_decisions", ["record_a", "record_b"])
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(sa.text(statement.replace(":", r"\:")))


def downgrade() -> None:
    op.drop_table("identity_decisions")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function identity_decisions_guard()")
