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
from collections.abc import Iterator
from pathlib import Path

from ui.warming import opened

ROOT = Path(__file__).parents[2]
PATIENCE = 90  # seconds a server may take to start on a busy machine


@contextlib.contextmanager
def serving(data: Path, entry: str = "asgi.py", **environment: str) -> Iterator[str]:
    """Start `streamlit run ENTRY` on a free port and hand out its address; stopped afterwards. It opens no pages by itself unless told so."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", entry, "--server.port", str(port)]
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


def elements(address: str, page: str = "", query: str = "") -> list:
    """Open a session, ask for a page as a browser does for /page?query, and return every element it was sent."""
    return asyncio.run(_elements(address, page, query))


async def _elements(address: str, page: str, query: str) -> list:
    async with asyncio.timeout(PATIENCE):
        said = [message async for message in opened(address, page, query)]
    deltas = [message.delta for message in said if message.WhichOneof("type") == "delta"]
    return [delta.new_element for delta in deltas if delta.WhichOneof("type") == "new_element"]


def written(found: list) -> str:
    """All elements as text, for searching."""
    return "\n".join(str(element) for element in found)
