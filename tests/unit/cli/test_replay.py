"""`streamgauge replay` and `streamgauge lineages` from the side of who types them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from stream.cli.replay import _line
from stream.ops.lineages import Lineage, LineageError, Switch
from stream.ops.replay import Progress, ReplayReport
from stream.ops.replay_compare import Comparison

DAY_MS = 86_400_000
COMPARED = Comparison(
    ("live1",), True, 0, 2 * DAY_MS, rows=9, live_rows=9, equal=4, differing=0, alarms={"drift": (2, 1)}
)  # fmt: skip
REPORT = ReplayReport(
    "shadow1", "r1", "m", "m", 3, "ref", 1_200, 2, 30, 0, 2 * DAY_MS, 1.5, 800.0, {0: (0, 9)}, COMPARED, True,
    ("a warning",), "streamgauge lineages switch m shadow1",
)  # fmt: skip


@pytest.fixture
def replay(run, monkeypatch):
    """Run the command against what the replay returns or raises; return its result and what was asked for."""
    asked = []

    def go(outcome, *arguments):
        def made(_settings, wanted, _tell, wait_for_live):
            asked.append((wanted, wait_for_live))
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr("stream.ops.controls.require_kafka", lambda _: None)
        monkeypatch.setattr("stream.ops.replay.replay", made)
        return run("replay", "m", *arguments), asked[-1]

    return go


@pytest.mark.parametrize(
    ("changes", "arguments", "code"),
    [
        ({}, (), 0),
        ({}, ("--check",), 0),
        ({"differing": 1}, (), 0),
        ({"differing": 1}, ("--check",), 1),
        ({"equal": 0}, ("--check",), 1),
        ({"is_alike": False}, ("--check",), 1),
    ],
)
def test_a_check_fails_unless_all_sums_are_equal(replay, changes, arguments, code):
    report = replace(REPORT, compared=replace(COMPARED, **changes))
    result, (_, wait_for_live) = replay(report, *arguments)
    assert (result.exit_code, wait_for_live) == (code, "--check" in arguments)
    assert replay(report, *arguments, "--json")[0].exit_code == code


def test_the_report_says_what_was_read_how_it_compares_and_what_is_next(replay):
    words = replay(REPORT)[0].output
    for said in (
        "shadow lineage shadow1 of monitor m", "1,200 rows in 1.5 s (800 rows/s)", "2 final panes", "a warning",
        "live1 (which measures alike)", "4 equal, 0 differ", "drift incidents: live 2, shadow 1",
        "streamgauge lineages switch m shadow1",
    ):  # fmt: skip
        assert said in words
    assert json.loads(replay(REPORT, "--json")[0].stdout)["compared"]["alarms"] == {"drift": [2, 1]}


def test_a_replay_without_a_final_pane_offers_no_switch(replay):
    words = replay(replace(REPORT, panes=0, compared=Comparison((), False, 0, 0)))[0].output
    assert "No pane became final" in words
    assert "lineages switch" not in words


def test_times_are_those_of_the_log_in_utc(replay):
    _, (wanted, _) = replay(REPORT, "--from", "2026-03-01", "--to", "2026-03-01T12:00:00+02:00", "--rate", "500")
    assert (wanted.to_ms - wanted.from_ms, wanted.rate) == (10 * 3_600_000, 500)


def test_ctrl_c_says_what_is_there_and_what_to_do(replay):
    result, _ = replay(KeyboardInterrupt())
    assert result.exit_code == 130
    assert "run the same command again" in result.output


def test_progress_says_position_rate_and_what_is_left():
    line = _line(Progress(1, 4, 10_000, 2.0, 1_356_998_400_000))
    assert line == "25 %, log of 2013-01-01, 10,000 rows, 5,000 rows/s, about 6 s left"
    assert _line(Progress(0, 4, 0, 0.0, 0)).endswith("0 rows, 0 rows/s, about 0 s left")


LIVE = Lineage("live1", "m", "m", 3, "abc", 3600, DAY_MS, 0, 9 * DAY_MS, True, False, True, "", "", 0, 12_345)
SHADOW = Lineage(
    "shadow1", "m", "m", 3, "", 3600, 0, 0, DAY_MS, False, True, False, "stopped", "ann", 0, 7
)  # fmt: skip


@pytest.fixture
def lineages(run, monkeypatch):
    class Client:
        def close(self):
            pass

    monkeypatch.setattr("stream.ops.reader.require_clickhouse", lambda _settings: None)
    monkeypatch.setattr("stream.clickhouse.client.connect", lambda *_, **__: Client())
    return run


def test_the_list_tells_live_from_shadow(lineages, monkeypatch):
    monkeypatch.setattr("stream.ops.lineages.ls", lambda *_: [LIVE, SHADOW])
    for command in (("lineages",), ("lineages", "ls")):
        first, second = lineages(*command).output.splitlines()[1:]
        assert first.split()[:6] == ["live1", "m", "3", "abc", "live", "yes"]
        assert "12,345" in first and "now" in first  # noqa: PT018
        assert "shadow (stopped)" in second and second.endswith("by ann")  # noqa: PT018
    listed = json.loads(lineages("lineages", "ls", "--json").stdout)["lineages"]
    assert [one["lineage"] for one in listed] == ["live1", "shadow1"]


def test_a_switch_says_how_to_undo_it(lineages, monkeypatch):
    made = Switch("m", "m", 1, "switch", "shadow1", ["live1"], 0, DAY_MS, 0, "ann")
    monkeypatch.setattr("stream.ops.lineages.switch", lambda *_: made)
    monkeypatch.setattr("stream.ops.lineages.back", lambda *_: replace(made, lineage="", action="back"))
    assert "streamgauge lineages back m" in lineages("lineages", "switch", "m", "shadow1").output
    assert "live lineages alone" in lineages("lineages", "back", "m").output
    assert json.loads(lineages("lineages", "back", "m", "--json").stdout)["action"] == "back"


def test_what_cannot_be_is_exit_code_1_and_a_drop_asks_first(lineages, monkeypatch):
    def refuse(*_):
        raise LineageError("it is live")

    for name in ("switch", "drop"):
        monkeypatch.setattr(f"stream.ops.lineages.{name}", refuse)
    result = lineages("lineages", "switch", "m", "x")
    assert (result.exit_code, result.output.strip()) == (1, "it is live")
    asked = lineages("lineages", "drop", "x")
    assert "for good?" in asked.output and "it is live" not in asked.output  # noqa: PT018
    assert "it is live" in lineages("lineages", "drop", "x", "--yes").output


def test_without_clickhouse_the_exit_code_is_3(run):
    assert run("lineages").exit_code == 3
