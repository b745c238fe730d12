"""Simulated features, and the panel that is fitted to their first panes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from detectors.bins import Bins, fit_number
from detectors.columns import count_by_pane
from detectors.panel.fit import ReferenceCounts, fit_panel
from detectors.panel.panel import Panel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Generator = np.random.Generator
Draw = Callable[[Generator, int, int], Floats]
"""Values of one feature, ``(panes * rows,)``, from a generator, panes, and rows in a pane."""


def flat(draw: Callable[[Generator, int], Floats]) -> Draw:
    """Return a draw of independent rows."""
    return lambda g, panes, rows: draw(g, panes * rows)


def autoregressive(phi: float) -> Draw:
    """Return a draw in which each row depends on the one before, variance 1."""

    def draw(g: Generator, panes: int, rows: int) -> Floats:
        noise = g.standard_normal(panes * rows + 500) * np.sqrt(1 - phi**2)
        return np.asarray(signal.lfilter([1], [1, -phi], noise)[500:])

    return draw


def wandering(phi: float) -> Draw:
    """Return a draw whose pane means wander by .1 standard deviations."""

    def draw(g: Generator, panes: int, rows: int) -> Floats:
        steps = g.standard_normal(panes + 100) * 0.1 * np.sqrt(1 - phi**2)
        means = signal.lfilter([1], [1, -phi], steps)[100:]
        return np.asarray(g.standard_normal(panes * rows) + np.repeat(means, rows))

    return draw


FIVE_LEVELS = (0.6, 0.25, 0.1, 0.04, 0.01)

STREAMS: dict[str, Draw] = {
    "iid": flat(lambda g, n: g.standard_normal(n)),
    "exponential": flat(lambda g, n: g.exponential(size=n)),
    "five levels": flat(lambda g, n: g.choice(5, p=FIVE_LEVELS, size=n).astype(float)),
    "lognormal 2": flat(lambda g, n: np.exp(2 * g.standard_normal(n))),
    "zero-inflated": flat(lambda g, n: np.where(g.random(n) < 0.8, 0, g.poisson(1.5, n)).astype(float)),
    "90 % one value": flat(lambda g, n: np.where(g.random(n) < 0.9, 0.0, g.integers(1, 30, n))),
    "AR .5": autoregressive(0.5),
    "AR .9": autoregressive(0.9),
    "wander 0": wandering(0.0),
    "wander .5": wandering(0.5),
    "wander .8": wandering(0.8),
}


class Simulated(NamedTuple):
    """A panel, and the counts of the panes after its reference, ``(T, F, W)``, with their rows, ``(T,)``."""

    panel: Panel
    counts: Ints
    rows: Ints


def simulate(
    columns: Iterable[Floats], rows: Ints, reference: int, scales: tuple[int, ...] | None = (1, 4, 16), phases: int = 1
) -> Simulated:
    """Return the panel of the first `reference` panes of features, and the other panes.

    Parameters
    ----------
    columns
        Values of each feature, pane after pane; one is held at a time.
    rows
        Of each pane, ``(panes,)``.
    """
    pane = np.repeat(np.arange(len(rows)), rows)
    known, bins, counts = int(rows[:reference].sum()), list[Bins](), list[Floats]()
    for values in columns:
        bins.append(fit_number(f"x{len(bins)}", values[:known]))
        counts.append(count_by_pane(bins[-1].number_codes(values), bins[-1].width, pane, len(rows)))
    return fitted(bins, counts, rows, reference, scales, phases)


def fitted(
    bins: list[Bins], counts: list[Floats], rows: Ints, reference: int, scales: tuple[int, ...] | None, phases: int = 1
) -> Simulated:
    """Return the panel of the first `reference` panes, and the other panes, from each feature's ``(panes, width)``."""
    width = max(feature.width for feature in bins)
    padded = [np.pad(own, ((0, 0), (0, width - own.shape[1]))) for own in counts]
    together = np.stack(padded, 1).astype(np.int64)
    known = ReferenceCounts(tuple(bins), together[:reference], rows[:reference])
    return Simulated(fit_panel(known, scales, phases), together[reference:], rows[reference:])


def equal_panes(panes: int, rows: int) -> Ints:
    """Return the rows of panes of one size."""
    return np.full(panes, rows, np.int64)
