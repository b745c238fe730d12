"""What a backtest says of a year of real flights, beside the data's own averages: ``python -m benchmarks.flights``.

The monitor is that of the demo, without its retrains. The model is a logistic regression that learnt from January to
March, which are the reference too; it serves to the end of the year and nobody mends it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from streamgauge.spec import MonitorSpec

from stream.backtest.alerts import AlertReport
from stream.backtest.run import Wanted, backtest
from stream.demo.flights import Flights, load

Floats = NDArray[np.float64]

POOR_SIGHT = 3.0
"""Miles; below it instrument rules hold."""


@dataclass(frozen=True, slots=True)
class Averages:
    """Of some flights: how many, and the means of what people would look at."""

    flights: int
    late: float
    never_landed: float
    temp: float
    humid: float
    precip: float
    poor_sight: float


def main() -> None:
    """Backtest the year, and print each incident with the averages of its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    flights = load()
    alerts = alerts_of(flights)
    rows = [("January to March", averages(flights, 0, reference_rows(flights)))]
    rows += [(told(alert), averages(flights, alert.first_row, alert.last_row + 1)) for alert in alerts]
    for sentence, means in rows:
        print(f"{sentence}\n   {means}")
    if options.json:
        found = [{"what": sentence} | {k: getattr(m, k) for k in Averages.__dataclass_fields__} for sentence, m in rows]
        options.json.write_text(json.dumps(found, indent=1))


def told(alert: AlertReport) -> str:
    """Return what an incident says; of lost performance also what moved meanwhile."""
    return f"{alert.sentence}\n   {alert.what}" if alert.kind == "performance" else alert.sentence


def alerts_of(flights: Flights) -> list[AlertReport]:
    """Return what the demo's monitor would have said of all flights."""
    text = (files("stream.demo") / "flights.yaml").read_text()
    spec = MonitorSpec.from_yaml(text).model_copy(update={"retrain": None})
    with tempfile.TemporaryDirectory() as name:
        rows = Path(name) / "flights.parquet"
        pq.write_table(table_of(flights), rows)
        return backtest(Wanted(spec, Path(name), rows)).report.alerts


def table_of(flights: Flights) -> pa.Table:
    """Return the columns of a backtest."""
    landed = flights.late >= 0
    columns: dict[str, object] = {name: pa.array(column) for name, column in flights.features.items()}
    columns["event_time"] = pa.array(flights.departs_ms)
    columns["prediction_id"] = pa.array(flights.ids)
    columns["score"] = pa.array(scores(flights))
    columns["label"] = pa.array(flights.late.astype(np.int64), mask=~landed)
    columns["label_time"] = pa.array(flights.lands_ms, mask=~landed)
    return pa.table(columns)


def scores(flights: Flights) -> Floats:
    """Return the probability of being late, by a logistic regression on the flights of the reference."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    rows = [{k: v for k, v in flights.features_of(i).items() if v is not None} for i in range(len(flights))]
    learnt = np.flatnonzero(flights.late[: reference_rows(flights)] >= 0)
    model = make_pipeline(DictVectorizer(), MaxAbsScaler(), LogisticRegression(max_iter=300))
    model.fit([rows[i] for i in learnt.tolist()], flights.late[learnt])
    return np.asarray(model.predict_proba(rows)[:, 1].round(5), np.float64)


def reference_rows(flights: Flights) -> int:
    """Return how many flights left before April (in UTC)."""
    april_ms = int(np.datetime64("2013-04-01", "ms").astype(np.int64))
    return int(np.searchsorted(flights.departs_ms, april_ms))


def averages(flights: Flights, first: int, until: int) -> Averages:
    """Return the means of rows ``first .. until - 1``."""
    late, own = flights.late[first:until], slice(first, until)
    weather = {k: np.array(flights.features[k][own], np.float64) for k in ("temp", "humid", "precip", "visib")}
    return Averages(
        flights=until - first,
        late=round(float(late[late >= 0].mean()), 3),
        never_landed=round(float((late < 0).mean()), 3),
        temp=round(float(np.nanmean(weather["temp"])), 1),
        humid=round(float(np.nanmean(weather["humid"])), 1),
        precip=round(float(np.nanmean(weather["precip"])), 4),
        poor_sight=round(float((weather["visib"] < POOR_SIGHT).mean()), 3),
    )


if __name__ == "__main__":
    main()
