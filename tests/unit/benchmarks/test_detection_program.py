"""Parts, reports and the streams of the detection program."""

import json
import math

import numpy as np
import pytest

from benchmarks.detection import concepts, faults, parts, realised, report
from benchmarks.detection.estimates_stored import parted, shifted
from benchmarks.detection.experiment import at_most
from benchmarks.detection.injected import FLIP, Change, Raised, seen_of, truth
from benchmarks.detection.injected_backtest import of_alerts
from benchmarks.detection.parts import LONGEST_FIRST, PARTS, Outcome, missing, run
from benchmarks.detection.realised import of_labels, of_p_values
from benchmarks.detection.retake import alarmed_rows
from benchmarks.detection.tables import Cut, counted, encoded, fit_table, pane
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import initial
from detectors.panel.plan import plan


def outcome(figure=1.0, mark=2.0, failed=""):
    return Outcome(name="delay", experiments=[{**at_most("rows", figure, mark), "seconds": 0.5}], failed=failed)


def test_every_part_can_be_run():
    for part in PARTS.values():
        module = __import__(f"benchmarks.detection.{part.module}", fromlist=[part.function])
        assert callable(getattr(module, part.function))
    assert set(LONGEST_FIRST) <= set(PARTS)


def test_a_part_without_its_files_says_which_it_needs(tmp_path):
    assert missing(PARTS["delay"], None) == ""
    assert "airlines.parquet" in missing(PARTS["prior"], None)
    assert "not found" in missing(PARTS["prior"], tmp_path)

    (tmp_path / "airlines.parquet").touch()
    assert missing(PARTS["prior"], tmp_path) == ""


def test_a_part_that_fails_ends_alone_and_fails_the_run(monkeypatch, capsys):
    def broken(quick):
        yield at_most("first", 1.0, 2.0)
        raise ArithmeticError("no more")

    monkeypatch.setattr(faults, "experiments", broken)
    found = run("faults", quick=True, data=None)

    assert [one["name"] for one in found["experiments"]] == ["first"]
    assert found["failed"] == "ArithmeticError: no more"
    assert not report.passed([found])
    assert "no more" in capsys.readouterr().err


def test_a_report_holds_figures_seconds_and_what_was_left_out():
    found = report.values([outcome(math.inf)], [{"name": "prior", "why": "no file"}], 1.0)

    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["experiments"] == [
        {"name": "rows", "mark": "<= 2", "figure": None, "passed": False, "seconds": 0.5},
    ]
    assert found["left_out"] == [{"name": "prior", "why": "no file"}]
    assert {"python", "numpy", "river"} <= set(found["versions"])


def test_a_run_passes_only_if_everything_did():
    assert report.passed([outcome()])
    assert not report.passed([outcome(), outcome(3.0)])
    assert not report.passed([outcome(failed="ValueError: no")])
    assert report.lines([outcome(), outcome(3.0)], [])[-1] == "1 of 2 passed"
    assert "FAIL" in parts.line(at_most("rows", 3.0, 2.0))


def test_the_first_alarm_after_a_drift_is_its_and_all_others_are_false():
    assert concepts.judged([100, 5_050, 6_000, 15_200], [5_000, 10_000, 15_000]) == (pytest.approx(1 / 3), 125.0, 2)
    assert concepts.judged([], [5_000]) == (1.0, math.inf, 0)


def test_sines_keep_their_distribution_and_change_how_they_go_with_others():
    g, place = np.random.default_rng(1), np.arange(5_000)
    first, second, third = (concept(g, place) for concept in concepts.sine_clusters())

    for values in (first, second, third):
        assert values.mean(0) == pytest.approx(np.zeros(4), abs=0.03)
        assert values.std(0) == pytest.approx(np.full(4, np.sqrt(0.5 + 0.0625)), rel=0.03)
    with_third = [np.corrcoef(values[:, 0], values[:, 2])[0, 1] for values in (first, second, third)]
    assert with_third == pytest.approx([0.89, -0.89, 0.0], abs=0.03)


def test_waveforms_have_the_means_of_their_triangles():
    g, place = np.random.default_rng(1), np.arange(20_000)
    plain, raised, mirrored, negative = (concept(g, place).mean(0) for concept in concepts.waveforms())

    # The mean over the three pairs weighs all triangles alike.
    assert plain[[0, 6, 10, 14]] == pytest.approx([0.0, 8 / 3, 10 / 3, 8 / 3], abs=0.05)
    assert raised == pytest.approx(plain + 6, abs=0.1)
    assert mirrored == pytest.approx(6 - plain, abs=0.1)
    assert negative == pytest.approx(-plain, abs=0.1)


def test_a_stream_changes_at_every_multiple_and_never_to_itself():
    levels = [lambda g, place, level=level: np.full((len(place), 1), float(level)) for level in range(3)]
    values = concepts.changing(np.random.default_rng(2), levels, 5_000 * 8 + 10)[:, 0]

    changes = np.flatnonzero(np.diff(values) != 0) + 1
    assert changes.tolist() == [5_000 * i for i in range(1, 9)]


def test_a_new_reference_is_taken_after_an_alarm():
    g = np.random.default_rng(3)
    values = np.concatenate([g.normal(mean, 1, 5_000) for mean in (0, 3, 0)])
    found = alarmed_rows({"x": values, "y": g.standard_normal(15_000)}, concepts.SETTING)

    assert len(found) == 2
    # The second scale has rows enough, whatever the design effect of so few panes is said to be.
    assert 5_000 < found[0] <= 5_400
    assert 10_000 < found[1] <= 10_400


def test_a_table_is_coded_as_its_reference_was():
    g = np.random.default_rng(4)
    columns = {"x": g.standard_normal(6_000), "level": np.array(["a", "b", None], object)[g.integers(0, 3, 6_000)]}
    panel = fit_table(columns, {"x": "number", "level": "category", "none": "number"}, Cut(100, 60))
    codes = encoded(panel, columns, 6_000)
    counts = counted(codes, panel.shares.shape[1], 100)

    assert counts.shape == (60, 3, panel.shares.shape[1])
    assert (counts.sum(2) == 100).all()
    assert counts[:, 1].sum(0)[:4].tolist() == [
        (columns["level"] == None).sum(), 0, *sorted([(columns["level"] == one).sum() for one in "ab"], reverse=True),  # noqa: E711
    ]  # fmt: skip
    assert (codes[2] == 0).all()
    one = pane(panel, codes[:, :100])
    assert one.rows == 100
    assert (one.counts == counts[0]).all()


def test_what_is_wrong_with_a_verdict_is_found():
    g = np.random.default_rng(0)
    gauge = plan(fit_table(faults.table(g, 80 * 500), faults.KINDS, Cut(500, 80)))
    assert faults.wrong(lambda gauge, g: [str(1 / 0)], gauge, g) == ["ZeroDivisionError: division by zero"]
    assert faults.wrong(lambda gauge, g: [str(np.log(np.zeros(1)))], gauge, g)[0].startswith("RuntimeWarning")

    state, vanished = initial(gauge.panel), faults.CHANGES["a column vanishes"](faults.table(g, 500))
    _, verdict = tick(gauge, state, pane(gauge.panel, encoded(gauge.panel, vanished, 500)))
    assert [gauge.panel.names[f] for f in verdict.features] == ["normal"]
    assert faults._not_numbers(verdict) == []
    assert faults._not_numbers(verdict._replace(p=verdict.p * np.nan)) == ["p"]
    assert faults._not_numbers(verdict._replace(log_evidence=np.array([np.nan]))) == ["evidence"]


def test_only_alarms_that_no_change_explains_are_false(tmp_path):
    changes = [Change("scale", "time", 1_000, 2_000), Change("prior", None, 9_000, 9_500)]
    raised = [Raised(900, ("x",)), Raised(1_200, ("time", "x")), Raised(3_500, ("time",)), Raised(4_500, ("time",))]

    seen = seen_of(raised, changes)

    assert seen.first == {"scale time": ("time", "x")}
    # The first, and the last beyond what windows still hold; two features, two incidents.
    assert seen.false == 2

    told = {"reference_rows": [0, 500], "events": [{"kind": FLIP, "start": 7, "end": 9}]}
    (tmp_path / "truth.json").write_text(json.dumps(told))
    assert truth(tmp_path / "truth.json") == ([Change(FLIP, None, 7, 9)], 500)


def alert(kind, row, *features, severity="warn"):
    return {"kind": kind, "severity": severity, "opened_row": row, "features": list(features)}


def test_a_backtest_is_judged_by_its_incidents():
    changes = [
        Change("scale", "time", 1_000, 2_000),
        Change("prior", None, 9_000, 9_500),
        Change(FLIP, None, 20_000, 21_000),
    ]
    alerts = [
        alert("drift", 1_500, "time", "length"),
        alert("drift", 1_600, "length"),
        alert("quality", 9_400, "score"),
        alert("performance", 20_500, severity="page"),
        alert("drift", 5_000, "flight", severity="info"),
        alert("drift", 15_000, "flight"),
        alert("performance", 16_000, severity="page"),
    ]

    judged = of_alerts(alerts, changes)

    assert judged._asdict() == {"found": 2, "first": 1, "false": 2, "false_pages": 1, "blamed": 0}
    assert of_alerts([*alerts, alert("drift", 20_600, "time")], changes).blamed == 1


def test_windows_move_with_their_driver_and_hold_a_row_once():
    g, driver = np.random.default_rng(5), np.random.default_rng(6).standard_normal(20_000)
    known, others = parted(g, 20_000, 5_000)
    assert sorted([*known, *others]) == list(range(20_000))

    windows = [shifted(g, driver, others, 1_000) for _ in range(40)]
    assert all(len(set(window.tolist())) == 1_000 for window in windows)
    assert not set(windows[0].tolist()) & set(known.tolist())
    means = np.array([driver[window].mean() for window in windows])
    assert means.min() < -0.4
    assert means.max() > 0.4


def test_evidence_alarms_no_more_often_than_it_promises(monkeypatch):
    monkeypatch.setattr(realised, "CHAIN_TICKS", 2_000)
    monkeypatch.setattr(realised, "LABEL_TICKS", 2_000)
    g = np.random.default_rng(7)
    assert of_p_values(g, 10.0, chains=40) > 5
    assert of_labels(g, 10.0, chains=40) > 3
