"""Tables of the quarterly audit: what was found, who signed it, and what is done about it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import JSON, Date, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from records.models import Base, Edited, Instant


class Audit(Edited, Base):
    """The audit of a quarter. Until it is signed only its questionnaire changes; once it is, the database itself refuses to change or remove it."""

    __tablename__ = "audits"
    __table_args__ = (UniqueConstraint("succession", name="one_audit_per_place"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    quarter: Mapped[str] = mapped_column(String(10), index=True)  # "2026Q3", of the company's calendar
    starts_on: Mapped[dt.date] = mapped_column(Date)  # days [starts_on, ends_on)
    ends_on: Mapped[dt.date] = mapped_column(Date)
    snapshot: Mapped[str] = mapped_column(String(40))
    definitions: Mapped[str] = mapped_column(String(64))  # SHA-256 over the metrics and checks as this program defines them
    configuration: Mapped[str] = mapped_column(String(64))  # SHA-256 over the settings, which are in the content
    content: Mapped[str] = mapped_column(Text)  # canonical JSON: the same findings have the same letters
    content_hash: Mapped[str] = mapped_column(String(64))  # SHA-256 of it
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    created_by: Mapped[str | None] = mapped_column(Text)  # None: whoever sat at the machine, without sign-in
    maturity: Mapped[dict] = mapped_column(JSON, default=dict)  # question → {"level": 1 to 3, "note": text}
    # once it is signed
    signed_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    signed_by: Mapped[str | None] = mapped_column(Text)  # the name under the document
    signed_as: Mapped[str | None] = mapped_column(Text)  # the account it was signed with
    comment: Mapped[str] = mapped_column(Text, default="")
    sealed: Mapped[str | None] = mapped_column(Text)  # canonical JSON: findings and questionnaire as they were signed
    seal: Mapped[str | None] = mapped_column(String(64))  # SHA-256 over content, sealed, name and instant
    succeeds: Mapped[int | None] = mapped_column(Integer)  # the signed audit of the quarter that this one replaces
    succession: Mapped[str | None] = mapped_column(String(40))  # its place in the line of the quarter's signed audits: there is one in each


class AuditFinding(Edited, Base):
    """A check of an audit that somebody is to see to. Never removed; it ends done or accepted."""

    __tablename__ = "audit_findings"
    __table_args__ = (UniqueConstraint("audit_number", "check_key", name="one_finding_per_check"), {"sqlite_autoincrement": True})

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    audit: Mapped[int] = mapped_column("audit_number", Integer)
    check: Mapped[str] = mapped_column("check_key", String(120))
    verdict: Mapped[str] = mapped_column(String(20))  # of the check, when the finding was opened
    owner: Mapped[str] = mapped_column(Text)  # an e-mail, or a name where the sources give no e-mail
    due_on: Mapped[dt.date] = mapped_column(Date)
    status: Mapped[str] = mapped_column(String(20))  # open | done | accepted
    note: Mapped[str] = mapped_column(Text, default="")
    carried_from: Mapped[int | None] = mapped_column(Integer)  # the finding of an earlier audit that this one goes on with
    created_at: Mapped[dt.datetime] = mapped_column(Instant)
    created_by: Mapped[str | None] = mapped_column(Text)
