"""Real database servers for tests: PostgreSQL and MariaDB in temporary folders, on private ports of 127.0.0.1.

A server is started at most once per test process and stopped with it. Where the programs are missing the tests that need
them are skipped with the reason; in CI (the variable CI is set) missing programs are a failure.
"""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pymysql

PATIENCE = 60  # seconds for a server to come up
PASSWORD = "geh:eim@/1"  # with the characters that a URL has to escape


class Missing(Exception):
    """A server's programs are not installed."""


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server with an empty database `rapport`; its SQLAlchemy URL as superuser `boss`."""
    programs = Path(next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), "") or Path(shutil.which("initdb") or "").parent)
    if not (programs / "initdb").exists():
        raise Missing("PostgreSQL is not installed (Debian: postgresql)")
    with _folder("postgres") as (folder, run):
        _done([*run, str(programs / "initdb"), "-D", f"{folder}/data", "-U", "boss", "--auth=scram-sha-256", f"--pwfile={_password_file(folder)}",
               "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"])  # fmt: skip
        port = free_port()
        options = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
        options += ["-c", "max_connections=300"]  # one server for all tests of a process
        with _running([*run, str(programs / "postgres"), "-D", f"{folder}/data", *options], folder, port):
            url = f"postgresql://boss:{_escaped()}@127.0.0.1:{port}"
            _ready(lambda: _execute(f"{url}/postgres", "create database rapport"))
            yield f"{url}/rapport"


@contextmanager
def mariadb() -> Iterator[str]:
    """A MariaDB server with an empty database `rapport`; its SQLAlchemy URL as user `boss` with all rights."""
    server, install = (shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") for name in ("mariadbd", "mariadb-install-db"))
    if not server or not install:
        raise Missing("MariaDB is not installed (Debian: mariadb-server)")
    with _folder("mysql") as (folder, run):
        _done([*run, install, "--no-defaults", f"--datadir={folder}/data", "--auth-root-authentication-method=normal", "--skip-test-db"])
        port = free_port()
        first = folder / "first.sql"
        first.write_text(
            "create database rapport character set utf8mb4;\n"
            f"create user boss@'%' identified by '{PASSWORD}';\n"
            "grant all on *.* to boss@'%' with grant option;\n"
        )
        first.chmod(0o644)
        options = [f"--datadir={folder}/data", f"--socket={folder}/s", f"--port={port}", "--bind-address=127.0.0.1", f"--init-file={first}",
                   "--character-set-server=utf8mb4", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve", f"--pid-file={folder}/pid"]  # fmt: skip
        with _running([*run, server, "--no-defaults", *options], folder, port):
            _ready(lambda: pymysql.connect(host="127.0.0.1", port=port, user="boss", password=PASSWORD, database="rapport").close())
            yield f"mysql://boss:{_escaped()}@127.0.0.1:{port}/rapport?charset=utf8mb4"


def _escaped() -> str:
    return quote(PASSWORD, safe="")


@contextmanager
def _folder(user: str) -> Iterator[tuple[Path, list[str]]]:
    """A short temporary folder (sockets have short paths) of an unprivileged user, and how to run programs as that user."""
    folder = Path(tempfile.mkdtemp(prefix="rp", dir="/tmp"))
    run = []
    if os.geteuid() == 0:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
        run = ["runuser", "-u", user, "--"]
    try:
        yield folder, run
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _password_file(folder: Path) -> Path:
    path = folder / "password"
    path.write_text(PASSWORD)
    path.chmod(0o644)
    return path


def _done(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd="/tmp")
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    """The server, from when it listens until the end of the block."""
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd="/tmp")
        try:
            _listens(server, port, folder / "log")
            yield
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _listens(server: subprocess.Popen, port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server does not listen on port {port}:\n{log.read_text(errors='replace')[-2000:]}")


def _execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _ready(attempt) -> None:
    """Try until the server, which listens already, also answers."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return attempt()
        except (psycopg.OperationalError, pymysql.err.OperationalError):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
