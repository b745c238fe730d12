"""What river's detectors say in a backtest: told apart from what is alarmed."""

import json

import numpy as np
from rich.console import Console

from stream.cli.backtest_view import show
from tests.backtests import columns_of, run, spec_of

N, FIRST = 400_000, 300_000
DETECTORS = [
    {"name": "ADWIN", "on": "mean", "feature": "x", "params": {"clock": 1}},
    {"name": "DDM", "on": "error"},
    {"name": "ADWIN", "on": "rows", "params": {"clock": 1}},
]


def test_signals_are_reported_with_their_rows_beside_the_alerts(tmp_path):
    columns = columns_of(N)
    columns["x"] = columns["x"] + np.where(np.arange(N) < FIRST, 0.0, 2.0)
    done = run(tmp_path, columns, spec_of(detectors=DETECTORS))
    without = run(tmp_path, columns, spec_of())
    found = json.loads(json.dumps(done.report.to_json(), allow_nan=False))
    by_name = {(each["detector"], each["on"]): each for each in found["detectors"]}

    mean = by_name["ADWIN(clock=1)", "mean"]
    assert mean["feature"] == "x"
    assert mean["panes"] >= 40
    assert [signal for signal in mean["signals"] if signal["first_row"] < FIRST - 3_600] == []
    assert any(signal["last_row"] >= FIRST and signal["value"] > 0.5 for signal in mean["signals"])
    assert by_name["ADWIN(clock=1)", "rows"]["signals"] == []
    assert by_name["DDM", "error"]["feature"] is None
    assert found["verdicts"] == without.report.to_json()["verdicts"]
    assert found["alerts"] == without.report.to_json()["alerts"]

    console = Console(width=120, record=True, force_terminal=False)
    show(console, done, "monitor.yaml", "rows.parquet")
    said = console.export_text()
    assert "river's detectors, for information: not held to the budget" in said
    assert "x mean" in said
