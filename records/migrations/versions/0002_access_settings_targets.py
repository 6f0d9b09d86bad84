"""Access rules, the access log, settings and targets."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UNCHANGED = "the access log is append-only: its entries are never changed"
TOO_YOUNG = "the access log is append-only: only entries older than the setting access_log_days (at least 30) may be removed"

# A setting that is no whole number counts as not set: 730 days. Days without bounds would be no day at all, and nothing be
# older or younger. Instants of SQLite are texts in UTC, which compare as they sort.
SQLITE = (
    f"""create trigger access_log_unchanged before update on access_log begin select raise(abort, '{UNCHANGED}'); end""",
    # "insert or replace" would remove a row without firing the trigger of deletions
    f"""create trigger access_log_unreplaced before insert on access_log
        when exists (select 1 from access_log where number = new.number) begin select raise(abort, '{UNCHANGED}'); end""",
    f"""create trigger access_log_kept before delete on access_log
        when old.at >= strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || min(3650, max(30, coalesce(
            (select nullif(cast(value as integer), 0) from settings where name = 'access_log_days'), 730))) || ' days')
        begin select raise(abort, '{TOO_YOUNG}'); end""",
)
POSTGRESQL = (
    f"""create function access_log_guard() returns trigger language plpgsql as $$
        declare days integer;
        begin
            if tg_op <> 'DELETE' then
                raise exception '{UNCHANGED}';
            end if;
            select greatest(30, cast(value #>> '{{}}' as integer)) into days
                from settings where name = 'access_log_days' and value #>> '{{}}' ~ '^[1-9][0-9]{{0,5}}$';
            if old.at >= now() - make_interval(days => coalesce(days, 730)) then
                raise exception '{TOO_YOUNG}';
            end if;
            return old;
        end $$""",
    "create trigger access_log_guard before update or delete on access_log for each row execute function access_log_guard()",
    "create trigger access_log_whole before truncate on access_log for each statement execute function access_log_guard()",
)


def number() -> sa.Column:
    return sa.Column("number", sa.Integer, primary_key=True, autoincrement=True)


def instant(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def edited() -> tuple[sa.Column, ...]:
    return instant("changed_at"), sa.Column("changed_by", sa.Text), sa.Column("version", sa.Integer, nullable=False)


def upgrade() -> None:
    _access()
    _targets()
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(sa.text(statement.replace(":", r"\:")))


def _access() -> None:
    op.create_table(
        "access_rules",
        number(),
        sa.Column("subject_kind", sa.String(10), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("role", sa.String(60)),
        sa.Column("reach", sa.String(20), nullable=False),
        sa.Column("column_name", sa.Text),
        sa.Column("column_values", sa.JSON, nullable=False),
        instant("created_at"),
        *edited(),
        sa.UniqueConstraint("subject_kind", "subject", name="one_rule_per_subject"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "access_log",
        number(),
        instant("at"),
        sa.Column("who", sa.Text),
        sa.Column("role", sa.String(60)),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("object", sa.Text),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Column("snapshot", sa.String(40)),
        sqlite_autoincrement=True,
    )
    op.create_index("access_log_at", "access_log", ["at"])
    op.create_table("settings", sa.Column("name", sa.String(60), primary_key=True), sa.Column("value", sa.JSON, nullable=False), *edited())


def _targets() -> None:
    op.create_table(
        "targets",
        number(),
        sa.Column("metric", sa.String(60), nullable=False),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("period", sa.String(20), nullable=False),
        sa.Column("segment", sa.JSON, nullable=False),
        sa.Column("baseline", sa.Float, nullable=False),
        sa.Column("baseline_on", sa.Date, nullable=False),
        sa.Column("target", sa.Float, nullable=False),
        *(sa.Column(name, sa.Boolean, nullable=False) for name in ("is_relative", "lower_is_better")),
        *(sa.Column(name, sa.Date, nullable=False) for name in ("starts_on", "due_on")),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("owner", "note")),
        instant("created_at"),
        *edited(),
        sa.Column("is_closed", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "target_changes",
        number(),
        sa.Column("target_number", sa.Integer, nullable=False, index=True),
        instant("at"),
        sa.Column("who", sa.Text),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("old", "new")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for table in ("target_changes", "targets", "access_log", "settings", "access_rules"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function access_log_guard()")
