"""The measurements themselves: what the load client is told about a process, which parts there are, what a report says."""

import argparse
import os
import subprocess
import sys
import time

import pytest

from benchmarks import load, measure, run, serving


def test_a_process_tells_its_memory_and_its_cpu_time():
    process, before = load.Process(), load.Process().cpu_times()
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    used = sum(process.cpu_times()) - sum(before)
    assert 0.15 < used < 2 and process.memory_info().rss > 10_000_000
    assert process.pid == os.getpid()


def test_a_process_tells_whom_it_has_started():
    def children() -> set[int]:
        return {child.pid for child in load.Process().children(recursive=True)}

    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as started:
        assert started.pid in children()
        started.communicate(b"\n")
    assert started.pid not in children()


@pytest.mark.parametrize(("text", "parts"), [("sql", ("sql",)), ("sync,pages", ("sync", "pages"))])
def test_parts_are_named_by_comma(text, parts):
    assert run._parts(text) == parts


def test_an_unknown_part_is_refused_with_those_there_are():
    with pytest.raises(argparse.ArgumentTypeError, match="no part speed; there are sync, sql"):
        run._parts("speed,sql")


def test_the_reports_head_says_what_ran_where():
    text = run.report(200_000, [measure.Section("Sync", "fast", ("what", "s"), [("files", 1.0)])])
    assert "--lines 200000" in text and "cores" in text and "| files | 1.00 |" in text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("widget: selectbox 'Grain' key=f_grain fragment=- ['Day', 'Week']", ("f_grain", "selectbox", False)),
        ("widget: button_group '' key=nps_column fragment=4c25 ['Region', 'Grade']", ("nps_column", "button_group", True)),
        ("widget: selectbox 'Region' key= fragment=- ['North', 'South']", ("Region", "selectbox", False)),
    ],
)
def test_widgets_are_read_from_what_the_client_lists(monkeypatch, line, expected):
    client = serving.Client(run.ROOT)
    monkeypatch.setattr(client, "run", lambda *_: ({}, [line, "widget: button 'Go' key=go fragment=- []"]))
    assert client.widgets(None, "") == [expected]


def test_one_filter_of_the_page_and_one_of_a_card_are_chosen():
    widgets = [("f_period", "selectbox", False), ("f_grain", "selectbox", False), ("nps_column", "button_group", True), ("other", "radio", True)]
    assert serving._chosen(widgets) == [("f_grain", "page"), ("nps_column", "card")]
    assert serving._chosen([]) == []
