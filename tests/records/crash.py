"""A program that restores a backup and is killed in the middle: `python -m tests.records.crash URL FILE`."""

import datetime as dt
import os
import signal
import sys
from pathlib import Path

from records import backup, database

LAST = "targets"  # the table before whose rows it dies


def dying(connection, table, *args, load=backup._load):
    if table.name == LAST:
        os.kill(os.getpid(), signal.SIGKILL)
    load(connection, table, *args)


if __name__ == "__main__":
    backup._load = dying
    backup.restore(database.connect(Path(), sys.argv[1]), Path(sys.argv[2]), dt.datetime.now(dt.UTC), replace=True)
