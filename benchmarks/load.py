"""Runs a load client that asks psutil about the server: `python -m benchmarks.load CLIENT.py [arguments]`.

Linux's /proc answers where psutil is not installed. Between client and server stands what a browser has and the client has not: an address bar.
A page writes its filters into the URL, a browser sends the URL with every rerun; a client that always sends the one it began with goes back to
that one's filters each time, and the page it measures never changes.
"""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys
from collections import namedtuple
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks import measure

TICK = os.sysconf("SC_CLK_TCK")  # clock ticks in a second
Memory = namedtuple("Memory", "rss")  # bytes
Times = namedtuple("Times", "user system")  # seconds


class Process:
    """The part of psutil.Process that a load client needs: memory, CPU time, children."""

    def __init__(self, pid: int | None = None):
        self.pid = pid or os.getpid()

    def memory_info(self) -> Memory:
        return Memory(measure.resident(self.pid))

    def cpu_times(self) -> Times:
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return Times(int(user) / TICK, int(system) / TICK)

    def children(self, recursive: bool = False) -> list[Process]:
        return [Process(pid) for pid in measure.family(self.pid)[1:]]


class AddressBar:
    """A connection that sends along the URL's query as the page has last written it."""

    def __init__(self, socket):
        self._socket, self._query = socket, None

    def __getattr__(self, name: str):
        return getattr(self._socket, name)

    async def recv(self, *args, **kwargs) -> bytes:
        said = await self._socket.recv(*args, **kwargs)
        message = ForwardMsg.FromString(said)
        if message.WhichOneof("type") == "page_info_changed":
            self._query = message.page_info_changed.query_string
        return said

    async def send(self, asked: bytes) -> None:
        message = BackMsg.FromString(asked)
        if self._query is not None and message.WhichOneof("type") == "rerun_script":
            message.rerun_script.query_string = self._query
            asked = message.SerializeToString()
        await self._socket.send(asked)


async def _connected(*args, **kwargs) -> AddressBar:
    return AddressBar(await _connect(*args, **kwargs))


_connect = websockets.connect


def main() -> None:
    websockets.connect = _connected
    if importlib.util.find_spec("psutil") is None:
        sys.modules["psutil"] = sys.modules[__name__]
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
