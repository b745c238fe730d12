"""Events as producers write them, made fast: numbers, identities and times anew, features from a stock of rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from streamgauge.spec import MonitorSpec

from detectors.reference import encode, fit_reference

START_MS = 1_700_000_000_000
LEVELS = (5, 12, 25, 50)
REFERENCE_PANES, ROWS_A_PANE = 60, 200
Column = list[float] | list[str]


class Events:
    """Predictions of some models, interleaved; with 16 numbers, 4 texts and one model's name of 8 letters, 455 bytes.

    Parameters
    ----------
    models
        Names, drawn by `shares` for each event.
    numbers
        How many features are numbers: normal, lognormal, gamma and mixed by turns, rounded to 4 decimals.
    levels
        How many levels each of the other features has.
    per_ms
        Events in a millisecond of event time.
    stock
        How many different rows of features there are.
    """

    def __init__(
        self,
        models: Sequence[str] = ("fraud_v1", "fraud_v2", "churn_v1"),
        shares: Sequence[float] | None = (0.6, 0.3, 0.1),
        numbers: int = 16,
        levels: Sequence[int] = LEVELS,
        per_ms: float = 1.0,
        stock: int = 20_000,
    ) -> None:
        self.models, self._shares, self._levels, self._per_ms = tuple(models), shares, tuple(levels), per_ms
        self._numbers = numbers
        self._rng = np.random.default_rng(7)
        self._names = [name.encode() for name in models]
        self._stock = self._tails(stock)
        self._made = 0

    def values(self, n: int, at_ms: int | None = None) -> list[bytes]:
        """Return the next `n` events as JSON; all of one moment, or going on where the last call ended."""
        written = self._rng.integers(0, 256, 13 * n, np.uint8).tobytes().hex().encode()
        identities = (written[i : i + 26] for i in range(0, 26 * n, 26))
        models = map(self._names.__getitem__, self._rng.choice(len(self._names), n, p=self._shares).tolist())
        tails = map(self._stock.__getitem__, self._rng.integers(0, len(self._stock), n).tolist())
        row = b'{"prediction_id":"%b","model":"%b","event_time":%d,%b'
        return [row % parts for parts in zip(identities, models, self._times(n, at_ms), tails, strict=False)]

    def spec(self, model: str, pane: str = "1m", lateness: str = "1m") -> MonitorSpec:
        """Return the spec of a monitor of one model, with all features."""
        values = {
            "monitor": model, "model": model, "task": "binary", "pane": pane, "lateness": lateness,
            "features": {name: {"type": kind} for name, kind in self._kinds().items()},
        }  # fmt: skip
        return MonitorSpec.from_json(json.dumps(values))

    def reference(self, pane_ms: int = 60_000) -> bytes:
        """Return a reference artifact of the same distributions."""
        n = REFERENCE_PANES * ROWS_A_PANE
        columns = self._columns(np.random.default_rng(1), n)
        panes = START_MS // pane_ms * pane_ms + np.arange(n) // ROWS_A_PANE * pane_ms
        return encode(fit_reference(columns, self._kinds(), panes, pane_ms=pane_ms))

    def _times(self, n: int, at_ms: int | None) -> list[int]:
        if at_ms is not None:
            return [at_ms] * n
        first, self._made = self._made, self._made + n
        times: list[int] = (START_MS + (np.arange(first, first + n) / self._per_ms).astype(np.int64)).tolist()
        return times

    def _kinds(self) -> dict[str, str]:
        numbers = {f"num_{i}": "number" for i in range(self._numbers)}
        return numbers | {f"cat_{j}": "category" for j in range(len(self._levels))}

    def _tails(self, n: int) -> list[bytes]:
        write = json.JSONEncoder(separators=(",", ":")).encode
        columns, scores = self._columns(self._rng, n), self._rng.random(n).round(6).tolist()
        rows = zip(scores, *columns.values(), strict=True)
        return [
            write({"score": row[0], "features": dict(zip(columns, row[1:], strict=True))})[1:].encode() for row in rows
        ]

    def _columns(self, rng: np.random.Generator, n: int) -> dict[str, Column]:
        numbers: dict[str, Column] = {f"num_{i}": _number(rng, i, n).round(4).tolist() for i in range(self._numbers)}
        for j, levels in enumerate(self._levels):
            numbers[f"cat_{j}"] = [f"cat_{j}_lv{level:02d}" for level in rng.integers(0, levels, n).tolist()]
        return numbers


def _number(rng: np.random.Generator, i: int, n: int) -> NDArray[np.float64]:
    match i % 4:
        case 0:
            return rng.normal(0, 1 + 0.1 * (i % 16), n)
        case 1:
            return rng.lognormal(0.5, 0.6, n)
        case 2:
            return rng.gamma(2 + 0.1 * (i % 16), 3, n)
        case _:
            return rng.uniform(-10, 10, n) + rng.normal(0, 2, n)
