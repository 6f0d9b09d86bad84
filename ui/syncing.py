"""A sync started from the screen: one per server, in a thread of its own, seen by everybody who looks, stoppable."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from access import journal
from access.guard import NotAdmitted, admitted_now
from access.roles import may
from connectors.errors import Cancelled, SourceError
from ui import data
from warehouse.errors import StoreError
from warehouse.outcome import Outcome, Step
from warehouse.sync import sync

log = logging.getLogger("rapport.sync")


@dataclass
class Job:
    """A running or finished sync. done, total: tables read so far, of all; step: the last thing heard of it."""

    step: Step | None = None
    done: set[str] = field(default_factory=set)
    total: int = 0
    outcome: Outcome | None = None
    error: str | None = None
    code: str | None = None
    is_running: bool = True
    cancel: threading.Event = field(default_factory=threading.Event)

    def heard(self, step: Step) -> None:
        """Told by the sync as it goes."""
        if step.stage == "plan":
            self.total = step.of or 0
        elif step.stage == "read" and step.of == step.n:
            self.done.add(step.what)
        self.step = step

    @property
    def share(self) -> float:
        """How far: reading is taken as four fifths of the way, 0 to 1."""
        read = len(self.done) / self.total if self.total else 0.0
        after = {"read": 0.0, "check": 0.05, "store": 0.10, "marts": 0.15, "publish": 0.19}
        return min(1.0, 0.8 * read + after.get(self.step.stage if self.step else "read", 0.0))


@st.cache_resource
def _server() -> dict:
    return {"lock": threading.Lock(), "job": None}


def job() -> Job | None:
    """The sync of this server that runs, or ran last; None if none did since it started."""
    return _server()["job"]


def sources_file() -> Path | None:
    """The sources file of this server (RAPPORT_SOURCES, else ./sources.toml); None if it is not there."""
    path = Path(os.environ.get("RAPPORT_SOURCES", "sources.toml"))
    return path if path.exists() else None


def start(only: str | None = None) -> Job:
    """Begin a sync of all sources, or of one, unless one runs already; returns the running one.

    Raises NotAdmitted for readers whose role does not allow it.
    """
    reader = admitted_now()
    if not may(reader, "sync"):
        raise NotAdmitted("starting a sync is for administrators")
    journal.note(reader.name, reader.grant.role, "sync_started", only)
    server = _server()
    with server["lock"]:
        if server["job"] is None or not server["job"].is_running:
            server["job"] = Job()
            threading.Thread(target=_run, args=(server["job"], sources_file(), data.directory(), only), name="sync", daemon=True).start()
        return server["job"]


def _run(job: Job, path: Path | None, directory: Path, only: str | None) -> None:
    from connectors.sources import load

    try:  # as the command line does it: a missing file is refused for its table only
        if path is None:
            raise SourceError("no sources file: set RAPPORT_SOURCES to the path of your sources.toml and start the server again")
        job.outcome = sync(load(path, files=False), directory, [only] if only else None, progress=job.heard, cancel=job.cancel)
    except (SourceError, StoreError, Cancelled) as error:
        job.error = str(error)
    except Exception:
        job.code = secrets.token_hex(3)
        log.exception("the sync failed, shown to the reader as %s", job.code)
    finally:
        job.is_running = False
