"""What a model makes of each value of a feature: how far its answer moves, against what it answers on the whole.

A feature's value is put in the place of another in rows of the training set, and the answers are compared: as log odds
in a binary task, as values in a regression. In a linear model every row says the same, so one says it exactly: weight
times what the encoder makes of the value, less its mean. Of other models it is the mean over a sample of rows.

References
----------
Friedman, "Greedy function approximation", Annals of Statistics 29 (2001), on partial dependence.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import isfinite, log
from statistics import fmean

import msgspec
import numpy as np

from models.pipelines import FeatureType, Pipeline, Row, Task, scorer

Value = float | str | None

ROWS, EXAMPLES = 5_000, 32
"""Rows that say which values there are, and rows in which values are replaced if the model is not linear."""

KNOTS, LEVELS = 25, 256
"""Numbers and levels of a feature that are asked for."""

_NEVER_SEEN = "\x00"
_NEAREST = 1e-12


class Curve(msgspec.Struct, frozen=True):
    """How far values of one feature move the answer; the mean over the training set's rows is 0.

    Attributes
    ----------
    knots, values
        Of a number: points, rising, between which lie straight lines; beyond the last it stays. Empty for a category.
    levels, other
        Of a category: by level, and of levels that were not asked for.
    missing
        Of a row without the feature.
    """

    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    levels: dict[str, float] = {}
    other: float = 0.0
    missing: float = 0.0

    def at(self, value: Value) -> float:
        """Return how far a value moves the answer.

        >>> Curve((0.0, 1.0), (0.0, 4.0)).at(0.25)
        1.0
        """
        if self.knots:
            is_number = isinstance(value, int | float) and isfinite(value)
            return float(np.interp(float(value or 0), self.knots, self.values)) if is_number else self.missing
        return self.missing if value is None else self.levels.get(str(value), self.other)


def attribution(
    task: Task, pipeline: Pipeline, features: Mapping[str, FeatureType], rows: Sequence[Row]
) -> dict[str, Curve]:
    """Return the curve of each feature; nothing if there are no rows or the model does not answer some of them.

    The same model and rows give the same: rows are chosen by their content. O(features) answers for a linear model.

    Parameters
    ----------
    rows
        Of the training set.
    """
    if not rows:
        return {}
    chosen = sorted(rows, key=_place)[:ROWS]
    answer = _answer(task, pipeline)
    try:
        examples = chosen[: 1 if is_linear(pipeline) else EXAMPLES]
        return {name: _curve(name, kind, answer, examples, chosen) for name, kind in features.items()}
    except (ValueError, OverflowError):
        return {}


def is_linear(pipeline: Pipeline) -> bool:
    """Whether a pipeline is a linear model of entries that each depend on one feature: `river-default`."""
    from river import linear_model, preprocessing

    from models.encoder import Encoder

    steps = list(getattr(pipeline, "steps", {}).values())
    if len(steps) != 2 or not isinstance(steps[0], Encoder):
        return False
    last = steps[1].regressor if isinstance(steps[1], preprocessing.TargetStandardScaler) else steps[1]
    return isinstance(last, linear_model.LogisticRegression | linear_model.LinearRegression)


def _place(row: Row) -> int:
    return zlib.crc32(repr(sorted(row.items())).encode())


def _answer(task: Task, pipeline: Pipeline) -> Callable[[Row], float]:
    score = scorer(task, pipeline)
    return score if task == "regression" else lambda row: _log_odds(score(row))


def _log_odds(p: float) -> float:
    within = min(max(p, _NEAREST), 1 - _NEAREST)
    return log(within / (1 - within))


def _curve(
    name: str, kind: FeatureType, answer: Callable[[Row], float], examples: Sequence[Row], rows: Sequence[Row]
) -> Curve:
    def moved(value: Value) -> float:
        return fmean(answer({**row, name: value}) for row in examples)

    values = [row.get(name) for row in rows]
    raw = _of_number(values, moved) if kind == "number" else _of_category(values, moved)
    return _lowered(raw, fmean(map(raw.at, values)))


def _of_number(values: Sequence[Value], moved: Callable[[Value], float]) -> Curve:
    numbers = [float(value) for value in values if isinstance(value, int | float) and isfinite(value)]
    if not numbers:
        return Curve((0.0,), (moved(0.0),), missing=moved(None))
    knots = np.unique(np.quantile(numbers, np.linspace(0, 1, KNOTS), method="inverted_cdf")).tolist()
    return Curve(tuple(knots), tuple(moved(knot) for knot in knots), missing=moved(None))


def _of_category(values: Sequence[Value], moved: Callable[[Value], float]) -> Curve:
    from models.encoder import level_of

    found = Counter(level for value in values if (level := level_of(value)) is not None)
    levels = {level: moved(level) for level, _ in found.most_common(LEVELS)}
    return Curve(levels=levels, other=moved(_NEVER_SEEN), missing=moved(None))


def _lowered(curve: Curve, mean: float) -> Curve:
    return Curve(
        curve.knots,
        tuple(value - mean for value in curve.values),
        {level: value - mean for level, value in curve.levels.items()},
        curve.other - mean,
        curve.missing - mean,
    )
