"""What ``streamgauge demo`` makes of what a demo found; the demo itself is replaced."""

import json
from contextlib import contextmanager
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from stream.cli.main import app
from stream.demo import run
from stream.demo.errors import DemoError
from stream.demo.findings import Findings, Flow
from stream.demo.report import Place

FLOW = Flow(10, 10, 10, 0, 0, 0, 0, 0)
FOUND = Findings(
    kafka_version="4.3.1", clickhouse_version="26.9", flights_by_fate={"labelled": 10}, predictions=FLOW,
    labels=FLOW, panes={}, statistics={}, alerts=(), retrains=(), versions=(), champion="", months=(),
    digest="ab" * 32, audit_differences=0, audit_compared={}, seconds=1, rss_mb=1,
)  # fmt: skip


@pytest.fixture
def finds(monkeypatch):
    asked = []

    def give(found):
        @contextmanager
        def demo(_base, options, _console):
            asked.append(options)
            if isinstance(found, BaseException):
                raise found
            yield found, Place("k:1", "http://c:2", "/data", "")

        monkeypatch.setattr(run, "demo", demo)
        return asked

    return give


def test_it_ends_after_the_report_where_nobody_watches(finds, tmp_path):
    asked = finds(FOUND)
    path = tmp_path / "out.json"
    result = CliRunner().invoke(app, ["demo", "--json", str(path), "--days", "3", "--chaos", "5"])
    assert result.exit_code == 0, result.output
    assert asked == [run.Options(3, 5)]
    assert json.loads(path.read_text())["digest"] == "ab" * 32
    assert "(stopped; the data stay)" in " ".join(result.output.split())


@pytest.mark.parametrize(
    "change",
    [{"audit_differences": 1}, {"labels": replace(FLOW, sent=11)}, {"predictions": replace(FLOW, used=9)}],
)
def test_what_is_not_sound_is_exit_code_1(finds, change):
    finds(replace(FOUND, **change))
    assert CliRunner().invoke(app, ["demo"]).exit_code == 1


def test_a_demo_that_cannot_go_on_says_why_in_a_sentence(finds):
    finds(DemoError("the system did not catch up"))
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 3
    assert result.output.strip() == "the system did not catch up"


def test_ctrl_c_is_no_traceback(finds):
    finds(KeyboardInterrupt())
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 130
    assert "Traceback" not in result.output


def test_days_are_at_least_one():
    with pytest.raises(ValueError, match="days"):
        run.Options(days=0)
