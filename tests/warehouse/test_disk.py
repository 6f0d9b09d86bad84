"""A disk that is full during a sync: a clear message, the last snapshot intact, and the next sync completes."""

import random
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warehouse import scripted
from tests.warehouse.scripted import Company, customer
from warehouse import store

WORDS = r"disk holding .* is full.*Nothing was published; the last snapshot stays in force"


def grown(data, n=12_000):
    """A company whose second sync needs some megabytes: long names that do not compress."""
    c, letters = Company(data, incremental="changed"), random.Random(7)
    c.rows.extend(customer(i, hour=i) for i in range(30))
    first = c.sync()
    c.rows.extend(customer(100 + i, "".join(letters.choices("abcdefghij", k=200)), hour=50 + i / 1000) for i in range(n))
    return c, first


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a disk of some megabytes at a folder; needs root."""
    folder, mounted = tmp_path / "disk", []
    folder.mkdir()

    def mount(options):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
        if done.returncode:
            pytest.skip("mounting a small disk needs root")
        mounted[:] = [folder]
        return folder

    yield mount
    for path in mounted:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.mark.parametrize("size, where", [("2m", "could not sync"), ("5600k", "could not write table 'customers'")])
def test_a_full_disk(small_disk, monkeypatch, size, where):
    monkeypatch.setattr(scripted, "BATCH", 1000)
    disk = small_disk(f"size={size}")
    c, first = grown(disk / "data")
    before = c.stored()
    with pytest.raises(store.StoreError, match=where + ".*" + WORDS):
        c.sync()
    assert (store.latest(c.data).id, c.stored()) == (first.snapshot, before)
    small_disk("remount,size=64m")
    assert (c.sync().exit_code, len(c.stored())) == (0, 12_030)


LIMITED = """
import resource, sys
from pathlib import Path
from tests.warehouse import scripted, test_disk
from warehouse import marts, store
marts.MARTS, scripted.BATCH = {}, 1000
c, first = test_disk.grown(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    c.sync()
except store.StoreError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert store.latest(c.data).id == first.snapshot and len(c.stored()) == 30
files = sum(1 for _ in store.folder(c.data, "customers").glob("*.parquet"))
assert files == 1, f"{files} files: the interrupted sync left some behind"
assert c.sync().exit_code == 0 and len(c.stored()) == 12_030
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="this system has no limit on file sizes")
@pytest.mark.parametrize("limit", [100_000, 1_200_000])
def test_a_file_that_may_not_grow(tmp_path, limit):
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "data"), str(limit)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "is full" in done.stdout and "Nothing was published" in done.stdout
