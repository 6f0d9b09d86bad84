"""Tables of the records database: published snapshots, what every sync did, and what people decide in the app."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, Boolean, Date, DateTime, Float, Index, Integer, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Instant(TypeDecorator):
    """An instant in UTC; databases without zones (SQLite) store it naive and get it back aware."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no zone; records keep instants in UTC")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value, dialect):
        return value if value is None else value.replace(tzinfo=value.tzinfo or dt.UTC).astimezone(dt.UTC)


class Base(DeclarativeBase):
    """Every table of the records database derives from this, so that Alembic sees them all."""


class Edited:
    """Columns of a row that several people may edit. version rises by one with every change (records.editing)."""

    changed_at: Mapped[dt.datetime] = mapped_column(Instant)
    changed_by: Mapped[str | None] = mapped_column(Text)  # None: whoever sat at the machine, without sign-in
    version: Mapped[int] = mapped_column(Integer, default=1)


class SnapshotRow(Base):
    """One published state of the whole warehouse. Rows are added by a sync and never changed, except `is_pinned`."""

    __tablename__ = "snapshots"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)  # order of publication
    id: Mapped[str] = mapped_column(String(40), unique=True)  # also the load_id of the rows this sync changed
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    format: Mapped[int] = mapped_column(Integer)
    tables: Mapped[dict] = mapped_column(JSON)  # entity → Delta version
    marts: Mapped[dict] = mapped_column(JSON)  # mart → Delta version
    quarantine: Mapped[int] = mapped_column(Integer)  # Delta version
    sources: Mapped[dict] = mapped_column(JSON)  # source → {"tables": {table: rows, cursor, digest, …}}
    settings: Mapped[dict] = mapped_column(JSON)  # {"calendar": …, "metrics": …}
    extras: Mapped[dict] = mapped_column(JSON)  # entity → names of columns kept in `extra`
    digests: Mapped[dict] = mapped_column(JSON)  # table or mart → digest of its files
    is_pinned: Mapped[bool] = mapped_column(Boolean, default=False)  # a signed audit rests on it: kept for ever


class SyncRun(Base):
    """What one sync did with one table of one source."""

    __tablename__ = "sync_runs"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(String(40), index=True)  # the sync; the snapshot's id if it published one
    source: Mapped[str] = mapped_column(String(200))
    table: Mapped[str] = mapped_column("table_name", String(200))
    entity: Mapped[str] = mapped_column(String(60))
    mode: Mapped[str] = mapped_column(String(20))  # "full" or "window"
    window_start: Mapped[str | None] = mapped_column(Text)
    window_end: Mapped[str | None] = mapped_column(Text)
    n_read: Mapped[int] = mapped_column(Integer, default=0)
    n_new: Mapped[int] = mapped_column(Integer, default=0)
    n_changed: Mapped[int] = mapped_column(Integer, default=0)
    n_deleted: Mapped[int] = mapped_column(Integer, default=0)
    n_rejected: Mapped[int] = mapped_column(Integer, default=0)
    n_folded: Mapped[int] = mapped_column(Integer, default=0)  # duplicates of a row of the same read
    status: Mapped[str] = mapped_column(String(20))  # running | ok | refused | failed | stopped | killed
    error: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[dt.datetime] = mapped_column(Instant)
    finished_at: Mapped[dt.datetime | None] = mapped_column(Instant)


class Rule(Edited, Base):
    """Who may see what: one row per person or group. role None: denied, whatever else is granted."""

    __tablename__ = "access_rules"
    __table_args__ = (UniqueConstraint("subject_kind", "subject", name="one_rule_per_subject"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    subject_kind: Mapped[str] = mapped_column(String(10))  # "user" or "group"
    subject: Mapped[str] = mapped_column(Text)  # an e-mail in lower case, or the name of a group at the provider
    role: Mapped[str | None] = mapped_column(String(60))
    reach: Mapped[str] = mapped_column(String(20))  # own | department | segment | all
    column: Mapped[str | None] = mapped_column("column_name", Text)  # for "segment": a column of accounts
    values: Mapped[list] = mapped_column("column_values", JSON, default=list)  # the accepted ones
    created_at: Mapped[dt.datetime] = mapped_column(Instant)


class Entry(Base):
    """One line of the access log. The database itself refuses to change it, and to remove it before its time."""

    __tablename__ = "access_log"
    __table_args__ = (Index("access_log_at", "at"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[dt.datetime] = mapped_column(Instant)
    who: Mapped[str | None] = mapped_column(Text)  # None: whoever sat at the machine, without sign-in
    role: Mapped[str | None] = mapped_column(String(60))
    action: Mapped[str] = mapped_column(String(60))
    object: Mapped[str | None] = mapped_column(Text)  # what was opened, exported or changed
    detail: Mapped[dict] = mapped_column(JSON, default=dict)
    snapshot: Mapped[str | None] = mapped_column(String(40))


class Setting(Edited, Base):
    """A setting made in the app; what is not here is at its default (records.settings)."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[object] = mapped_column(JSON)


class Target(Edited, Base):
    """What a figure is meant to become, and by when. Never removed, only closed."""

    __tablename__ = "targets"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    metric: Mapped[str] = mapped_column(String(60))  # of the catalogue
    options: Mapped[dict] = mapped_column(JSON, default=dict)  # of the metric, where not at their defaults
    period: Mapped[str] = mapped_column(String(20))  # the days the figure is measured over, e.g. "last12"
    segment: Mapped[list] = mapped_column(JSON, default=list)  # [[column, value], …]; [] is the whole company
    baseline: Mapped[float] = mapped_column(Float)  # in the metric's own unit; shares between 0 and 1
    baseline_on: Mapped[dt.date] = mapped_column(Date)  # the last day the baseline was measured over
    target: Mapped[float] = mapped_column(Float)  # the change: a share of the baseline (0.2 is +20 %), or in the metric's own unit
    is_relative: Mapped[bool] = mapped_column(Boolean)  # True: of the baseline; False: points
    lower_is_better: Mapped[bool] = mapped_column(Boolean)
    starts_on: Mapped[dt.date] = mapped_column(Date)
    due_on: Mapped[dt.date] = mapped_column(Date)
    owner: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    is_closed: Mapped[bool] = mapped_column(Boolean, default=False)


class TargetChange(Base):
    """One change of a target: the columns that changed, before and after. The first one is its beginning, with `old` empty."""

    __tablename__ = "target_changes"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    target: Mapped[int] = mapped_column("target_number", Integer, index=True)
    at: Mapped[dt.datetime] = mapped_column(Instant)
    who: Mapped[str | None] = mapped_column(Text)
    old: Mapped[dict] = mapped_column(JSON)
    new: Mapped[dict] = mapped_column(JSON)


class Plan(Edited, Base):
    """What is done about a weak area. What it was opened on is frozen; the rest may be edited. Never removed, only done or dropped."""

    __tablename__ = "plans"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    # the problem as it was: which answers, and how they scored
    dimension: Mapped[str] = mapped_column(Text)
    question: Mapped[str | None] = mapped_column(Text)
    measure: Mapped[str] = mapped_column(String(20))  # nps | mean
    segment: Mapped[list] = mapped_column(JSON, default=list)  # [[column, value], …], "" for "without a value"; [] is everybody
    wave: Mapped[str | None] = mapped_column(Text)  # None: the answers of the days
    starts_on: Mapped[dt.date] = mapped_column(Date)  # days [starts_on, ends_on)
    ends_on: Mapped[dt.date] = mapped_column(Date)
    scale_min: Mapped[float] = mapped_column(Float)
    scale_max: Mapped[float] = mapped_column(Float)
    score: Mapped[float] = mapped_column(Float)  # in points for NPS, else on the scale
    n: Mapped[int] = mapped_column(Integer)  # answers
    low: Mapped[float | None] = mapped_column(Float)  # 95 % limits
    high: Mapped[float | None] = mapped_column(Float)
    snapshot: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    created_by: Mapped[str | None] = mapped_column(Text)
    # what is done about it
    problem: Mapped[str] = mapped_column(Text, default="")
    whys: Mapped[list] = mapped_column(JSON, default=list)  # at most five texts, each the reason of the one before
    measures: Mapped[list] = mapped_column(JSON, default=list)  # texts
    owner: Mapped[str] = mapped_column(Text)  # an e-mail, or a name where the sources give no e-mail
    due_on: Mapped[dt.date] = mapped_column(Date)
    expected: Mapped[float] = mapped_column(Float)  # the score that is hoped for
    status: Mapped[str] = mapped_column(String(20))  # open | in_progress | done | dropped


class PlanComment(Base):
    """A remark about a plan. The database itself refuses to change or remove one."""

    __tablename__ = "plan_comments"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    plan: Mapped[int] = mapped_column("plan_number", Integer, index=True)
    at: Mapped[dt.datetime] = mapped_column(Instant)
    who: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)


class PlanCustomer(Base):
    """A customer who is to be told what is done, and who told them when (None: nobody yet)."""

    __tablename__ = "plan_customers"
    __table_args__ = (UniqueConstraint("plan_number", "customer_id", name="one_row_per_plan_and_customer"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    plan: Mapped[int] = mapped_column("plan_number", Integer)
    customer_id: Mapped[str] = mapped_column(Text)
    told_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    told_by: Mapped[str | None] = mapped_column(Text)


class Case(Edited, Base):
    """What is done about one customer at risk. What it was opened on is frozen. Never removed, only closed; then nothing of it changes any more."""

    __tablename__ = "cases"
    __table_args__ = (UniqueConstraint("open_for", name="one_open_case_per_customer"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    customer_id: Mapped[str] = mapped_column(Text, index=True)  # as it was then; whoever reads it finds the account it belongs to now
    # as it was when it was opened
    flags: Mapped[list] = mapped_column(JSON, default=list)  # [{"kind", "row", "on", "n"}, …]
    since: Mapped[dt.date | None] = mapped_column(Date)
    score: Mapped[float | None] = mapped_column(Float)  # health score in points; None: withheld
    revenue: Mapped[float | None] = mapped_column(Float)  # of the year before, in `currency`; None: kept from who opened it
    currency: Mapped[str] = mapped_column(String(3))
    proposed: Mapped[str | None] = mapped_column(Text)  # the play that was proposed
    snapshot: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    created_by: Mapped[str | None] = mapped_column(Text)
    # what is done about it
    assignee: Mapped[str] = mapped_column(Text)  # an e-mail, or a name where the sources give no e-mail
    due_on: Mapped[dt.date] = mapped_column(Date)
    play: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20))  # open | snoozed | closed
    known: Mapped[list] = mapped_column(JSON, default=list)  # flags that do not fire again: those it was opened on, and those of when it was snoozed or closed
    snoozed_until: Mapped[dt.date | None] = mapped_column(Date)  # the day on which it is back
    snooze_reason: Mapped[str] = mapped_column(Text, default="")
    outcome: Mapped[str | None] = mapped_column(String(20))  # saved | lost | false_alarm | other
    outcome_reason: Mapped[str] = mapped_column(Text, default="")
    closed_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    closed_by: Mapped[str | None] = mapped_column(Text)
    open_for: Mapped[str | None] = mapped_column(Text)  # the customer while it is not closed: there is one such case per customer


class CaseEvent(Base):
    """One thing that happened to a case: opened, changed, snoozed, woken, closed, or a comment. The database itself refuses to change or remove one."""

    __tablename__ = "case_events"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    case: Mapped[int] = mapped_column("case_number", Integer, index=True)
    at: Mapped[dt.datetime] = mapped_column(Instant)
    who: Mapped[str | None] = mapped_column(Text)
    what: Mapped[str] = mapped_column(String(20))
    text: Mapped[str] = mapped_column(Text, default="")
    detail: Mapped[dict] = mapped_column(JSON, default=dict)  # the columns that changed, as they are now


class Notice(Base):
    """The flags of a customer that a target of messages was last told of."""

    __tablename__ = "notices"
    __table_args__ = (UniqueConstraint("target", "customer_id", name="one_notice_per_target_and_customer"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    target: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[str] = mapped_column(Text)
    flags: Mapped[list] = mapped_column(JSON, default=list)
    told_at: Mapped[dt.datetime] = mapped_column(Instant)


class Delivery(Base):
    """How the last message to a target went. A failure stays until a message has gone out."""

    __tablename__ = "deliveries"

    target: Mapped[str] = mapped_column(String(200), primary_key=True)
    checked_on: Mapped[dt.date | None] = mapped_column(Date)  # the day whose digest is done with, whether or not there was something to tell
    sent_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    failed_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    failure: Mapped[str | None] = mapped_column(Text)
