"""Quarterly audits and their findings."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SIGNED = "a signed audit is never changed or removed; make a new one that replaces it"
SQLITE = (
    *(
        f"create trigger audits_{what} before {what} on audits when old.signed_at is not null begin select raise(abort, '{SIGNED}'); end"
        for what in ("update", "delete")
    ),
    # "insert or replace" would remove a row without firing the trigger of deletions
    f"""create trigger audits_unreplaced before insert on audits
        when exists (select 1 from audits where number = new.number and signed_at is not null) begin select raise(abort, '{SIGNED}'); end""",
)  # fmt: skip
POSTGRESQL = (
    f"""create function audits_guard() returns trigger language plpgsql as $$ begin
        if old.signed_at is not null then raise exception '{SIGNED}'; end if;
        if tg_op = 'DELETE' then return old; end if;
        return new; end $$""",
    f"create function audits_kept() returns trigger language plpgsql as $$ begin raise exception '{SIGNED}'; end $$",
    "create trigger audits_guard before update or delete on audits for each row execute function audits_guard()",
    "create trigger audits_whole before truncate on audits for each statement execute function audits_kept()",
)


def number() -> sa.Column:
    return sa.Column("number", sa.Integer, primary_key=True, autoincrement=True)


def instant(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def edited() -> list[sa.Column]:
    return [instant("changed_at"), sa.Column("changed_by", sa.Text), sa.Column("version", sa.Integer, nullable=False)]


def upgrade() -> None:
    op.create_table(
        "audits",
        number(),
        sa.Column("quarter", sa.String(10), nullable=False, index=True),
        *(sa.Column(name, sa.Date, nullable=False) for name in ("starts_on", "ends_on")),
        sa.Column("snapshot", sa.String(40), nullable=False),
        *(sa.Column(name, sa.String(64), nullable=False) for name in ("definitions", "configuration")),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        instant("created_at"),
        sa.Column("created_by", sa.Text),
        sa.Column("maturity", sa.JSON, nullable=False),
        instant("signed_at", nullable=True),
        *(sa.Column(name, sa.Text) for name in ("signed_by", "signed_as")),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("sealed", sa.Text),
        sa.Column("seal", sa.String(64)),
        sa.Column("succeeds", sa.Integer),
        sa.Column("succession", sa.String(40)),
        *edited(),
        sa.UniqueConstraint("succession", name="one_audit_per_place"),
        sqlite_autoincrement=True,
    )
    _findings()
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(sa.text(statement.replace(":", r"\:")))


def _findings() -> None:
    op.create_table(
        "audit_findings",
        number(),
        sa.Column("audit_number", sa.Integer, nullable=False),
        sa.Column("check_key", sa.String(120), nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("due_on", sa.Date, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("carried_from", sa.Integer),
        instant("created_at"),
        sa.Column("created_by", sa.Text),
        *edited(),
        sa.UniqueConstraint("audit_number", "check_key", name="one_finding_per_check"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("audit_findings")
    op.drop_table("audits")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function audits_guard()")
        op.execute("drop function audits_kept()")
