"""Cases of customers at risk with what happened to them, and what was last told to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UNCHANGED = "what happened to a case is append-only: no entry is ever changed or removed"
SQLITE = (
    *(f"create trigger case_events_{what} before {what} on case_events begin select raise(abort, '{UNCHANGED}'); end" for what in ("update", "delete")),
    # "insert or replace" would remove a row without firing the trigger of deletions
    f"""create trigger case_events_unreplaced before insert on case_events
        when exists (select 1 from case_events where number = new.number) begin select raise(abort, '{UNCHANGED}'); end""",
)  # fmt: skip
POSTGRESQL = (
    f"create function case_events_guard() returns trigger language plpgsql as $$ begin raise exception '{UNCHANGED}'; end $$",
    "create trigger case_events_guard before update or delete on case_events for each row execute function case_events_guard()",
    "create trigger case_events_whole before truncate on case_events for each statement execute function case_events_guard()",
)


def number() -> sa.Column:
    return sa.Column("number", sa.Integer, primary_key=True, autoincrement=True)


def instant(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    _cases()
    op.create_table(
        "case_events", number(), sa.Column("case_number", sa.Integer, nullable=False, index=True), instant("at"), sa.Column("who", sa.Text),
        sa.Column("what", sa.String(20), nullable=False), sa.Column("text", sa.Text, nullable=False), sa.Column("detail", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_table(
        "notices", number(), sa.Column("target", sa.Text, nullable=False), sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("flags", sa.JSON, nullable=False), instant("told_at"),
        sa.UniqueConstraint("target", "customer_id", name="one_notice_per_target_and_customer"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_table(
        "deliveries", sa.Column("target", sa.String(200), primary_key=True), sa.Column("checked_on", sa.Date), instant("sent_at", nullable=True),
        instant("failed_at", nullable=True), sa.Column("failure", sa.Text),
    )  # fmt: skip
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(sa.text(statement.replace(":", r"\:")))


def _cases() -> None:
    op.create_table(
        "cases",
        number(),
        sa.Column("customer_id", sa.Text, nullable=False, index=True),
        sa.Column("flags", sa.JSON, nullable=False),
        sa.Column("since", sa.Date),
        *(sa.Column(name, sa.Float) for name in ("score", "revenue")),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("proposed", sa.Text),
        sa.Column("snapshot", sa.String(40), nullable=False),
        instant("created_at"),
        sa.Column("created_by", sa.Text),
        sa.Column("assignee", sa.Text, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("play", sa.Text),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("known", sa.JSON, nullable=False),
        sa.Column("snoozed_until", sa.Date),
        sa.Column("snooze_reason", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(20)),
        sa.Column("outcome_reason", sa.Text, nullable=False),
        instant("closed_at", nullable=True),
        sa.Column("closed_by", sa.Text),
        sa.Column("open_for", sa.Text),
        instant("changed_at"),
        sa.Column("changed_by", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("open_for", name="one_open_case_per_customer"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("deliveries", "notices", "case_events", "cases"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function case_events_guard()")
