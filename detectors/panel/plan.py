"""How the false-alarm budget and the evidence of a panel are shared out: worked out once, used at each tick."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.panel.floors import Floors
from detectors.panel.panel import Panel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_REFERENCE_ERRORS = 2
"""The null includes a reference mean that is wrong by so many standard errors."""


@dataclass(frozen=True)
class Plan:
    """A panel with what its gauge decides by. The last of F + 1 places is the joint test.

    Attributes
    ----------
    panel, names
        The fitted reference, and the names of its features.
    budget_part
        Of the budget, what this panel has; other panels have the rest.
    level
        False-alarm probability for each tick of the parallel tests; 0 switches them off.
    shares
        Of the panel's part, ``(F + 1,)``.
    log_thresholds
        Of evidence, ``(F + 1,)``: the log of mean ticks between false alarms over the share of the whole budget.
    is_output
        Whether a feature is an output of the model, ``(F,)``.
    importance
        Of features in the ranking of causes, ``(F,)``.
    floors
        Least effects that matter; half of them for outputs.
    scale_weights
        Of a feature's scales in its evidence, ``(S, F + 1)``; 0 where a scale is not usable.
    dependence
        By what log evidence is divided, as panes beyond the window depend on each other, ``(S, F + 1)``.
    bet_scale
        Place of the smallest usable scale, ``(F,)``; -1 for none.
    bet_tolerance
        Two standard errors of the reference in standard deviations of the window, ``(F, 2)``.
    bet_variance
        Largest variance of z under the null, ``(F,)``.
    """

    panel: Panel
    names: tuple[str, ...]
    budget_part: float
    level: float
    shares: Floats
    log_thresholds: Floats
    is_output: Flags
    importance: Floats
    floors: Floors
    scale_weights: Floats
    dependence: Floats
    bet_scale: Ints
    bet_tolerance: Floats
    bet_variance: Floats

    @cached_property
    def bet_dependence(self) -> Floats:
        """By what the log evidence of bets is divided, ``(F,)``."""
        scale = np.maximum(self.bet_scale, 0)
        return np.asarray(self.dependence[scale, np.arange(len(scale))], np.float64)


def plan(
    panel: Panel,
    threshold: float = 1_000.0,
    level: float = 0.001,
    *,
    budget_part: float = 1.0,
    is_output: Flags | None = None,
    importance: Floats | None = None,
    floors: Floors | None = None,
) -> Plan:
    """Return the plan of a gauge.

    Parameters
    ----------
    threshold
        Mean ticks between false alarms by evidence, above 1.
    level
        False-alarm probability for each tick by parallel tests, in [0, 1).
    budget_part
        Of both, what this panel may use up, in (0, 1].
    is_output, importance
        ``(F,)``. None: no feature is an output, all are equally important.
    floors
        None: those of `Floors`.

    Raises
    ------
    ValueError
        If `threshold`, `level` or `budget_part` is out of range.
    """
    if not (threshold > 1 and 0 <= level < 1 and 0 < budget_part <= 1):
        raise ValueError(
            f"need a threshold above 1, a level in [0, 1) and a part in (0, 1], got {threshold}, {level}, {budget_part}"
        )
    features = len(panel.bins)
    outputs = np.zeros(features, bool) if is_output is None else is_output
    shares = budget_shares(outputs, panel.joint is not None)
    usable = _usable(panel)
    bet_scale = np.where(panel.usable.any(axis=0), panel.usable.argmax(0), -1)
    return Plan(
        panel=panel,
        names=panel.names,
        budget_part=budget_part,
        level=level * budget_part,
        shares=shares,
        log_thresholds=np.log(threshold) - np.log(shares * budget_part),
        is_output=outputs,
        importance=np.ones(features) if importance is None else importance,
        floors=Floors() if floors is None else floors,
        scale_weights=usable / np.maximum(usable.sum(0), 1),
        dependence=_dependence(panel),
        bet_scale=bet_scale,
        bet_tolerance=_bet_tolerance(panel, bet_scale),
        bet_variance=1 + 2 * np.sqrt(2 / panel.effective_panes),
    )


def budget_shares(is_output: Flags, has_joint: bool) -> Floats:
    """Return each feature's share of the budget and that of the joint test, ``(F + 1,)``.

    Outputs of the model have half of it together, inputs and the joint test the other half; without outputs all
    have the same.

    Examples
    --------
    >>> budget_shares(np.array([False, False, True]), has_joint=False)
    array([0.25, 0.25, 0.5 , 0.25])
    """
    outputs, all_ = int(is_output.sum()), len(is_output) + has_joint
    if not 0 < outputs < all_:
        return np.full(len(is_output) + 1, 1 / max(all_, 1))
    inputs = 0.5 / (all_ - outputs)
    return np.append(np.where(is_output, 0.5 / outputs, inputs), inputs)


def _usable(panel: Panel) -> Floats:
    joint = np.zeros((len(panel.scales), 1), bool)
    if panel.joint is not None:
        joint[:, 0] = panel.joint.usable.any(1)
    return np.concatenate([panel.usable, joint], 1).astype(np.float64)


def _dependence(panel: Panel) -> Floats:
    beyond = panel.largest_ratios[-1] / panel.largest_ratios
    return np.concatenate([beyond, np.ones((len(beyond), 1))], 1)


def _bet_tolerance(panel: Panel, scale: Ints) -> Floats:
    window = panel.ratios / np.array(panel.scales)[:, None, None]
    relative = (panel.reference_error / window)[np.maximum(scale, 0), np.arange(len(scale)), :2]
    return np.ascontiguousarray(_REFERENCE_ERRORS * np.sqrt(relative), np.float64)
