"""A sync from the screen is the sync of the command line: the same sources are accepted, the same tables refused."""

import connectors.sources
from ui import syncing
from warehouse.errors import StoreError


def test_a_missing_file_is_no_reason_not_to_begin(tmp_path, monkeypatch):
    begun = []

    def sync(declared, *args, **further):
        begun.append(declared)
        raise StoreError("enough")

    monkeypatch.setattr(syncing, "sync", sync)
    monkeypatch.setattr(connectors.sources, "load", lambda path, files=True, **further: {"files": files})
    job = syncing.Job()
    syncing._run(job, tmp_path / "sources.toml", tmp_path / "data", None)
    assert begun == [{"files": False}] and job.error == "enough" and not job.is_running


def test_what_nobody_expected_is_told_by_a_code_and_stands_in_the_log(tmp_path, monkeypatch, caplog):
    def sync(*args, **further):
        raise RuntimeError("unforeseen in /srv")

    monkeypatch.setattr(syncing, "sync", sync)
    monkeypatch.setattr(connectors.sources, "load", lambda path, **further: None)
    job = syncing.Job()
    syncing._run(job, tmp_path / "sources.toml", tmp_path / "data", None)
    assert job.error is None and job.code in caplog.text and "unforeseen" in caplog.text and not job.is_running
