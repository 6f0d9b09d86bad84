"""Local stand-ins for the services that carry messages: one for HTTP that answers in every service's name, one for SMTP."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit, urlunsplit

import requests


class Web:
    """What was posted, as (host, path, JSON); answer: what every post is answered with, status and JSON."""

    def __init__(self):
        self.posts: list[tuple[str, str, dict]] = []
        self.answer: tuple[int, dict] = (200, {"errcode": 0, "code": 0, "msg": "ok", "errmsg": "ok"})


@contextmanager
def web(monkeypatch) -> Iterator[Web]:
    """A local web server to which every request of `requests` goes, whatever host it names."""
    state = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            said = self.rfile.read(int(self.headers["Content-Length"]))
            state.posts.append((self.headers["X-Meant-For"], self.path, json.loads(said)))
            status, body = state.answer
            plain = b"ok" if self.headers["X-Meant-For"] == "hooks.slack.com" and status == 200 else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(plain)))
            self.end_headers()
            self.wfile.write(plain)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    real = requests.adapters.HTTPAdapter.send

    def here(self, request, **how):
        parts = urlsplit(request.url)
        request.headers["X-Meant-For"] = parts.hostname
        request.url = urlunsplit(("http", f"127.0.0.1:{server.server_port}", parts.path, parts.query, ""))
        return real(self, request, **how)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", here)
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mail() -> Iterator[tuple[int, list[bytes]]]:
    """A local mail server that takes everything: its port, and the messages that came."""
    came: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                word = line.strip().upper()
                if word.startswith(b"EHLO"):
                    self.wfile.write(b"250-here\r\n250 SMTPUTF8\r\n")
                elif word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    came.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                    self.wfile.write(b"250 taken\r\n")
                elif word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                else:
                    self.wfile.write(b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], came
        server.shutdown()
