"""What each role may open, see and do. A role says which pages, columns and actions; a reader's reach says which rows."""

from __future__ import annotations

from dataclasses import dataclass

READING = ("overview", "nps", "drill", "plans", "retention", "segments", "arpu", "funnel", "service", "journey", "at_risk", "customer", "settings")
SERVING = (*READING, "my_customers")  # for who serves customers, or leads those who do
WHOLE = ("audit", "health", "sources")  # pages that count over everybody's rows: only for a reader of all of them
# actions that touch everybody's rows: for the reach of all as well
OVER_ALL = ("read_log", "edit_rules", "edit_settings", "edit_features", "edit_identities", "edit_audits", "sign_audits", "sync")
ACTIONS = ("export", "edit_targets", "edit_plans", "edit_cases", "edit_grades", "review_data", *OVER_ALL)

SIGNING = "sign_audits"  # not for who sets up what is audited


@dataclass(frozen=True)
class Role:
    """pages: by their names in the navigation. veils: columns kept from this role (access.scope.VEILS). actions: of ACTIONS."""

    name: str
    pages: tuple[str, ...]
    veils: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()


ROLES = {
    role.name: role
    for role in (
        Role("executive", SERVING, veils=("personal",), actions=("export", "edit_targets", "edit_plans", "edit_cases", "edit_grades")),
        Role("customer_success", SERVING, actions=("export", "edit_plans", "edit_cases", "edit_grades")),
        Role("sales", SERVING, actions=("export", "edit_cases")),
        Role(
            "auditor",
            (*READING, *WHOLE),
            veils=("personal",),
            actions=("export", "review_data", "edit_features", "edit_identities", "edit_audits", "sign_audits", "read_log"),
        ),
        Role("administrator", (*SERVING, *WHOLE), actions=tuple(name for name in ACTIONS if name != SIGNING)),
        Role("partner", ("service",), veils=("personal", "contacts", "amounts")),
    )
}


def may(reader, action: str) -> bool:
    """Whether a reader may do something: by role, and for what touches everybody's rows by reach. Raises LookupError for no such action."""
    if action not in ACTIONS:
        raise LookupError(f"no action {action!r}; there are {', '.join(ACTIONS)}")
    return action in reader.role.actions and (action not in OVER_ALL or reader.scope.is_full)


def may_open(reader, page: str) -> bool:
    """Whether a reader's role has this page; pages over everybody's rows need the reach of all as well."""
    return page in reader.role.pages and (page not in WHOLE or reader.scope.is_full)
