"""What is asked of the data: required fields, thresholds, who mends what.

    [metrics.health]                     # of the sources file
    stale_days = 365                     # a customer's record not touched for longer is stale
    grace_days = 90                      # how long after a won deal its invoices may take
    tolerance = 0.1                      # share of a won amount that may stay uninvoiced
    yearly_amount = "annual_purchase"    # the source's own column with a company's yearly amount
    crm = ["crm"]                        # sources that are the CRM, and the ERP; default: those with deals, and with invoices
    erp = ["erp"]
    numbered = ["crm"]                   # sources with customer numbers like C20240501001; default: where most have that shape
    review_grades = ["core"]             # whose records are looked through by hand; default: the best grade
    review_days = 90                     # and how often
    [metrics.health.required]            # fields by the kind of customer
    company = ["name", "phone", "industry", "yearly_amount"]
    [metrics.health.thresholds]          # by check, or "entity.check"
    duplicate = 0.005
    [metrics.health.owners]              # who mends, by source, or "source.entity"
    crm = "Sales operations"
    [metrics.health.own.early_use]       # a check of the company's own: the mapping says what fails
    entity = "usage"
    dimension = "consistency"
    fails = "n_early"                    # column of the source with what fails of a row: a number, or true
    of = "n_lines"                       # how much was asked; default: 1 for every row in which `fails` says something
    label = "Use before the agreement begins"

Whatever is left out is at its default. All faults are told at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from metrics.query import QuestionError

FIELDS = ("name", "phone", "email", "industry", "region", "size", "channel", "grade", "owner_id", "tax_no", "yearly_amount")
FACTS = ("deals", "interactions", "tickets", "subscriptions", "invoices", "payments")  # entities whose rows belong to a customer
JUDGED = ("customers", "contacts", *FACTS, "usage", "leads", "answers", "invitations")  # entities that own checks can be about
DIMENSIONS = ("completeness", "validity", "uniqueness", "timeliness", "consistency", "referential")
Share = Annotated[float, Field(ge=0, lt=1)]


class Rule(NamedTuple):
    """A check: what it is a matter of, what it looks at, and the share of failing rows that is still all right."""

    check: str
    dimension: str
    entity: str
    threshold: float


RULES = (
    *(Rule(f"missing_{field}", "completeness", "customers", 0.0 if field == "name" else 0.05) for field in FIELDS),
    Rule("bad_email", "validity", "customers", 0.02), Rule("bad_phone", "validity", "customers", 0.02),
    Rule("bad_number", "validity", "customers", 0.0), Rule("open_identity", "validity", "customers", 0.0),
    Rule("duplicate", "uniqueness", "customers", 0.01), Rule("two_names", "uniqueness", "customers", 0.01),
    Rule("one_name", "uniqueness", "customers", 0.01), Rule("stale", "timeliness", "customers", 0.2),
    Rule("differs", "consistency", "customers", 0.05), Rule("no_erp", "referential", "customers", 0.05), Rule("no_crm", "referential", "customers", 0.05),
    Rule("missing_name", "completeness", "contacts", 0.0), Rule("unreachable", "completeness", "contacts", 0.1),
    Rule("bad_email", "validity", "contacts", 0.02), Rule("bad_phone", "validity", "contacts", 0.02), Rule("open_identity", "validity", "contacts", 0.0),
    Rule("no_customer", "referential", "contacts", 0.0), *(Rule("no_customer", "referential", entity, 0.0) for entity in FACTS),
    Rule("under_invoiced", "consistency", "deals", 0.1),
)  # fmt: skip
RECORD_CHECKS = tuple(dict.fromkeys(r.check for r in RULES if r.entity in ("customers", "contacts")))  # judged once for each record, at the sync


class Required(BaseModel):
    """Fields that a customer must have, by its kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    company: tuple[Literal[FIELDS], ...] = ("name", "phone", "owner_id", "region", "industry", "yearly_amount")
    person: tuple[Literal[FIELDS], ...] = ("name", "phone", "owner_id", "region")


class OwnCheck(BaseModel):
    """A check that the company adds: what fails is told by a column that the mapping makes, in the source's own words for it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entity: Literal[JUDGED]
    dimension: Literal[DIMENSIONS]
    fails: Annotated[str, Field(min_length=1)]
    of: str | None = None
    threshold: Share = 0.0
    label: Annotated[str, Field(min_length=1)]
    label_zh: str | None = None


class Policy(BaseModel):
    """Everything that is set about the health of data. Defaults work untouched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stale_days: Annotated[int, Field(ge=1, le=3650)] = 365
    grace_days: Annotated[int, Field(ge=0, le=3650)] = 90
    tolerance: Share = 0.1
    yearly_amount: str = "yearly_amount"
    crm: tuple[str, ...] | None = None
    erp: tuple[str, ...] | None = None
    numbered: tuple[str, ...] | None = None
    review_grades: tuple[str, ...] | None = None
    review_days: Annotated[int, Field(ge=1, le=3650)] = 90
    required: Required = Required()
    thresholds: dict[str, Share] = {}
    owners: dict[str, str] = {}
    own: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], OwnCheck] = {}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All checks there are: ours and the company's own."""
        return (*RULES, *(Rule(name, check.dimension, check.entity, check.threshold) for name, check in self.own.items()))

    def threshold(self, rule: Rule) -> float:
        """The share of failing rows up to which a check passes."""
        return self.thresholds.get(f"{rule.entity}.{rule.check}", self.thresholds.get(rule.check, rule.threshold))

    def owner(self, source: str, entity: str) -> str | None:
        """Who mends this entity's rows in this source; None where nobody was named."""
        return self.owners.get(f"{source}.{entity}", self.owners.get(source))


def policy(settings: Mapping) -> Policy:
    """The policy of the sources file's settings. Raises QuestionError naming every fault."""
    given = settings.get("metrics", {}).get("health", {})
    known = {rule.check for rule in RULES} | {f"{rule.entity}.{rule.check}" for rule in RULES}
    unknown = sorted(set(given.get("thresholds", {})) - known) if isinstance(given.get("thresholds"), dict) else []
    faults = [f"thresholds: {name!r} is no check" for name in unknown]
    taken = sorted(set(given.get("own", {})) & {rule.check for rule in RULES}) if isinstance(given.get("own"), dict) else []
    faults += [f"own: {name!r} is the name of a check that there is already" for name in taken]
    try:
        found = Policy(**given)
    except ValidationError as error:
        faults += [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    if faults:
        raise QuestionError(f"[metrics.health] cannot be read: {'; '.join(faults)}")
    return found


def policy_or_default(settings: Mapping) -> Policy:
    """The policy, and the defaults for one that cannot be read: a sync does not stop for it, whoever looks at the numbers is told."""
    try:
        return policy(settings)
    except QuestionError:
        return Policy()
