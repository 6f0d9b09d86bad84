"""Snapshots and sync runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTS = ("n_read", "n_new", "n_changed", "n_deleted", "n_rejected", "n_folded")


def upgrade() -> None:
    op.create_table(
        "snapshots",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("format", sa.Integer, nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("tables", "marts")),
        sa.Column("quarantine", sa.Integer, nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("sources", "settings", "extras", "digests")),
        sa.Column("is_pinned", sa.Boolean, nullable=False),
    )
    op.create_table(
        "sync_runs",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(40), nullable=False, index=True),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("table_name", sa.String(200), nullable=False),
        sa.Column("entity", sa.String(60), nullable=False),
        sa.Column("mode", sa.String(20), nullable=False),
        sa.Column("window_start", sa.Text),
        sa.Column("window_end", sa.Text),
        *(sa.Column(name, sa.Integer, nullable=False) for name in COUNTS),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
    )


def downgrade() -> None:
    op.drop_table("sync_runs")
    op.drop_table("snapshots")
