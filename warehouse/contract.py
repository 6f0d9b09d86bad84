"""The contract: what a row of each entity must look like, whatever system it came from.

Every entity is a Pydantic model. Bulk checks are compiled from these models into one engine query per
table (`warehouse.validation`), so a rule is written once, here. This module imports nothing of ours.

Units: `_on` is a day in the business zone, `_at` an instant in UTC, money is an exact decimal with four
places, shares do not occur. Keys and references are text, `"{source}:{source_id}"`.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

KINDS = ("text", "id", "int", "decimal", "float", "bool", "day", "instant", "json")


class Tag(NamedTuple):
    """What a column is beyond its Python type."""

    kind: str
    personal: bool = False
    refers_to: str | None = None


Text = Annotated[str, Tag("text")]
Personal = Annotated[str, Tag("text", personal=True)]
Json = Annotated[str, Tag("json")]
Day = Annotated[dt.date, Tag("day")]
Instant = Annotated[dt.datetime, Tag("instant")]
Money = Annotated[Decimal, Tag("decimal")]
Number = Annotated[float, Tag("float")]
Count = Annotated[int, Tag("int")]
Flag = Annotated[bool, Tag("bool")]
Currency = Annotated[str, Tag("text"), Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code, upper case")]
Id = Annotated[str, Tag("id")]


def ref(entity: str) -> Tag:
    """Mark a column as the key of a row of `entity`."""
    return Tag("id", refers_to=entity)


CustomerId = Annotated[str, ref("customers")]
ContactId = Annotated[str, ref("contacts")]
OwnerId = Annotated[str, ref("owners")]
ProductId = Annotated[str, ref("products")]
CampaignId = Annotated[str, ref("campaigns")]

EARLIEST = dt.date(1970, 1, 1)  # a business date before this is a slip of the keyboard or a "zero date"
LATEST = dt.date(2200, 1, 1)


class Entity(BaseModel):
    """Columns that every entity has. `extra` keeps the source's columns that no entity names, as a JSON object."""

    model_config = ConfigDict(extra="forbid")

    source: Text
    source_id: Text
    updated_at: Instant | None = None
    extracted_at: Instant
    is_deleted: Flag = False
    load_id: Text
    extra: Json | None = None


class Customer(Entity):
    """A company or person who buys, or may buy."""

    customer_id: Id
    name: Personal = Field(min_length=1)
    kind: Annotated[Literal["company", "person"], Tag("text")]
    industry: Text | None = None
    region: Text | None = None
    size: Text | None = None
    channel: Text | None = None
    owner_id: OwnerId | None = None
    grade: Text | None = None
    signed_at: Instant | None = None
    first_contact_on: Day | None = None
    lost_on: Day | None = None
    tax_no: Personal | None = None
    email: Personal | None = None
    phone: Personal | None = None
    parent_id: CustomerId | None = None
    merged_into: CustomerId | None = Field(default=None, description="the customer this record turned out to be")
    tags: Text | None = Field(default=None, description="separated by commas")


class Contact(Entity):
    """A person at a customer."""

    contact_id: Id
    customer_id: CustomerId
    name: Personal
    email: Personal | None = None
    phone: Personal | None = None
    role_in_decision: Text | None = None


class Owner(Entity):
    """An employee who serves customers."""

    owner_id: Id
    name: Text = Field(min_length=1)
    email: Personal | None = None
    department: Text | None = None
    manager_id: OwnerId | None = None
    is_active: Flag = True


class OwnerAssignment(Entity):
    """Who was responsible for an object, and when; [from_at, to_at)."""

    object: Annotated[Literal["customer", "lead", "deal"], Tag("text")]
    object_id: Id
    from_at: Instant
    owner_id: OwnerId
    to_at: Instant | None = None


class Product(Entity):
    """Something that is sold."""

    product_id: Id
    name: Text = Field(min_length=1)
    category: Text | None = None


class InvoiceLine(Entity):
    """One line of an invoice, net of tax and discounts. Credit notes are negative, whatever the source does."""

    invoice_line_id: Id
    invoice_id: Id
    customer_id: CustomerId
    product_id: ProductId | None = None
    issued_on: Day = Field(ge=EARLIEST, lt=LATEST)
    amount: Money
    currency: Currency
    quantity: Number | None = None
    kind: Annotated[Literal["sale", "recurring", "one_off", "credit_note"], Tag("text")] = "sale"
    period_start: Day | None = None
    period_end: Day | None = Field(default=None, description="first day no longer paid for")
    campaign_id: CampaignId | None = None


class Payment(Entity):
    """Money received, or an attempt that failed."""

    payment_id: Id
    invoice_id: Id | None = None
    customer_id: CustomerId
    paid_on: Day = Field(ge=EARLIEST, lt=LATEST)
    amount: Money
    currency: Currency
    is_failed: Flag = False


class Subscription(Entity):
    """A recurring agreement; `amount_per_month` is net of tax and discount, yearly plans divided by 12."""

    subscription_id: Id
    customer_id: CustomerId
    product_id: ProductId | None = None
    starts_on: Day = Field(ge=EARLIEST, lt=LATEST)
    ends_on: Day | None = Field(default=None, description="first day without service; null while it runs")
    amount_per_month: Money
    currency: Currency
    status: Annotated[Literal["active", "trial", "past_due", "cancelled", "ended"], Tag("text")]
    renewal_on: Day | None = None


class Lead(Entity):
    """Somebody who may become a customer."""

    lead_id: Id
    customer_id: CustomerId | None = None
    owner_id: OwnerId | None = None
    source_channel: Text | None = None
    campaign_id: CampaignId | None = None
    created_at: Instant
    status: Text


class Deal(Entity):
    """A sales opportunity. `is_won` is null while it is open."""

    deal_id: Id
    lead_id: Annotated[str, ref("leads")] | None = None
    customer_id: CustomerId | None = None
    owner_id: OwnerId | None = None
    created_at: Instant
    stage: Text
    is_won: Flag | None = None
    closed_at: Instant | None = None
    amount: Money | None = None
    currency: Currency | None = None
    lost_reason: Text | None = None
    product_id: ProductId | None = None


class DealStage(Entity):
    """One entry of a deal into a stage."""

    deal_id: Annotated[str, ref("deals")]
    stage: Text
    entered_at: Instant
    left_at: Instant | None = None
    is_inferred: Flag = False


class Interaction(Entity):
    """A call, visit, mail or chat with a customer, and what was promised."""

    interaction_id: Id
    customer_id: CustomerId
    owner_id: OwnerId | None = None
    channel: Text
    happened_at: Instant
    direction: Annotated[Literal["in", "out"], Tag("text")] | None = None
    outcome: Text | None = None
    next_action: Text | None = None
    next_due_at: Instant | None = None
    next_done_at: Instant | None = None


class Ticket(Entity):
    """An enquiry, complaint or service case."""

    ticket_id: Id
    customer_id: CustomerId
    kind: Annotated[Literal["enquiry", "complaint", "service"], Tag("text")]
    opened_at: Instant
    first_response_at: Instant | None = None
    assigned_at: Instant | None = None
    solved_at: Instant | None = None
    reopened_count: Count = Field(default=0, ge=0)
    plan_sent_at: Instant | None = None
    priority: Text | None = None
    channel: Text | None = None


class Survey(Entity):
    """One wave of a questionnaire."""

    survey_id: Id
    name: Text
    kind: Text
    wave: Text
    sent_from: Day | None = None
    sent_to: Day | None = Field(default=None, description="first day no longer sent")
    is_anonymous: Flag = False


class Question(Entity):
    """A question and the scale its scores are on. A score in `blank_codes` is no answer."""

    question_id: Id
    survey_id: Annotated[str, ref("surveys")] | None = Field(default=None, description="null: asked in every survey of the source")
    text: Text
    dimension: Text
    scale_min: Number | None = None
    scale_max: Number | None = None
    blank_codes: Text | None = Field(default=None, description='codes meaning "no answer", separated by commas')


class Invitation(Entity):
    """A questionnaire sent to a customer or contact."""

    survey_id: Annotated[str, ref("surveys")]
    customer_id: CustomerId
    contact_id: ContactId | None = None
    sent_at: Instant
    delivered: Flag = True


class Answer(Entity):
    """One answered question of one response. Segment columns of the source travel in `extra`."""

    answer_id: Id
    response_id: Id
    survey_id: Annotated[str, ref("surveys")]
    question_id: Annotated[str, ref("questions")]
    customer_id: CustomerId | None = None
    contact_id: ContactId | None = None
    answered_at: Instant
    score: Number | None = None
    text: Personal | None = None
    weight: Number | None = Field(default=None, ge=0)


class Campaign(Entity):
    """A promotion and what it cost."""

    campaign_id: Id
    name: Text
    starts_on: Day
    ends_on: Day | None = None
    cost: Money
    currency: Currency


class Usage(Entity):
    """How much a customer used a feature on a day."""

    customer_id: CustomerId
    feature: Text
    day: Day = Field(ge=EARLIEST, lt=LATEST)
    count: Number = Field(ge=0)
    users: Number | None = None


class FeatureUse(Entity):
    """How much a colleague used a feature of the company's own system (the CRM) on a day, or in the days up to it. A count of 0 makes a feature known."""

    owner_id: OwnerId
    feature: Text
    day: Day = Field(ge=EARLIEST, lt=LATEST)
    count: Number = Field(ge=0)


class Rate(Entity):
    """What one unit of a currency was worth in the reporting currency on a day."""

    currency: Currency
    day: Day = Field(ge=EARLIEST, lt=LATEST)
    rate: Number = Field(gt=0)


ENTITIES: dict[str, type[Entity]] = {
    "customers": Customer, "contacts": Contact, "owners": Owner, "owner_assignments": OwnerAssignment,
    "products": Product, "invoices": InvoiceLine, "payments": Payment, "subscriptions": Subscription,
    "leads": Lead, "deals": Deal, "deal_stages": DealStage, "interactions": Interaction, "tickets": Ticket,
    "surveys": Survey, "questions": Question, "invitations": Invitation, "answers": Answer,
    "campaigns": Campaign, "usage": Usage, "feature_uses": FeatureUse,
    "rates": Rate,
}  # fmt: skip

KEYS: dict[str, tuple[str, ...]] = {
    "customers": ("customer_id",), "contacts": ("contact_id",), "owners": ("owner_id",),
    "owner_assignments": ("object", "object_id", "from_at"), "products": ("product_id",),
    "invoices": ("invoice_line_id",), "payments": ("payment_id",), "subscriptions": ("subscription_id",),
    "leads": ("lead_id",), "deals": ("deal_id",), "deal_stages": ("deal_id", "stage", "entered_at"),
    "interactions": ("interaction_id",), "tickets": ("ticket_id",), "surveys": ("survey_id",),
    "questions": ("question_id",), "invitations": ("survey_id", "customer_id", "contact_id"),
    "answers": ("answer_id",), "campaigns": ("campaign_id",), "usage": ("customer_id", "feature", "day"),
    "feature_uses": ("owner_id", "feature", "day"), "rates": ("currency", "day"),
}  # fmt: skip

COMMON = tuple(Entity.model_fields)
MANAGED = ("source", "source_id", "extracted_at", "load_id", "extra")  # filled by the sync, never by a mapping


class Column(NamedTuple):
    """One column of an entity as the rest of the product sees it."""

    name: str
    kind: str  # one of KINDS
    required: bool  # null is refused
    default: object
    allowed: tuple[str, ...]  # empty: anything
    ge: object
    gt: object
    lt: object
    pattern: str | None
    min_length: int | None
    personal: bool
    refers_to: str | None
    description: str


def columns(entity: str) -> dict[str, Column]:
    """The columns of an entity by name, in the order of the model.

    Raises KeyError naming the known entities if there is no such entity.
    """
    if entity not in ENTITIES:
        raise KeyError(f"no entity {entity!r} in the contract; it knows {', '.join(ENTITIES)}")
    return dict(_columns(entity))


@cache
def _columns(entity: str) -> dict[str, Column]:
    return {name: _column(name, field) for name, field in ENTITIES[entity].model_fields.items()}


def _column(name, field) -> Column:
    annotations = _unwrap(field.annotation)
    metadata = [*annotations["metadata"], *field.metadata]
    tag = next(m for m in metadata if isinstance(m, Tag))
    rules = {rule: _rule(metadata, rule) for rule in ("ge", "gt", "lt", "pattern", "min_length")}
    described = [m.description for m in metadata if getattr(m, "description", None)]
    return Column(
        name=name, kind=tag.kind, required=not annotations["optional"],
        default=None if field.is_required() else field.default, allowed=annotations["allowed"],
        personal=tag.personal, refers_to=tag.refers_to,
        description=field.description or " ".join(described), **rules,
    )  # fmt: skip


def _unwrap(annotation) -> dict:
    """Take `Annotated[Literal[…], Tag] | None` apart into its metadata, allowed values and optionality."""
    found = {"metadata": [], "allowed": (), "optional": False}
    todo = [annotation]
    while todo:
        part = todo.pop()
        if part is type(None):
            found["optional"] = True
        elif get_origin(part) is Annotated:
            found["metadata"] += part.__metadata__
            todo.append(get_args(part)[0])
        elif get_origin(part) is Literal:
            found["allowed"] = get_args(part)
        else:
            todo += get_args(part)
    return found


def _rule(metadata, rule):
    """The value of a Pydantic constraint, wherever Pydantic keeps it (an own object, or inside a FieldInfo)."""
    for item in metadata:
        for holder in (item, *getattr(item, "metadata", ())):
            if (value := getattr(holder, rule, None)) is not None:
                return value
    return None
