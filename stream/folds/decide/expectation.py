"""What the model's losses are held against: a version's validation, or else the reference's own rows, by segment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.business import COST, PARTS, weights_of
from detectors.evidence.losses import MIN_LABELS, STANDARD_ERRORS, LossTest
from detectors.evidence.rates import RateTest
from detectors.promise import ALL, Group, GroupLosses, Promise
from detectors.row_losses import cut_name
from stream.folds.decide.judged import allowance
from stream.folds.decide.state import Version
from stream.folds.monitor import Monitor

Floats = NDArray[np.float64]


class Losses(NamedTuple):
    """Labelled rows, sums and sums of squares of their losses by group, ``(groups,)`` each."""

    n: Floats
    total: Floats
    squares: Floats


class Expectation(NamedTuple):
    """Groups that are watched, all rows first; the largest mean loss that is tolerated in each, and the test of it.

    A limit is infinite where too few labels were in the reference.
    """

    groups: tuple[Group, ...]
    limits: tuple[float, ...]
    design_effects: tuple[float, ...]
    test: RateTest | LossTest

    def update(self, state: Floats | None, losses: Losses) -> tuple[Floats, Floats]:
        """Return the evidence after one pane, and its logarithm by group; `state` is None before the first."""
        state = self.test.start() if state is None else state
        if isinstance(self.test, LossTest):
            return self.test.update(state, *losses)
        return self.test.update(state, losses.n.astype(np.int64), np.rint(losses.total).astype(np.int64))

    @property
    def watched(self) -> int:
        """Groups that share the budget."""
        return max(1, int(self.test.watched.sum()))


def of_version(monitor: Monitor, metric: str, version: Version, design_effect: float) -> Expectation | None:
    """Return what a version's validation promises for all rows; None if it promised another metric, or nothing."""
    if version.metric != metric or version.loss_n < 1 or not math.isfinite(version.loss_mean):
        return None
    mean, sd = version.loss_mean, version.loss_sd
    n = np.array([float(version.loss_n)])
    losses = Losses(n, n * mean, n * (mean * mean + sd * sd))
    return _expectation(monitor, metric, (ALL,), losses, (design_effect,))


def of_reference(monitor: Monitor, metric: str, design_effect: float) -> Expectation | None:
    """Return what the reference's own rows promise, by segment; None without their answers and labels."""
    promise = None if monitor.reference is None else monitor.reference.promise
    if promise is None:
        return None
    cut = promise.losses.get(cut_name(metric))
    found = _promised(monitor, promise, metric) if cut is None else cut
    if found is None:
        return None
    losses = Losses(np.array(found.n), np.array(found.total), np.array(found.squares))
    effects = tuple(max(effect, design_effect) for effect in found.design_effects)
    return _expectation(monitor, metric, promise.groups, losses, effects)


def reference_limit(monitor: Monitor, metric: str, group: Group) -> float:
    """Return the largest mean loss that is tolerated in a group by what the reference promises; NaN if it does not."""
    promise = None if monitor.reference is None else monitor.reference.promise
    found = None if promise is None else _promised(monitor, promise, metric)
    if promise is None or found is None or group not in promise.groups:
        return math.nan
    i = promise.groups.index(group)
    limit = _limit(monitor, metric, found.n[i], found.total[i], found.squares[i], found.design_effects[i])
    return limit if math.isfinite(limit) else math.nan


def _promised(monitor: Monitor, promise: Promise, metric: str) -> GroupLosses | None:
    """Return what the reference promises of a metric; of the cost of rows by what the spec says that they are worth."""
    if metric != COST or monitor.worth is None:
        return promise.losses.get(metric)
    parts = [promise.losses[part] for part in PARTS[monitor.task] if part in promise.losses]
    weights = weights_of(monitor.worth, monitor.task)
    if len(parts) < len(weights):
        return None
    # Of a row one part alone is above 0, so squares add up too.
    return GroupLosses(
        parts[0].n,
        _weighted([part.total for part in parts], weights),
        _weighted([part.squares for part in parts], [weight * weight for weight in weights]),
        tuple(max(effects) for effects in zip(*(part.design_effects for part in parts), strict=True)),
    )


def _weighted(parts: Sequence[Sequence[float]], weights: Sequence[float]) -> tuple[float, ...]:
    return tuple((np.array(weights) @ np.array(parts)).tolist())


def _expectation(
    monitor: Monitor, metric: str, groups: tuple[Group, ...], losses: Losses, effects: tuple[float, ...]
) -> Expectation:
    by_group = zip(*(sums.tolist() for sums in losses), effects, strict=True)
    limits = [_limit(monitor, metric, *sums) for sums in by_group]
    return Expectation(groups, tuple(limits), effects, _test(metric, limits, effects))


def _limit(monitor: Monitor, metric: str, n: float, total: float, squares: float, effect: float) -> float:
    """Return the mean loss, two standard errors and the tolerance; infinite for too few labels."""
    if n < MIN_LABELS:
        return math.inf
    mean = total / n
    error = math.sqrt(max(0.0, squares / n - mean * mean) / n * effect)
    promised = mean + STANDARD_ERRORS * error
    return promised + allowance(metric, promised, monitor.tolerance)


def _test(metric: str, limits: Sequence[float], effects: tuple[float, ...]) -> RateTest | LossTest:
    if metric == "accuracy":
        return RateTest(tuple(min(1.0, limit) for limit in limits), effects)
    return LossTest(tuple(limit if limit > 0 else math.inf for limit in limits), effects)
