"""The load client's address bar: the URL that the page wrote goes along with every rerun."""

import asyncio

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.load import AddressBar


class Socket:
    def __init__(self, *said: ForwardMsg):
        self.said, self.sent, self.closed = [message.SerializeToString() for message in said], [], False

    async def recv(self) -> bytes:
        return self.said.pop(0)

    async def send(self, asked: bytes) -> None:
        self.sent.append(BackMsg.FromString(asked))

    async def close(self) -> None:
        self.closed = True


def written(query: str) -> ForwardMsg:
    message = ForwardMsg()
    message.page_info_changed.query_string = query
    return message


def rerun(query: str = "") -> bytes:
    asked = BackMsg()
    asked.rerun_script.query_string = query
    asked.rerun_script.page_name = "nps"
    return asked.SerializeToString()


def test_what_the_page_wrote_last_goes_along():
    async def talked():
        socket = Socket(ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY), written("grain=week"), written("grain=day&lang=en"))
        bar = AddressBar(socket)
        await bar.send(rerun("region=North"))
        for _ in range(3):
            await bar.recv()
            await bar.send(rerun("region=North"))
        await bar.close()
        return socket

    socket = asyncio.run(talked())
    assert [asked.rerun_script.query_string for asked in socket.sent] == ["region=North", "region=North", "grain=week", "grain=day&lang=en"]
    assert {asked.rerun_script.page_name for asked in socket.sent} == {"nps"} and socket.closed


def test_what_is_no_rerun_goes_as_it_is():
    socket, stop = Socket(written("grain=week")), BackMsg(stop_script=True)

    async def talked():
        bar = AddressBar(socket)
        await bar.recv()
        await bar.send(stop.SerializeToString())

    asyncio.run(talked())
    assert socket.sent == [stop]
