"""Opens each page as a browser would, after the server has started and after each new snapshot: as it comes, then by week.

Answers are cached by snapshot and scope, so what is computed for the first reader serves all of the same scope. Here that first reader
is the server itself: nobody waits in the morning for what a night's sync has made new. Only while nobody has to sign in: the
server is then its own, only, reader. RAPPORT_WARM=0 switches it off.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from itertools import product

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from access.openings import OURSELVES
from ui.navigation import ENTRIES, HOME

log = logging.getLogger("rapport.warming")
EVERY = 60.0  # seconds between two looks for a new snapshot
BEGIN = 4.0  # seconds after the start: whoever opened a page first has it to themselves
PATIENCE = 600.0  # seconds a page may take
ENTRY = 60.0  # seconds until a server that has just started lets anybody in: it waits for what pages import
QUERIES = ("", "grain=week")  # as a page opens, and by the step that takes longest: what recurs is compared at 53 pairs of days


async def keep_warm(address: str, newest: Callable[[], str | None], done: Callable[[str], None]) -> None:
    """Until cancelled: whenever `newest()` names another snapshot, open all pages, then call `done` with its id."""
    seen = None
    await asyncio.sleep(BEGIN)
    while True:
        snapshot = await asyncio.to_thread(newest)
        if snapshot is not None and snapshot != seen:
            await _open_all(address)
            seen = snapshot
            done(snapshot)
        await asyncio.sleep(EVERY)


async def _open_all(address: str) -> None:
    for query, entry in product(QUERIES, ENTRIES):
        try:
            async with asyncio.timeout(PATIENCE):
                async for _ in opened(address, "" if entry.name == HOME else entry.name, query):
                    pass
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            log.warning("could not open %s?%s ahead of its readers: %s", entry.name, query, error)


async def opened(address: str, page: str = "", query: str = "", xsrf: str = "x", cookie: str | None = None) -> AsyncIterator[ForwardMsg]:
    """What the server sends to a browser that opens /page?query, until the page's run is over. xsrf, cookie: of a browser that has signed in."""
    asked = BackMsg()
    asked.rerun_script.query_string, asked.rerun_script.page_name = query, page
    async with session(address, xsrf, cookie) as socket:
        async for said in answered(socket, asked):
            yield said


def session(address: str, xsrf: str = "x", cookie: str | None = None):
    """A websocket as a browser opens it; use it with `async with`."""
    headers = {"Cookie": cookie} if cookie else None
    stream = address.replace("http", "ws", 1) + "/_stcore/stream"
    how = {"user_agent_header": OURSELVES, "open_timeout": ENTRY}
    return websockets.connect(stream, subprotocols=["streamlit", xsrf], origin=address, max_size=None, additional_headers=headers, **how)


async def answered(socket, asked: BackMsg) -> AsyncIterator[ForwardMsg]:
    """Ask, and hear everything until the run, and the runs it starts itself, are over."""
    await socket.send(asked.SerializeToString())
    async for bytes_ in socket:
        said = ForwardMsg.FromString(bytes_)
        yield said
        if said.WhichOneof("type") == "script_finished" and said.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return


def is_wanted() -> bool:
    return os.environ.get("RAPPORT_WARM", "1") != "0"
