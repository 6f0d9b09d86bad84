"""Tables of what people decide anew every quarter: grades and features; and of the pages of this dashboard that readers open."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Boolean, Date, Float, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from records.models import Base, Instant


class Regrade(Base):
    """One decision about a proposed grade. The newest of a customer and quarter holds; the database itself refuses to change or remove one."""

    __tablename__ = "regrades"
    __table_args__ = (
        UniqueConstraint("customer_id", "ends_on", "round", name="one_regrade_per_round"),  # who comes second in a round is told
        Index("regrades_ends_on", "ends_on"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    customer_id: Mapped[str] = mapped_column(Text)  # as it was then; whoever reads it finds the account it belongs to now
    ends_on: Mapped[dt.date] = mapped_column(Date)  # the first day after the quarter
    round: Mapped[int] = mapped_column(Integer)  # 1 for the first decision about this customer and quarter
    # as it was proposed
    present: Mapped[str | None] = mapped_column(Text)  # the grade it had; None: a first grading
    proposed: Mapped[str] = mapped_column(Text)
    score: Mapped[float | None] = mapped_column(Float)  # 0 to 1, as its four components; None: without data
    amount_score: Mapped[float | None] = mapped_column(Float)
    interactions_score: Mapped[float | None] = mapped_column(Float)
    satisfaction_score: Mapped[float | None] = mapped_column(Float)
    growth_score: Mapped[float | None] = mapped_column(Float)
    reason: Mapped[str | None] = mapped_column(Text)  # the component that brought it about
    is_up: Mapped[bool] = mapped_column(Boolean)
    is_moved: Mapped[bool] = mapped_column(Boolean)  # the component changed; else it just stands high or low
    is_held_back: Mapped[bool] = mapped_column(Boolean)  # a crossing by a hair, for the first quarter
    snapshot: Mapped[str] = mapped_column(String(40))
    # what was decided
    decision: Mapped[str] = mapped_column(String(20))  # approved | rejected | later | undone
    note: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[dt.datetime] = mapped_column(Instant)
    who: Mapped[str | None] = mapped_column(Text)  # None: whoever sat at the machine, without sign-in


class FeatureDecision(Base):
    """One decision about a feature that few use. The newest of a feature and quarter holds; the database itself refuses to change or remove one."""

    __tablename__ = "feature_decisions"
    __table_args__ = (UniqueConstraint("feature_key", "ends_on", "round", name="one_feature_decision_per_round"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    feature: Mapped[str] = mapped_column("feature_key", Text)
    ends_on: Mapped[dt.date] = mapped_column(Date)  # the first day after the quarter
    round: Mapped[int] = mapped_column(Integer)
    # as it was used
    share: Mapped[float | None] = mapped_column(Float)  # of those who could have used it, 0 to 1
    n: Mapped[int] = mapped_column(Integer)  # who could have used it
    threshold: Mapped[float] = mapped_column(Float)
    snapshot: Mapped[str] = mapped_column(String(40))
    # what was decided
    decision: Mapped[str] = mapped_column(String(20))  # keep | rebuild | remove | undone
    reason: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[str] = mapped_column(Text, default="")  # an e-mail, or a name where the sources give no e-mail
    due_on: Mapped[dt.date | None] = mapped_column(Date)
    at: Mapped[dt.datetime] = mapped_column(Instant)
    who: Mapped[str | None] = mapped_column(Text)


class Opening(Base):
    """How often a reader opened a page of this dashboard on one day (UTC): counted, not listed, so it stays small."""

    __tablename__ = "openings"
    __table_args__ = (UniqueConstraint("page", "day", "who", name="one_opening_per_page_day_and_reader"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    page: Mapped[str] = mapped_column(String(60))  # its name in the navigation
    day: Mapped[dt.date] = mapped_column(Date)
    who: Mapped[str] = mapped_column(Text)  # "": whoever sat at the machine, without sign-in
    n: Mapped[int] = mapped_column(Integer)
