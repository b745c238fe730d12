"""Experiment 8 as users see it: `streamgauge backtest` of flights with seven changes put in, 20,000 rows as reference.

Panes of 100 rows (a row a second), with the score of a weak model and labels that come at once. Warnings and pages are
those of the incidents that are reported: drift alone never pages.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.detection.experiment import Experiment, at_least, at_most
from benchmarks.detection.injected import AFTERWARDS, FLIP, PANE, ROWS, TRUTH, Change, truth
from benchmarks.detection.stored import FLIGHT_KINDS, read, scores_of_other_flights, stacked

LABEL = "delay"
OF_INPUTS, OF_LABELS = ("drift", "quality"), ("performance", "estimate")
FOUND = 0, 1
"""Exit codes of a backtest that came to its end."""


class Alert(TypedDict):
    """What is read of an alert."""

    kind: str
    severity: str
    opened_row: int
    features: list[str]


class Judged(NamedTuple):
    """Counts of what the alerts say.

    Attributes
    ----------
    found, first
        Changes of inputs that an alert was raised in, and those that it names first.
    false, false_pages
        Alerts outside of all changes, and the pages among them.
    blamed
        Alerts on inputs while only labels were flipped.
    """

    found: int
    first: int
    false: int
    false_pages: int
    blamed: int


def experiments(quick: bool, data: Path) -> Iterator[Experiment]:
    """Yield what the incidents of a backtest find, name first, and raise without a reason."""
    del quick
    changes, known = truth(data / TRUTH)
    judged = of_alerts(_alerts(data, known), changes)
    moved = [change for change in changes if change.kind != FLIP]
    own = [change for change in moved if change.column]
    yield at_least(f"backtest of injected: changes found, of {len(moved)} that inputs show", judged.found, len(moved))
    yield at_least(f"backtest of injected: first named right, of {len(own)}", judged.first, len(own))
    yield at_most("backtest of injected: false incidents", judged.false, 1)
    yield at_most("backtest of injected: false pages", judged.false_pages, 0)
    yield at_most("backtest of injected: inputs that are blamed for flipped labels", judged.blamed, 0)


def _alerts(data: Path, known: int) -> list[Alert]:
    """Return the alerts of the backtest.

    Raises
    ------
    RuntimeError
        If the command fails; with what it said.
    """
    program = Path(sys.executable).with_name("streamgauge")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec, rows, out = folder / "monitor.yaml", folder / "rows.parquet", folder / "result.json"
        spec.write_text(yaml.safe_dump(spec_of(known)))
        _write_rows(data, rows)
        done = subprocess.run(  # noqa: S603  our own program
            [str(program), "backtest", str(spec), str(rows), "--json", str(out)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode not in FOUND:
            raise RuntimeError(done.stderr.strip()[-500:] or f"exit code {done.returncode}")
        found: list[Alert] = json.loads(out.read_text())["alerts"]
        return found


def spec_of(known: int) -> dict[str, object]:
    """Return the monitor of the flights, whose first `known` rows are its reference."""
    return {
        "monitor": "injected-flights",
        "model": "injected-flights",
        "task": "binary",
        "pane": f"{PANE}s",
        "features": {name: {"type": kind} for name, kind in FLIGHT_KINDS.items()},
        "performance": {"metric": "accuracy", "tolerance": 0.01},
        "reference": {"first": f"{known // PANE} panes"},
    }


def _write_rows(data: Path, path: Path) -> None:
    columns = read(data / ROWS, (*FLIGHT_KINDS, LABEL))
    scores = scores_of_other_flights(data, stacked(columns, tuple(FLIGHT_KINDS)))
    outputs = {"score": scores, "prediction": (scores > 0.5).astype(int), "label": columns.pop(LABEL).astype(int)}
    # A code that is missing is a null, not a level that reads "nan".
    pq.write_table(
        pa.table({name: pa.array(values, from_pandas=True) for name, values in (columns | outputs).items()}), path
    )


def of_alerts(alerts: Sequence[Alert], changes: Sequence[Change]) -> Judged:
    """Return what warnings and pages say of the changes; what is merely shown counts for nothing.

    An alert belongs to a change if it was raised in its rows, or so soon after them that windows still held some.
    """
    raised = [alert for alert in alerts if alert["severity"] != "info"]
    moved = [change for change in changes if change.kind != FLIP]
    inside = {change: [a for a in raised if a["kind"] in OF_INPUTS and _within(a, change, 0)] for change in moved}
    false = [alert for alert in raised if not any(_within(alert, change, AFTERWARDS) for change in changes)]
    flipped = [change for change in changes if change.kind == FLIP]
    return Judged(
        found=sum(bool(found) for found in inside.values()),
        first=sum(bool(found) and found[0]["features"][:1] == [change.column] for change, found in inside.items()),
        false=len(false),
        false_pages=sum(alert["severity"] == "page" for alert in false),
        blamed=sum(a["kind"] in OF_INPUTS and any(_within(a, change, 0) for change in flipped) for a in raised),
    )


def _within(alert: Alert, change: Change, afterwards: int) -> bool:
    return change.start < alert["opened_row"] <= change.end + afterwards
