"""The rows that everyone is given: references, streams without a change, and streams of which every feature changed.

All features of a case are streams of their own, with the same change: as many trials. References and quiet rows come
from the same law, so that what changes is known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.streams import FIVE_LEVELS, autoregressive

Floats = NDArray[np.float64]
Generator = np.random.Generator
Draw = Callable[[Generator, int, int], Floats]
"""Values, ``(n, F)``, from a generator, rows and features."""

FEATURES = 20
LONGEST_LEAD = 32
"""Quiet windows before a change: so many that windows of any scale have begun, and a few more for each feature."""


class Size(NamedTuple):
    """Rows of a window, windows of the reference, and windows of streams without and after a change."""

    window: int
    reference: int
    null: int
    after: int

    @property
    def reference_rows(self) -> int:
        """Rows of the reference."""
        return self.window * self.reference


SIZES = (Size(1_000, 60, 500, 32), Size(200, 100, 500, 100))
QUICK_SIZES = (Size(1_000, 60, 25, 8),)
SPEED_ROWS, QUICK_SPEED_ROWS = 100_000, 10_000


class Case(NamedTuple):
    """A change.

    Attributes
    ----------
    name
        In words.
    kind
        Of task: number, category, missing or joint.
    null
        Name of the stream without it.
    change
        Of rows that are quiet, ``(n, F)``.
    trials
        Streams to judge, each of all features.
    """

    name: str
    kind: str
    null: str
    change: Callable[[Floats, Generator], Floats]
    trials: int = 1


def normal(g: Generator, rows: int, features: int) -> Floats:
    """Return independent normal values."""
    return g.standard_normal((rows, features))


def dependent(g: Generator, rows: int, features: int) -> Floats:
    """Return values of which each is the one before by .9, and something new."""
    draw = autoregressive(0.9)
    return np.stack([draw(g, rows, 1) for _ in range(features)], 1)


def levels(g: Generator, rows: int, features: int) -> Floats:
    """Return one of five levels, as numbers."""
    return np.searchsorted(np.cumsum(FIVE_LEVELS)[:-1], g.random((rows, features)), side="right").astype(np.float64)


def holed(g: Generator, rows: int, features: int) -> Floats:
    """Return normal values of which 1 % are missing."""
    return _missing(normal(g, rows, features), g, 0.01)


NULLS: dict[str, tuple[str, Draw]] = {
    "iid": ("number", normal),
    "AR .9": ("number", dependent),
    "five levels": ("category", levels),
    "1 % missing": ("missing", holed),
    "joint": ("joint", normal),
}
"""Kind of task and law of streams without a change."""

STATIONARY = ("iid", "AR .9")
"""Of which false alarms are compared."""


def _missing(rows: Floats, g: Generator, share: float) -> Floats:
    return np.where(g.random(rows.shape) < share, np.nan, rows)


def _spiked(share: float, value: float) -> Callable[[Floats, Generator], Floats]:
    return lambda rows, g: np.where(g.random(rows.shape) < share, value, rows)


def _together(rows: Floats, g: Generator) -> Floats:
    """Return rows of which the first two features have a correlation of .3."""
    del g
    changed = rows.copy()
    changed[:, 1] = 0.3 * rows[:, 0] + np.sqrt(1 - 0.3**2) * rows[:, 1]
    return changed


def _moved_share(rows: Floats, g: Generator) -> Floats:
    """Return levels of which 5 % moved from the first to the second."""
    moved = (rows == 0) & (g.random(rows.shape) < 0.05 / FIVE_LEVELS[0])
    return np.where(moved, 1.0, rows)


CASES = (
    Case("+.1 sd", "number", "iid", lambda rows, g: rows + 0.1),
    Case("+.2 sd", "number", "iid", lambda rows, g: rows + 0.2),
    Case("+.3 sd", "number", "iid", lambda rows, g: rows + 0.3),
    Case("scale x 1.1", "number", "iid", lambda rows, g: rows * 1.1),
    Case("3 % spike", "number", "iid", _spiked(0.03, 0.123)),
    Case("1 % tail", "number", "iid", _spiked(0.01, 6.0)),
    Case("AR .9, +.3 sd", "number", "AR .9", lambda rows, g: rows + 0.3),
    Case("5 % of a level to another", "category", "five levels", _moved_share),
    Case("missing 1 % to 3 %", "missing", "1 % missing", lambda rows, g: _missing(rows, g, 0.02)),
    Case("correlation 0 to .3 of a pair", "joint", "joint", _together, trials=12),
)


class Streams(NamedTuple):
    """A reference, quiet rows that lead to a change, and rows after it; ``(n, F)`` each. Without a change no lead."""

    reference: Floats
    lead: Floats
    rows: Floats


def quiet(name: str, size: Size) -> Streams:
    """Return a stream without a change."""
    draw = NULLS[name][1]
    g = np.random.default_rng([1, size.window, [*NULLS].index(name)])
    values = draw(g, size.window * (size.reference + size.null), FEATURES)
    return Streams(values[: size.reference_rows], np.zeros((0, FEATURES)), values[size.reference_rows :])


def changed(case: Case, size: Size, trial: int) -> Streams:
    """Return streams that change after a lead."""
    g = np.random.default_rng([2, size.window, [one.name for one in CASES].index(case.name), trial])
    windows = size.reference + LONGEST_LEAD + size.after
    values = NULLS[case.null][1](g, size.window * windows, FEATURES)
    change = size.window * (size.reference + LONGEST_LEAD)
    lead = values[size.reference_rows : change]
    return Streams(values[: size.reference_rows], lead, case.change(values[change:], g))
