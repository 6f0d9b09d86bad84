"""`python -m connectors check | sync | status`: the systems of a company from the command line.

    check  --sources F [--only NAME …]                   reach every source, show 5 mapped rows of each table, list every fault
    sync   --sources F --data DIR [--only NAME …] [--full] [--accept-loss TABLE …]
    status --data DIR [--json]

`RAPPORT_SOURCES` and `RAPPORT_DATA` give the defaults. Exit codes: 0 all is well (check) or published (sync); 1 something is
wrong or was refused; 2 misuse.
"""

from __future__ import annotations

import argparse
import os
import sys

from connectors import checking, redaction


def parser() -> argparse.ArgumentParser:
    """The command line as documented above."""
    top = argparse.ArgumentParser(prog="python -m connectors", description="Check, sync and look at the sources of Rapport.")
    commands = top.add_subparsers(dest="command", required=True)
    sources = argparse.ArgumentParser(add_help=False)
    sources.add_argument("--sources", default=os.environ.get("RAPPORT_SOURCES"), help="the sources file (RAPPORT_SOURCES)")
    sources.add_argument("--only", action="append", metavar="NAME", help="only this source, or source.table; may be repeated")
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--data", default=os.environ.get("RAPPORT_DATA"), help="the data directory (RAPPORT_DATA)")
    commands.add_parser("check", parents=[sources], help="reach every source, show mapped rows, list every fault")
    sync = commands.add_parser("sync", parents=[sources, data], help="read what is new and publish it")
    sync.add_argument("--full", action="store_true", help="read everything, and find rows that have vanished")
    sync.add_argument("--accept-loss", action="append", metavar="TABLE", help="let this source.table lose more than 20 %% of its rows, this once")
    status = commands.add_parser("status", parents=[data], help="what was published, when, and what is wrong")
    status.add_argument("--json", action="store_true")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    redaction.install()
    top = parser()
    args = top.parse_args(arguments)
    for needed in ("sources", "data"):
        if getattr(args, needed, "") is None:
            top.error(f"--{needed} is needed; say it, or set RAPPORT_{needed.upper()}")
    if args.command == "check":
        return checking.main_check(args)
    from warehouse import commands  # only these need all of the warehouse

    return {"sync": commands.main_sync, "status": commands.main_status}[args.command](args)


if __name__ == "__main__":
    sys.exit(main())
