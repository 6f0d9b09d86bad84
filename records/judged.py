"""Tables of what people say of customers' records: whether they are right, and which of them are one customer."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from records.models import Base, Instant


class Review(Base):
    """Somebody looked through the record of a high-value customer by hand. The database itself refuses to change or remove one."""

    __tablename__ = "reviews"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    customer_id: Mapped[str] = mapped_column(Text, index=True)  # as it was then; whoever reads it finds the account it belongs to now
    at: Mapped[dt.datetime] = mapped_column(Instant)
    who: Mapped[str | None] = mapped_column(Text)
    verdict: Mapped[str] = mapped_column(String(20))  # correct | corrected | wrong
    faults: Mapped[list] = mapped_column(JSON, default=list)  # the checks that the record failed then
    note: Mapped[str] = mapped_column(Text, default="")
    snapshot: Mapped[str] = mapped_column(String(40))


class IdentityDecision(Base):
    """One word on whether two records are one customer; the newest word on a pair counts. The database itself refuses to change or remove one."""

    __tablename__ = "identity_decisions"
    __table_args__ = (Index("identity_decisions_pair", "record_a", "record_b"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    record_a: Mapped[str] = mapped_column(Text)  # customer_id of a record; a comes before b
    record_b: Mapped[str] = mapped_column(Text)
    decision: Mapped[str] = mapped_column(String(20))  # same | apart | later | open: an earlier word is taken back
    at: Mapped[dt.datetime] = mapped_column(Instant)
    who: Mapped[str | None] = mapped_column(Text)  # None: whoever sat at the machine, without sign-in
    note: Mapped[str] = mapped_column(Text, default="")
