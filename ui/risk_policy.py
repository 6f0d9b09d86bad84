"""The policy about customers at risk as it is set in the app: read for every run, and the form of Settings that changes it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping

import streamlit as st

from access import journal
from access.guard import NotAdmitted, admitted_now
from access.kept import Kept
from access.roles import may
from metrics import policies
from metrics.query import QuestionError
from records import database, settings
from records.database import RecordsError
from ui import data
from ui.view import View
from ui.words import plain, t

NAME = settings.RISK
_kept = Kept()


def in_force(known: Mapping) -> Mapping:
    """The snapshot's settings, with [metrics.risk] replaced by what was set in the app, where anything was."""
    place = data.directory()
    return settings.with_risk(known, _kept.get(place, NAME, lambda: settings.risk_policy(place)))


def is_newer(known: Mapping) -> bool:
    """Whether what is set in the app is not what was set when the snapshot with these settings was made."""
    place = data.directory()
    return _kept.get(place, NAME, lambda: settings.risk_policy(place)) != known.get(settings.AT_SYNC, {})


def policy_tab(view: View) -> None:
    """The whole policy as JSON: what is there is what differs from the defaults."""
    stored = settings.stored(database.opened(data.directory())).get(NAME)
    given = stored.value if stored else view.settings.get("metrics", {}).get(NAME, {})
    text = st.text_area(t("risk_policy.label"), json.dumps(given, ensure_ascii=False, indent=2), height=280, key="risk_policy")
    st.caption(t("risk_policy.help"))
    if st.button(t("rights.save"), key="risk_policy_save"):
        _put(text, stored.version if stored else 0)
    with st.expander(t("risk_policy.whole"), icon=":material/data_object:"):
        st.json(policies.policy(view.query()).model_dump(mode="json"), expanded=1)


def _put(text: str, version: int) -> None:
    """Keep what was written, if it is a policy; else say every fault."""
    reader = admitted_now()
    if not may(reader, "edit_settings"):
        raise NotAdmitted("settings are for administrators")
    try:
        given = json.loads(text or "{}")
        policies.checked(given if isinstance(given, dict) else {"settings": given})
        settings.put(database.opened(data.directory()), NAME, given, version, reader.name, dt.datetime.now(dt.UTC))
    except json.JSONDecodeError as error:
        st.error(t("risk_policy.no_json", line=error.lineno, why=plain(error.msg)), icon=":material/report:")
        return
    except (QuestionError, RecordsError) as error:
        st.error(plain(error), icon=":material/report:")
        return
    journal.note(reader.name, reader.grant.role, "setting_changed", NAME, value=given)
    st.rerun()
