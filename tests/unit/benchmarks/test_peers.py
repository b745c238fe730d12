"""Streams, judgements and reports of the comparison with other libraries, and what their scripts share."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import environments, figures, jobs, judge, ours, report, streams
from benchmarks.peers.environments import NotInstalledError, interpreter, requirements
from benchmarks.peers.figures import Ours, marks, rows_of
from benchmarks.peers.jobs import FULL, PEERS, QUICK, case_name, judged, null_name
from benchmarks.peers.judge import Delays, Method, alarms_at, delays, delays_of, of_rows, threshold_for
from benchmarks.peers.streams import CASES, FEATURES, NULLS, SIZES, Size, changed, quiet

SMALL = Size(window=100, reference=3, null=4, after=2)
SCRIPTS = Path(environments.HERE) / "scripts"


def test_a_threshold_lets_as_many_false_alarms_through_as_are_allowed():
    scores = np.random.default_rng(1).standard_normal((50, 20))
    for allowed in (0, 1, 7):
        threshold = threshold_for(scores, allowed)
        assert alarms_at(scores, threshold) == allowed
        assert alarms_at(scores, np.nextafter(threshold, -np.inf)) == allowed + 1
    assert alarms_at(scores, threshold_for(scores, 2_000)) == 1_000


def test_equal_scores_do_not_slip_through_a_threshold():
    assert alarms_at(np.ones((3, 4)), threshold_for(np.ones((3, 4)), 2)) == 0


def test_delays_are_counted_to_the_end_of_the_first_window_that_alarms():
    scores = np.array([[0.0, 5.0, 0.0], [9.0, 0.0, 0.0], [0.0, 0.0, 0.0]])

    assert delays(scores, 4.0, window=200) == Delays(400.0, pytest.approx(1 / 3))
    assert of_rows(np.array([100.0, np.inf, np.inf])) == (math.inf, pytest.approx(2 / 3))


def test_a_sequential_method_is_set_to_the_most_sensitive_value_that_is_rare_enough():
    null = {"default": "a", "alarms": {"a": [[1, 2], [5]], "b": [[], [7]], "c": [[], []]}}
    method = Method(null, 2)

    assert method.is_sequential
    assert [method.alarms(value) for value in "abc"] == [3, 1, 0]
    assert [method.setting_for(allowed) for allowed in (0, 1, 2, 3)] == ["c", "b", "b", "a"]
    assert Method({"default": "a", "alarms": {"a": [[1], []]}}, 2).setting_for(0) is None
    assert delays_of(null, "b", window=100) == Delays(math.inf, 0.5)
    assert delays_of(null, "a", window=100) == Delays(5.0, 0.0)


def test_a_method_without_a_default_has_none():
    assert Method({"threshold": None, "scores": [[1.0]]}, 1).default is None
    assert Method({"threshold": 0.5, "scores": [[1.0]]}, 1).alarms(0.5) == 1


@pytest.mark.parametrize("name", NULLS)
def test_quiet_streams_have_one_law_throughout(name):
    reference, lead, rows = quiet(name, SMALL)
    assert reference.shape == (300, FEATURES)
    assert rows.shape == (400, FEATURES)
    assert lead.shape == (0, FEATURES)
    assert (quiet(name, SMALL).rows == rows)[~np.isnan(rows)].all()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_changes_are_what_their_names_say(case):
    g, rows = np.random.default_rng(3), 40_000
    before = NULLS[case.null][1](g, rows, 4)
    after = case.change(before, g)
    said = {
        "+.1 sd": lambda: np.nanmean(after - before) == pytest.approx(0.1),
        "+.2 sd": lambda: np.nanmean(after - before) == pytest.approx(0.2),
        "+.3 sd": lambda: np.nanmean(after - before) == pytest.approx(0.3),
        "scale x 1.1": lambda: after.std() == pytest.approx(1.1, rel=0.01),
        "3 % spike": lambda: (after == 0.123).mean() == pytest.approx(0.03, rel=0.05),
        "1 % tail": lambda: (after == 6.0).mean() == pytest.approx(0.01, rel=0.1),
        "AR .9, +.3 sd": lambda: np.corrcoef(after[1:, 0], after[:-1, 0])[0, 1] == pytest.approx(0.9, abs=0.01),
        "5 % of a level to another": lambda: (after != before).mean() == pytest.approx(0.05, rel=0.05),
        "missing 1 % to 3 %": lambda: np.isnan(after).mean() == pytest.approx(0.03, rel=0.05),
        "correlation 0 to .3 of a pair": lambda: (
            np.corrcoef(after[:, 0], after[:, 1])[0, 1] == pytest.approx(0.3, abs=0.02)
            and after[:, 1].std() == pytest.approx(1.0, rel=0.02)
        ),
    }
    assert said[case.name]()


def test_a_changed_stream_is_quiet_until_its_change_and_other_trials_differ():
    case = next(case for case in CASES if case.name == "+.3 sd")
    first, second = (changed(case, SIZES[1], trial) for trial in (0, 1))

    assert len(first.lead) == streams.LONGEST_LEAD * 200
    assert first.lead.mean() == pytest.approx(0, abs=0.01)
    assert first.rows.mean() == pytest.approx(0.3, abs=0.01)
    assert not (first.rows == second.rows).any()


def test_our_gauge_sees_a_large_change_and_nothing_before_it():
    size = Size(window=800, reference=60, null=4, after=4)
    case = streams.Case("+1 sd", "number", "iid", lambda rows, g: rows + 1.0)
    reference, lead, rows = streams.Streams(*(part[:, :2] for part in _changed(case, size)))

    assert ours.delays([streams.Streams(reference, lead, rows)], "number", size) == Delays(800.0, 0.0)
    calm = streams.Streams(reference, lead[:0], lead[: 4 * 800])
    assert ours.false_alarms(calm, "number", size) == 0


def _changed(case, size):
    g = np.random.default_rng(5)
    values = streams.normal(g, size.window * (size.reference + streams.LONGEST_LEAD + size.after), FEATURES)
    change = size.window * (size.reference + streams.LONGEST_LEAD)
    return values[: size.reference_rows], values[size.reference_rows : change], case.change(values[change:], g)


def test_tasks_name_files_with_the_rows_and_what_is_allowed(tmp_path):
    plan = jobs.Plan((SMALL,), 400, marks_delays=False, cases=CASES[:1])
    tasks = judged(plan, {SMALL: dict.fromkeys(NULLS, 3)}, tmp_path)

    assert [task["name"] for task in tasks] == [
        *(null_name(name, SMALL) for name in NULLS),
        case_name(CASES[0], SMALL, 0),
    ]
    assert all(task["allowed"] == 3 for task in tasks[:-1])
    assert tasks[-1]["null"] == null_name("iid", SMALL)
    with np.load(tasks[0]["file"]) as held:
        assert held["reference"].shape == (300, FEATURES)
    timed = jobs.timed(plan, tmp_path)
    assert [task["window"] for task in timed] == [100, 400]


def answer_of(null, after, threshold=0.5):
    """Return what a peer says of one stream without a change and of one with it."""
    task = {"KS": {"threshold": threshold, "scores": null}}
    quiet_tasks = {null_name(name, SMALL): task for name in ("iid", "AR .9")}
    changed_task = {case_name(CASES[0], SMALL, 0): {"KS": {"threshold": threshold, "scores": after}}}
    return {"version": "1", "tasks": quiet_tasks | changed_task, "speed": {}, "seconds": {}}


PLAN = jobs.Plan((SMALL,), 400, marks_delays=True, cases=CASES[:1])


def test_a_peer_is_judged_at_its_default_and_as_quiet_as_we_are():
    null = np.linspace(0, 1, 4 * FEATURES).reshape(4, FEATURES)
    after = np.stack([np.full(FEATURES, 0.6), np.full(FEATURES, 2.0)])
    mine = Ours({"iid": 0, "AR .9": 0}, {"+.1 sd": Delays(100.0, 0.0)})

    (row,) = rows_of("peer", answer_of(null, after), SMALL, mine, PLAN)

    assert row.false == {"iid": 500.0, "AR .9": 500.0}
    assert row.at_default == {"+.1 sd": Delays(100.0, 0.0)}
    assert row.rethresholded == {"+.1 sd": Delays(200.0, 0.0)}


def test_marks_say_where_a_peer_is_better():
    null, after = np.zeros((4, FEATURES)), np.full((2, FEATURES), 0.4)
    mine = Ours({"iid": 1, "AR .9": 0}, {"+.1 sd": Delays(200.0, 0.0)})
    rows = rows_of("peer", answer_of(null, after), SMALL, mine, PLAN)
    speed = {"windows": {figures.OURS: 100.0, "peer": 50.0}}

    found = {mark["name"]: mark for mark in marks(rows, {SMALL: mine}, speed, PLAN)}

    assert [mark["passed"] for mark in found.values()] == [False, False, False, False]
    assert [mark["figure"] for mark in found.values()] == [math.inf, 2.0, 0.0, 2.0]
    without = marks(rows, {SMALL: mine}, speed, PLAN._replace(marks_delays=False))
    assert len(without) == 2


def test_never_is_later_than_anything_and_a_draw_with_never():
    assert figures._ratio(math.inf, math.inf) == 1.0
    assert figures._ratio(math.inf, 100.0) == math.inf
    assert figures._ratio(100.0, math.inf) == 0.0
    assert figures._ratio(0.0, 0.0) == 0.0
    assert figures._ratio(1.0, 0.0) == math.inf


def test_a_report_writes_never_as_null_and_says_it_in_words():
    mine = Ours({"iid": 0, "AR .9": 0}, {"+.1 sd": Delays(math.inf, 0.6)})
    rows = rows_of("peer", answer_of(np.zeros((4, FEATURES)), np.zeros((2, FEATURES))), SMALL, mine, PLAN)
    speed = {"windows": {figures.OURS: 100.0, "peer": 50.0}}
    found = marks(rows, {SMALL: mine}, speed, PLAN)

    told = report.values(rows, {SMALL: mine}, speed, found)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["figures"]["ours"]["delays"] == {"n 100": {"+.1 sd": {"rows": None, "missed": 0.6}}}
    text = "\n".join(report.lines(rows, {SMALL: mine}, speed, found))
    assert "never (60%)" in text
    assert "peer KS" in text


def test_every_peer_has_pinned_requirements_and_a_script():
    for peer in PEERS:
        pins = requirements(peer).read_text().splitlines()
        assert all("==" in pin for pin in pins)
        assert any(pin.startswith(f"{peer}==") for pin in pins)
        assert (SCRIPTS / f"run_{peer.replace('-', '_')}.py").is_file()
    assert FULL.marks_delays
    assert not QUICK.marks_delays


def test_a_peer_that_cannot_be_installed_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(environments.shutil, "which", lambda name: str(tmp_path / "no-uv"))
    with pytest.raises(NotInstalledError, match="no-uv"):
        interpreter("river", tmp_path)


def test_an_environment_is_made_once(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(environments, "_uv", lambda *arguments: made.append(arguments) or _folder_of(arguments))

    first, second = interpreter("river", tmp_path), interpreter("river", tmp_path)

    assert first == second
    assert [arguments[0] for arguments in made] == ["venv", "pip"]


def _folder_of(arguments):
    if arguments[0] == "venv":
        Path(arguments[-1]).mkdir(parents=True)


@pytest.fixture
def wire(monkeypatch):
    spec = importlib.util.spec_from_file_location("wire", SCRIPTS / "wire.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_script_answers_the_tasks_that_it_knows(wire, tmp_path, monkeypatch):
    file, job, out = tmp_path / "rows.npz", tmp_path / "job.json", tmp_path / "out.json"
    np.savez(file, reference=np.zeros((4, 2)), rows=np.arange(8.0).reshape(4, 2))
    tasks = [{"name": kind, "kind": kind, "file": str(file), "window": 2} for kind in ("number", "joint", "speed")]
    job.write_text(json.dumps({"tasks": tasks, "out": str(out)}))
    monkeypatch.setattr(sys, "argv", ["script", str(job)])

    def numbers(reference, rows, task):
        return {"mean": wire.scored(0.5, [window.mean(0) for window in wire.windows(rows, task)])}

    wire.run("1.2", {"number": numbers}, lambda reference, window: {"path": lambda rows: None})

    told = json.loads(out.read_text())
    assert told["version"] == "1.2"
    assert told["tasks"] == {"number": {"mean": {"threshold": 0.5, "scores": [[1.0, 2.0], [5.0, 6.0]]}}}
    assert told["speed"]["speed"]["path"]["rows"] == 4
    assert wire.surprise(0.001) == pytest.approx(3)
    assert wire.surprise(0.0) == pytest.approx(300)


def test_a_script_that_fails_is_told_by_its_last_line(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "HERE", tmp_path)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "run_river.py").write_text("raise ValueError('no drift today')")

    with pytest.raises(jobs.FailedError, match="no drift today"):
        jobs.answer("river", Path(sys.executable), [], tmp_path)


def test_scores_are_judged_as_they_come_from_json():
    assert judge.alarms_at(np.array([[1.0, 2.0]]), 2.0) == 1
