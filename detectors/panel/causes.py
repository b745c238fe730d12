"""Which features an alarm names: those whose change is certain and large, ranked by how likely they caused it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.panel.accumulation import Judged
from detectors.panel.effects import Cases, Effects, effects
from detectors.panel.floors import is_material
from detectors.panel.gauge_state import GaugeState
from detectors.panel.plan import Plan

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_OUTPUT_FLOORS = 0.5
_LEAST_JS = 0.01


class Causes(NamedTuple):
    """Changed features, the likeliest cause first, ``(C,)``, and the effect of each where it is largest.

    `first` is the number of the pane from which on it is seen there.
    """

    features: Ints
    effects: Effects
    first: Ints


def causes(plan: Plan, state: GaugeState, found: Judged, proven: Flags, rejected: Flags) -> Causes:
    """Return the features that changed by more than a floor; O(C W).

    Looked at are the rows since the evidence last was at its start, at each scale that has evidence, and the
    windows that parallel tests reject.

    Parameters
    ----------
    proven
        Whether a feature's evidence is above its threshold, ``(F,)``.
    rejected
        Whether parallel tests reject it in a window, ``(T, F)``.
    """
    (runs, runs_first), (windows, windows_first) = _runs(plan, state, proven), _windows(found, rejected)
    cases, first = _joined(runs, windows), np.concatenate([runs_first, windows_first])
    all_effects = effects(plan.panel, cases)
    scale = np.where(plan.is_output[cases.features], _OUTPUT_FLOORS, 1.0)
    material = np.flatnonzero(is_material(all_effects, plan.floors, scale))
    largest = _largest_by_feature(material, cases.features, all_effects.js)
    ranked = largest[_order(plan, cases.features[largest], all_effects.js[largest])]
    return Causes(cases.features[ranked], Effects._make(effect[ranked] for effect in all_effects), first[ranked])


def _runs(plan: Plan, state: GaugeState, proven: Flags) -> tuple[Cases, Ints]:
    bets = state.log_bets.reshape(len(proven), -1).max(1) > 0
    has_evidence = np.concatenate([state.log_evidence[:, :-1] > 0, bets[None]])
    slots, features = np.nonzero(has_evidence & proven)
    rows = state.run_rows[slots, features].astype(np.float64)
    shares = plan.panel.phase_shares[0][features]
    if state.run_expected.size:
        shares = state.run_expected[slots, features] / np.maximum(rows, 1)[:, None]
    cases = Cases(features, state.run_counts[slots, features].astype(np.float64), rows, shares)
    return cases, state.run_first[slots, features]


def _windows(found: Judged, rejected: Flags) -> tuple[Cases, Ints]:
    places, features = np.nonzero(rejected)
    windows = found.windows
    at = places, features
    return Cases(features, windows.counts[at], windows.rows[places], windows.shares[at]), windows.first[places]


def _joined(first: Cases, second: Cases) -> Cases:
    return Cases(*(np.concatenate(parts) for parts in zip(first, second, strict=True)))


def _largest_by_feature(material: Ints, features: Ints, js: Floats) -> Ints:
    """Return the material case of each feature with the largest distance."""
    ordered = material[np.lexsort((-js[material], features[material]))]
    _, first = np.unique(features[ordered], return_index=True)
    return np.asarray(ordered[first], np.int64)


def _order(plan: Plan, features: Ints, js: Floats) -> Ints:
    """Return inputs before outputs of the model, large changes of important features before others."""
    weight = np.maximum(js, _LEAST_JS) * plan.importance[features]
    return np.lexsort((features, -weight, plan.is_output[features]))
