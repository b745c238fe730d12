"""What a monitor's limits allow: which keys are sealed early, which predictions and labels are let go (see ``Limits``).

All of it happens at ticks and follows from the log alone, since limits are part of the spec.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream.folds.measure.catalog import Codes, Ints
from stream.folds.measure.key_kernels import NEVER
from stream.folds.measure.state import MeasureState
from stream.folds.pending import HOUR_MS


def crowded(lineage_of: Codes, passed: NDArray[np.bool_], most: Ints) -> NDArray[np.bool_]:
    """Say which keys are to be sealed: those that were passed, and the oldest where a lineage has more than `most`.

    Nothing is lost: the next row of such a pane opens another key, and `decide` adds both up.

    >>> crowded(np.array([0, 0, 1, 0]), np.zeros(4, np.bool_), np.array([2, 2]))
    array([ True, False, False, False])
    """
    still_open = np.flatnonzero(~passed)
    over = np.bincount(lineage_of[still_open], minlength=len(most)) - most
    if not (over > 0).any():
        return passed
    found = passed.copy()
    for lineage in np.flatnonzero(over > 0).tolist():
        found[still_open[lineage_of[still_open] == lineage][: over[lineage]]] = True
    return found


def forget_before(state: MeasureState, watermark_ms: Ints) -> Ints:
    """Return by model before what event time predictions leave, in whole hours, so that the others fit; NEVER for none.

    What the watermark has not passed stays, whatever the limit: its rows may still come, and are not late.
    """
    most, found = state.desk.pending, np.full(len(state.models.names), NEVER)
    limits = most[most > 0]
    if not len(limits) or len(state.pending) <= int(limits.min()):
        return found
    hours, contexts, counts = state.pending.census()
    of = state.contexts.models[contexts]
    total = np.bincount(of, counts, minlength=len(most))
    for model in np.flatnonzero((total > most) & (most > 0)).tolist():
        mine = of == model
        hour = _first_kept(hours[mine], counts[mine], int(most[model]))
        found[model] = min(hour * HOUR_MS, _passed_ms(state, watermark_ms, model))
    return found


def give_up_before(state: MeasureState, forgotten_ms: Ints) -> Ints:
    """Return by model before what event time labels without a prediction are given up: not more wait than may."""
    most, early = state.desk.pending, state.early
    limits = most[most > 0]
    if not len(limits) or len(early) <= int(limits.min()):
        return forgotten_ms
    found, (models, event_ms) = forgotten_ms.copy(), early.waiting()
    for model in np.flatnonzero(np.bincount(models, minlength=len(most)) > most).tolist():
        if most[model]:
            times = np.sort(event_ms[models == model])
            newest_ms = times[-most[model]]
            found[model] = max(found[model], newest_ms + (times[-most[model] - 1] == newest_ms))
    return found


def _first_kept(hours: Ints, counts: Ints, most: int) -> int:
    """Return the first of the newest hours that hold `most` entries together; the newest at least."""
    distinct, inverse = np.unique(hours, return_inverse=True)
    newer = np.cumsum(np.bincount(inverse, counts)[::-1])
    kept = max(1, int(np.searchsorted(newer, most, side="right")))
    return int(distinct[len(distinct) - kept])


def _passed_ms(state: MeasureState, watermark_ms: Ints, model: int) -> int:
    """Return the last whole hour that the watermarks of all the model's lineages have passed."""
    known = state.desk.lineages
    lowest = int(watermark_ms[known.in_force & (known.model == model)].min())
    return lowest // HOUR_MS * HOUR_MS if lowest != NEVER else NEVER
