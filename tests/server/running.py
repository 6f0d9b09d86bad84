"""A server of our own for a test, and a reader that speaks Streamlit's protocol: what comes over the websocket is what is seen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg

from ui.warming import answered, opened, session

ROOT = Path(__file__).parents[2]
PATIENCE = 90  # seconds a server may take to start on a busy machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(data: Path, entry: str = "asgi.py", port: int | None = None, options: tuple[str, ...] = (), **environment: str) -> Iterator[str]:
    """Start `streamlit run ENTRY` on a port (None: a free one) and hand out its address; stopped afterwards. It opens no pages by
    itself unless told so. options: further ones of `streamlit run`."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", entry, "--server.port", str(port), *options]
    env = {**os.environ, "RAPPORT_WARM": "0", "RAPPORT_DATA": str(data), **environment}
    server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait(url: str, server: subprocess.Popen) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert server.poll() is None, f"the server ended with {server.returncode}"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.25)
    raise TimeoutError(f"{url} did not answer in {PATIENCE} s")


def elements(address: str, page: str = "", query: str = "", **signed_in: str) -> list:
    """Open a session, ask for a page as a browser does for /page?query, and return every element it was sent.

    signed_in: xsrf and cookie of a browser that has signed in (tests/server/signing.py).
    """
    return new_elements(asyncio.run(messages(address, page, query, **signed_in)))


def new_elements(said: list) -> list:
    """The elements among the messages of a run."""
    deltas = [message.delta for message in said if message.WhichOneof("type") == "delta"]
    return [delta.new_element for delta in deltas if delta.WhichOneof("type") == "new_element"]


async def messages(address: str, page: str, query: str, **signed_in: str) -> list:
    """Everything a session is sent until its run is over."""
    async with asyncio.timeout(PATIENCE):
        return [message async for message in opened(address, page, query, **signed_in)]


def fragment_after(address: str, page: str, between: Callable[[], None], **signed_in: str) -> tuple[list, list]:
    """Open a page, let something happen, then run one of its fragments alone: the elements sent before and after."""
    return asyncio.run(_fragment_after(address, page, between, **signed_in))


async def _fragment_after(address: str, page: str, between: Callable[[], None], **signed_in: str) -> tuple[list, list]:
    first, again = BackMsg(), BackMsg()
    first.rerun_script.page_name = page
    async with asyncio.timeout(PATIENCE), session(address, **signed_in) as socket:
        before = [said async for said in answered(socket, first)]
        await asyncio.to_thread(between)
        again.rerun_script.fragment_id = next(said.delta.fragment_id for said in reversed(before) if said.delta.fragment_id)
        again.rerun_script.page_script_hash = next(said.new_session.page_script_hash for said in before if said.WhichOneof("type") == "new_session")
        after = [said async for said in answered(socket, again)]
    return new_elements(before), new_elements(after)


def written(found: list) -> str:
    """All elements as text, for searching."""
    return "\n".join(str(element) for element in found)
