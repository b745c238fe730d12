"""Pipelines that trainers' names stand for: features and estimator in one, so serving is as training.

river is imported where a pipeline is built, not with this module: it costs seconds and 80 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Literal, Protocol, cast

Task = Literal["binary", "regression"]
FeatureType = Literal["number", "category"]
Row = Mapping[str, float | str | None]


class Pipeline(Protocol):
    """What is served: river's verbs for a regressor."""

    def learn_one(self, x: Row, y: float) -> None:
        """Learn one row with its label."""
        ...

    def predict_one(self, x: Row) -> float:
        """Return the prediction for one row."""
        ...


class Classifier(Pipeline, Protocol):
    """What is served: river's verbs for a classifier."""

    def predict_proba_one(self, x: Row) -> Mapping[bool, float]:
        """Return the probability of each class."""
        ...


def river_default(task: Task, features: Mapping[str, FeatureType], seed: int = 0) -> Pipeline:
    """Return an untrained river pipeline: scaled numbers, one-hot categories, a linear model.

    Logistic regression for ``binary`` (labels are booleans), linear regression on the scaled target for
    ``regression``. Weights learn by AdaGrad, which suits rare levels; the intercept's rate falls as
    1 / sqrt(rows).

    Parameters
    ----------
    task
        ``binary`` or ``regression``.
    features
        Type by name, at least one.
    seed
        Part of what every trainer takes. This one draws nothing, so it is not used.

    Raises
    ------
    ValueError
        For another task, no features or an unknown type.

    Examples
    --------
    >>> pipeline = river_default("binary", {"hour": "number", "carrier": "category"})
    >>> for hour in range(240):
    ...     pipeline.learn_one({"hour": hour % 24, "carrier": "UA"}, hour % 24 > 11)
    >>> scorer("binary", pipeline)({"hour": 23, "carrier": "UA"}) > 0.5
    True
    """
    _check(task, features)
    from river import linear_model, optim, preprocessing

    from models.encoder import Encoder

    rate = optim.schedulers.InverseScaling(0.1, 0.5)
    encoder = Encoder(dict(features))
    if task == "binary":
        logistic = linear_model.LogisticRegression(optim.AdaGrad(0.03), l2=1e-3, intercept_lr=rate)
        return cast("Pipeline", encoder | logistic)
    linear = linear_model.LinearRegression(optim.AdaGrad(0.03), l2=1e-3, intercept_lr=rate)
    return cast("Pipeline", encoder | preprocessing.TargetStandardScaler(linear))


def _check(task: str, features: Mapping[str, str]) -> None:
    if task not in ("binary", "regression"):
        raise ValueError(f"river-default trains binary and regression models, got task {task!r}")
    if not features:
        raise ValueError("a model needs at least one feature, got none")
    for name, kind in features.items():
        if kind not in ("number", "category"):
            raise ValueError(f"feature {name!r} must be a number or a category, got {kind!r}")


Trainer = Callable[[Task, Mapping[str, FeatureType], int], Pipeline]
TRAINERS: Mapping[str, Trainer] = {"river-default": river_default}


def scorer(task: Task, pipeline: Pipeline) -> Callable[[Row], float]:
    """Return the function from features to score: probability of the positive class, or predicted value.

    It learns nothing, and raises ValueError when a pipeline gives a number that is not finite.
    """
    if task == "binary":
        probabilities = cast("Classifier", pipeline).predict_proba_one
        return lambda x: _finite(probabilities(x).get(True, 0.0))
    return lambda x: _finite(pipeline.predict_one(x))


def _finite(score: float) -> float:
    if not isfinite(score):
        raise ValueError(f"a score must be finite, got {score}")
    return float(score)
