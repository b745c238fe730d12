"""Flights and hours of hired bicycles from files, and models that learnt from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from benchmarks.detection.tables import Columns

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Generator = np.random.Generator

FLIGHTS, BICYCLES = "airlines.parquet", "bike_sharing_hour.parquet"
FLIGHT_KINDS = {
    "airline": "category", "flight": "number", "airport_from": "category", "airport_to": "category",
    "day_of_week": "category", "time": "number", "length": "number",
}  # fmt: skip
BICYCLE_INPUTS = ("season", "mth", "hr", "holiday", "weekday", "workingday", "weathersit", "temp", "hum", "windspeed")
LEARNT_FLIGHTS, ROUNDS = 100_000, 80
LEARNT_HOURS = 4_379


class Scored(NamedTuple):
    """Rows that a model did not learn from, in random order.

    Attributes
    ----------
    inputs
        ``(n, d)``.
    scores
        Of a classifier the probability of a 1, of a regression the prediction, ``(n,)``.
    labels
        ``(n,)``.
    """

    inputs: Floats
    scores: Floats
    labels: Floats


def flights(data: Path) -> Scored:
    """Return flights with the delays that a weak model expects."""
    inputs, labels = _shuffled(data / FLIGHTS, tuple(FLIGHT_KINDS), "delay")
    rest = inputs[LEARNT_FLIGHTS:]
    scores = _learnt(inputs[:LEARNT_FLIGHTS], labels[:LEARNT_FLIGHTS], rest)
    return Scored(rest, scores, labels[LEARNT_FLIGHTS:])


def scores_of_other_flights(data: Path, inputs: Floats) -> Floats:
    """Return the delays that a weak model expects of these flights, ``(n,)``; it learnt from others."""
    known = {row.tobytes() for row in np.ascontiguousarray(inputs)}
    others, labels = _shuffled(data / FLIGHTS, tuple(FLIGHT_KINDS), "delay")
    is_new = np.array([row.tobytes() not in known for row in np.ascontiguousarray(others)])
    learnt = np.flatnonzero(is_new)[:LEARNT_FLIGHTS]
    return _learnt(others[learnt], labels[learnt], inputs)


def _learnt(learnt: Floats, labels: Floats, inputs: Floats) -> Floats:
    model = HistGradientBoostingClassifier(max_iter=ROUNDS, random_state=0).fit(learnt, labels)
    return np.asarray(model.predict_proba(inputs)[:, 1], np.float64)


def busy_hours(data: Path) -> Scored:
    """Return hours with a model's probability that more bicycles than in the median hour are hired."""
    inputs, hired = _shuffled(data / BICYCLES, BICYCLE_INPUTS, "cnt")
    labels = (hired > np.median(hired)).astype(np.float64)
    rest = inputs[LEARNT_HOURS:]
    return Scored(rest, _learnt(inputs[:LEARNT_HOURS], labels[:LEARNT_HOURS], rest), labels[LEARNT_HOURS:])


def bicycles(data: Path) -> Scored:
    """Return hours with the numbers of bicycles that a model expects."""
    inputs, labels = _shuffled(data / BICYCLES, BICYCLE_INPUTS, "cnt")
    model = HistGradientBoostingRegressor(max_iter=ROUNDS, random_state=0)
    model.fit(inputs[:LEARNT_HOURS], labels[:LEARNT_HOURS])
    rest = inputs[LEARNT_HOURS:]
    return Scored(rest, np.asarray(model.predict(rest), np.float64), labels[LEARNT_HOURS:])


def _shuffled(path: Path, inputs: tuple[str, ...], label: str) -> tuple[Floats, Floats]:
    columns = read(path, (*inputs, label))
    order = np.random.default_rng(9).permutation(len(columns[label]))
    return stacked(columns, inputs)[order], columns[label][order]


def read(path: Path, names: tuple[str, ...]) -> dict[str, Floats]:
    """Return columns of a file as numbers."""
    table = pq.read_table(path, columns=list(names))
    return {name: table.column(name).to_numpy().astype(np.float64) for name in names}


def stacked(columns: Mapping[str, Floats], names: Sequence[str]) -> Floats:
    """Return columns side by side, ``(n, d)``."""
    return np.stack([columns[name] for name in names], 1)


def flight_columns(inputs: Floats) -> Columns:
    """Return the inputs of flights by name; codes of categories as texts, NaN as None."""
    columns = {}
    for (name, kind), values in zip(FLIGHT_KINDS.items(), inputs.T, strict=True):
        columns[name] = values if kind == "number" else texts(values)
    return columns


def texts(codes: Floats) -> NDArray[np.object_]:
    """Return whole numbers as texts, NaN as None."""
    return np.array([None if code != code else str(int(code)) for code in codes.tolist()], object)  # noqa: PLR0124
