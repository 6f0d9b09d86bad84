"""What a page costs the server: its first run and its next ones, and a change of a filter, beside a page with two widgets.

Needs a client that speaks Streamlit's websocket; `--load-client PATH` names it (`st_load.py`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import warehouse
from benchmarks import measure
from metrics import risk
from metrics.__main__ import period_of
from metrics.query import Query, collect
from ui.navigation import CUSTOMER, ENTRIES, HOME

ROOT = Path(__file__).parent.parent
PATIENCE = 120  # seconds a server may take to start
AHEAD = 900  # seconds it may take to open all its pages once
SESSIONS, RERUNS = 5, 12
THROUGH = 40  # changes by chance after which one reader has most likely been through all choices
FIRST, WARM = 1500, 150  # ms, goals for a page
EACH, AT_ONCE = 8, 1  # customers of each kind that are opened; seconds, goal for the page of one
OWN, PAGE_WIDE = 1.5, 8.0  # times the light page, goals for a rerun
CHOICE = re.compile(r"^widget: (\w+) (.*) key=(\S*) fragment=(\S+) (\[.*\])$")
PLAIN = ("selectbox", "button_group", "radio", "slider", "checkbox")


@dataclass(frozen=True)
class Server:
    url: str
    pid: int


@contextlib.contextmanager
def server(entry: str, data: Path, ahead: bool = False) -> Iterator[Server]:
    """Start `streamlit run ENTRY` on a free port, ready to answer; stopped afterwards. ahead: once it has opened its pages by itself."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", entry, "--server.address", "127.0.0.1", "--server.port", str(port)]
    env = {**os.environ, "RAPPORT_DATA": str(data), "RAPPORT_WARM": str(int(ahead))}
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", process)
        if ahead:
            _wait_for_pages(f"http://127.0.0.1:{port}/api/ready")
        yield Server(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(url: str, process: subprocess.Popen) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it answered")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise TimeoutError(f"{url} did not answer in {PATIENCE} s")


def _wait_for_pages(url: str) -> None:
    until = time.monotonic() + AHEAD
    while time.monotonic() < until:
        with urllib.request.urlopen(url, timeout=30) as answer:
            if json.load(answer)["warm"]:
                return
        time.sleep(0.5)
    raise TimeoutError(f"the server had not opened its pages after {AHEAD} s")


class Client:
    """The load client, run as a program."""

    def __init__(self, path: Path):
        self.path = path.resolve()

    def run(self, served: Server, page: str, *arguments: str) -> tuple[dict, list[str]]:
        """One measurement of a page: its figures, and the lines before them."""
        command = [
            sys.executable,
            "-m",
            "benchmarks.load",
            str(self.path),
            "--url",
            served.url,
            "--pid",
            str(served.pid),
            "--page",
            page,
            "--json",
            *map(str, arguments),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
        lines = done.stdout.strip().splitlines()
        if not lines or not lines[-1].startswith("{"):
            raise RuntimeError(f"the load client said nothing about {page or HOME}: {(done.stderr or done.stdout)[-800:]}")
        return json.loads(lines[-1]), lines[:-1]

    def widgets(self, served: Server, page: str) -> list[tuple[str, str, bool]]:
        """(key or label, kind, is in a fragment) of what can be changed on a page and has a choice."""
        _, lines = self.run(served, page, "--reruns", 0, "--dump")
        found = [match for line in lines if (match := CHOICE.match(line))]
        return [(m[3] if m[3] else m[2].strip("'\""), m[1], m[4] != "-") for m in found if m[1] in PLAIN and m[5].count(",")]


def names() -> list[str]:
    """The pages there are; the landing page has no name in the URL."""
    return ["" if entry.name == HOME else entry.name for entry in ENTRIES if entry.path.exists()]


def pages(data: Path, client: Client) -> measure.Section:
    """The first reader of each page after a start: on a server that has opened nothing yet, and on one that has; and the next readers."""
    with server("asgi.py", data, ahead=True) as served:
        ready = {page: client.run(served, page, "--reruns", 0)[0] for page in names()}
        warm = {page: min(client.run(served, page, "--reruns", 0)[0]["first_p50_ms"] for _ in range(5)) for page in names()}
    rows = []
    for page in names():
        with server("asgi.py", data) as served:
            cold, _ = client.run(served, page, "--reruns", 0)
        errors = "; ".join([*cold["errors"], *ready[page]["errors"]]) or "–"
        rows.append((page or HOME, ready[page]["first_p50_ms"], warm[page], cold["first_p50_ms"], ready[page]["first_kb"], errors))
    notes = (
        "from the request to the end of the run, every part of the page included",
        "first: the first reader of a server that has opened its pages by itself, as it does after its start and after each snapshot",
        "warm: the fastest of the next five readers",
        "unprepared: the first reader of a fresh server that has computed nothing yet (RAPPORT_WARM=0)",
    )
    columns = ("page", "first ms", "warm ms", "unprepared ms", "kB", "errors")
    return measure.Section("Pages", f"first {FIRST / 1000} s, warm {WARM} ms", columns, rows, notes)


def reruns(data: Path, client: Client) -> measure.Section:
    """Server CPU of one change of a filter, beside the light page in the same run."""
    with server("benchmarks/light.py", data) as served:
        light, slowest = _change(client, served, "", "Region")
    rows = [("two widgets", "Region", "page", light, 1.0, slowest)]
    for page in names():
        with server("asgi.py", data) as served:
            for widget, where in _chosen(client.widgets(served, page)):
                cost, slowest = _change(client, served, page, widget)
                rows.append((page or HOME, widget, where, cost, cost / light, slowest))
    goal = f"a card's own filter at most {OWN} times the two-widget page, a page-wide filter at most {PAGE_WIDE:.0f} times"
    return measure.Section(
        "Changing a filter",
        goal,
        ("page", "filter", "reaches", "server CPU ms", "times", "new at most ms"),
        rows,
        (
            f"{SESSIONS} readers, {RERUNS} changes each, after one reader has been through the choices in {THROUGH} changes",
            "new at most: the slowest of these first changes, from the request to the end of the run; nobody had asked for that choice since the start",
        ),
    )


def _chosen(widgets: list[tuple[str, str, bool]]) -> list[tuple[str, str]]:
    """One filter of the whole page and one of a card's own, where the page has them."""
    wide = next(((key, "page") for key, _, inside in widgets if not inside and key == "f_grain"), None)
    own = next(((key, "card") for key, _, inside in widgets if inside), None)
    return [found for found in (wide, own) if found]


def _change(client: Client, served: Server, page: str, widget: str) -> tuple[float, float]:
    """Server CPU of a change to what somebody has looked at before, and how long the slowest of the first changes took; ms."""
    change = ("--widget", widget)
    first, _ = client.run(served, page, "--sessions", 1, "--reruns", THROUGH, *change)
    figures, _ = client.run(served, page, "--sessions", SESSIONS, "--reruns", RERUNS, *change, "--think", 0.2)
    return figures["server_cpu_ms_per_rerun"], first["max_ms"]


def customers(data: Path, client: Client) -> measure.Section:
    """Pages of customers that nobody has opened before, on a server that has opened its pages: some who are at risk, some who are not."""
    chosen = _some_of_each(data)
    rows = []
    with server("asgi.py", data, ahead=True) as served:
        opened = lambda id: client.run(served, CUSTOMER, "--reruns", 0, "--query", f"id={quote(id)}")[0]  # noqa: E731
        opened(chosen["at risk"].pop())  # flags and health scores of everybody are computed once, by whoever comes first
        for kind, ids in chosen.items():
            for what in (kind, f"{kind}, opened again"):
                found = [opened(id) for id in ids]
                taken, errors = [one["first_p50_ms"] for one in found], [error for one in found for error in one["errors"]]
                rows.append((what, len(ids), measure.median(taken), max(taken), "; ".join(errors[:1]) or "–"))
    notes = ("from the request to the end of the run, every part of the page included",)
    columns = ("customer", "pages", "median ms", "slowest ms", "errors")
    return measure.Section("Another customer's page", f"under {AT_ONCE} s", columns, rows, notes)


def _some_of_each(data: Path) -> dict[str, list[str]]:
    """Ids of customers from all over the list: at risk (one more than of the others), and not."""
    tables = warehouse.open(data)
    listed = collect(risk.listed(tables, Query(period_of(tables), settings=tables.settings)).select("customer_id"))["customer_id"]
    every = collect(tables["accounts"].select("customer_id"))["customer_id"]
    at_risk, others = sorted(listed), sorted({*every} - {*listed})
    return {"not at risk": others[:: max(len(others) // EACH, 1)][:EACH], "at risk": at_risk[:: max(len(at_risk) // (EACH + 1), 1)][: EACH + 1]}
