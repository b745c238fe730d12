"""`streamgauge backtest` from the side of who types it."""

from __future__ import annotations

import io
import json

import pytest
import yaml

from stream.cli.backtest_progress import Shown
from tests.backtests import columns_of, spec_of, written

ROWS, CHANGE = 60_000, 50_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("backtest")
    spec = spec_of(pane="10m", reference={"first": "60 panes"}).to_values()
    (path / "monitor.yaml").write_text(yaml.safe_dump(spec))
    columns = columns_of(ROWS)
    written(path / "same.parquet", columns)
    columns["x"] = columns["x"].copy()
    columns["x"][CHANGE:] += 0.5
    written(path / "shifted.parquet", columns)
    return path


@pytest.fixture(autouse=True)
def _narrow(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_where_nothing_changed_it_says_so_and_ends_with_0(run, folder):
    result = run("backtest", str(folder / "monitor.yaml"), str(folder / "same.parquet"))
    assert result.exit_code == 0
    assert "m: 60,000 rows of" in result.stdout
    assert "reference: 36,000 rows in 60 panes" in result.stdout
    assert "warning: 60 panes: enough to alarm, 200 wanted" in result.stdout
    assert "no column event_time: one row a second" in result.stdout
    assert "Nothing found in 24,000 rows. To watch it live: streamgauge spec apply" in flat(result.stdout)


def test_what_changed_is_drawn_told_and_ends_with_1(run, folder, tmp_path):
    path = tmp_path / "result.json"
    result = run("backtest", str(folder / "monitor.yaml"), str(folder / "shifted.parquet"), "--json", str(path))
    assert result.exit_code == 1
    (alert,) = json.loads(path.read_text())["alerts"]
    assert alert["features"] == ["x"]
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("x ")]
    assert line.index("·") < line.index("▼") < line.index("█")
    assert f"{alert['first_row']:,}–{alert['last_row']:,}" in result.stdout
    assert f"1 incident in 24,000 rows. Look at rows {alert['first_row']:,} to" in flat(result.stdout)


def test_no_line_is_wider_than_80_columns_or_coloured_when_piped(run, folder):
    result = run("backtest", str(folder / "monitor.yaml"), str(folder / "shifted.parquet"), "--budget", "1/30d")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "\x1b" not in result.output


def test_json_alone_goes_to_standard_output(run, folder):
    result = run("backtest", str(folder / "monitor.yaml"), str(folder / "shifted.parquet"), "--json", "-")
    assert (result.exit_code, json.loads(result.stdout)["rows"]) == (1, ROWS)


def test_sweeps_are_a_table(run, folder):
    sweeps = ("--budget", "1/90d,1/30d", "--tolerance", ".01")
    result = run("backtest", str(folder / "monitor.yaml"), str(folder / "shifted.parquet"), *sweeps)
    assert "other budgets and tolerances" in result.stdout
    rows = [line.split()[:3] for line in result.stdout.splitlines() if "/" in line and line.strip().startswith("1/")]
    assert rows == [["1/90d", "0.02", "1"], ["1/30d", "0.02", "1"], ["1/90d", "0.01", "1"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("monitor.yaml", "monitor.yaml"), "cannot be read as Parquet"),
        (("monitor.yaml", "none.parquet"), "does not exist"),
        (("same.parquet", "same.parquet"), "not UTF-8"),
        (("monitor.yaml", "same.parquet", "--labels", "same.parquet"), "no column prediction_id"),
        (("monitor.yaml", "same.parquet", "--budget", "x"), "--budget 'x': write false pages per period"),
        (("monitor.yaml", "same.parquet", "--json", "no/such/folder.json"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_ends_with_2(run, folder, monkeypatch, arguments, said):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    result = run("backtest", *arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_ctrl_c_ends_with_130(run, folder, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("stream.backtest.run.backtest", stopped)
    result = run("backtest", str(folder / "monitor.yaml"), str(folder / "same.parquet"))
    assert (result.exit_code, "stopped: nothing was written" in result.output) == (130, True)


def test_a_reference_that_is_too_short_says_that_nothing_was_judged(run, folder, tmp_path):
    spec = spec_of(pane="10m", reference={"first": "20 panes"}).to_values()
    (tmp_path / "short.yaml").write_text(yaml.safe_dump(spec))
    result = run("backtest", str(tmp_path / "short.yaml"), str(folder / "same.parquet"))
    assert result.exit_code == 0
    assert "Nothing was judged: the reference has 20 panes" in flat(result.stdout)


def test_progress_elsewhere_than_in_a_terminal_is_a_line_now_and_then(monkeypatch):
    monkeypatch.setattr("stream.cli.backtest_progress.LINE_S", 0.0)
    stream = io.StringIO()
    with Shown(stream) as shown:
        shown("folding rows", 10_000, 20_000)
        shown("fitting the reference", 0, 0)
    assert stream.getvalue() == "folding rows: 10,000 of 20,000 rows\nfitting the reference\n"


def flat(text):
    return " ".join(text.split())
