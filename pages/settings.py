"""Who may see what, what is aimed at, what every number means, and who looked at what."""

import streamlit as st

from access.guard import guard
from access.roles import may
from ui import page
from ui.catalogue import calendar_tab, definitions_tab
from ui.goals import targets_tab
from ui.knobs import knobs_tab
from ui.register import register_tab
from ui.rights import rights_tab
from ui.risk_policy import policy_tab
from ui.words import t

reader = guard("settings")

# part → (what draws it, the action a reader's role must allow)
PARTS = {
    "roles": (rights_tab, "edit_rules"), "targets": (targets_tab, None), "calendar": (calendar_tab, None), "definitions": (definitions_tab, None),
    "limits": (knobs_tab, "edit_settings"), "risk": (policy_tab, "edit_settings"), "log": (register_tab, "read_log"),
}  # fmt: skip

view = page.opened("settings")


@page.part("settings.short")
def parts(view, names):
    """One part at a time: only what is looked at is looked up."""
    chosen = st.segmented_control(
        t("settings.part"), names, default=names[0], format_func=lambda name: t(f"settings.parts.{name}"), key="settings_part", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    with page.section(f"settings.parts.{chosen}"):
        PARTS[chosen][0](view)


parts(view, [name for name, (_, action) in PARTS.items() if action is None or may(reader, action)])
