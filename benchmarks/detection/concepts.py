"""Experiment 10: two streams whose inputs change every 5,000 rows, watched with one setting.

References
----------
Lukats, Zielinski, Hahn, Stahl: "A benchmark and survey of fully unsupervised concept drift detectors on real-world
data streams", International Journal of Data Science and Analytics 19 (2025), section 6.5, describes both streams and
the measures; Breiman et al., "Classification and Regression Trees" (1984), the waveforms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_most
from benchmarks.detection.retake import Setting, alarmed_rows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Generator = np.random.Generator
Concept = Callable[[Generator, Ints], Floats]
"""Values of rows at these places of the stream, ``(n, d)``."""

EVERY, ROWS = 5_000, 154_987
PERIOD, NOISE = 500, 0.25
SEEDS, QUICK_SEEDS = 5, 1

SETTING = Setting(rows=50, panes=60, scales=(2, 8, 32), phases=10, least_rows=100)
"""One for both streams: the cycle is that of `sine_clusters`, the other has none."""


class Found(NamedTuple):
    """Share of drifts without an alarm before the next, mean rows until the first alarm, and all other alarms."""

    missed: float
    delay: float
    false: int


def experiments(quick: bool) -> Iterator[Experiment]:
    """Yield the misses, the delay and the most false alarms of a stream, over seeds."""
    seeds, rows = (QUICK_SEEDS, 40_000) if quick else (SEEDS, ROWS)
    for name, concepts in (("SineClusters", sine_clusters()), ("WaveformDrift2", waveforms())):
        found = [_watched(np.random.default_rng(seed), concepts, rows) for seed in range(seeds)]
        yield at_most(f"{name}: share of drifts missed", float(np.mean([one.missed for one in found])), 0.04)
        yield at_most(f"{name}: mean rows until a drift is seen", float(np.mean([one.delay for one in found])), 150)
        yield at_most(f"{name}: most false alarms of a stream", max(one.false for one in found), 1)


def _watched(g: Generator, concepts: Sequence[Concept], rows: int) -> Found:
    values = changing(g, concepts, rows)
    columns = {f"x{i}": column for i, column in enumerate(values.T)}
    return judged(alarmed_rows(columns, SETTING), range(EVERY, rows, EVERY))


def changing(g: Generator, concepts: Sequence[Concept], rows: int) -> Floats:
    """Return a stream, ``(rows, d)``, that changes to another of the concepts every 5,000 rows."""
    parts, current = [], int(g.integers(len(concepts)))
    for start in range(0, rows, EVERY):
        parts.append(concepts[current](g, np.arange(start, min(start + EVERY, rows))))
        current = (current + int(g.integers(1, len(concepts)))) % len(concepts)
    return np.concatenate(parts)


def judged(alarms: Sequence[int], drifts: Sequence[int]) -> Found:
    """Return the measures: the first alarm between a drift and the next is its, every other is false.

    >>> judged([100, 5_050, 6_000, 15_200], [5_000, 10_000, 15_000])
    Found(missed=0.33, delay=125.0, false=2)
    """
    ends = [*drifts[1:], np.inf]
    first = [
        min((alarm for alarm in alarms if start < alarm <= end), default=None)
        for start, end in zip(drifts, ends, strict=True)
    ]
    delays = [alarm - start for alarm, start in zip(first, drifts, strict=True) if alarm is not None]
    delay = float(np.mean(delays)) if delays else float("inf")
    return Found(1 - len(delays) / len(drifts), delay, len(alarms) - len(delays))


def sine_clusters() -> tuple[Concept, ...]:
    """Return three concepts of four features: two sines of which signs and phase change, two that stay; all noisy.

    The first two have the same distribution over a whole cycle in each concept: only their cycle, and how they go
    with the other two, changes.
    """
    pairs = ((_sin, _cos), (_minus_sin, _cos), (_minus_cos, _minus_cos))
    return tuple(_sines(first, second) for first, second in pairs)


def _sines(first: Callable[[Floats], Floats], second: Callable[[Floats], Floats]) -> Concept:
    def concept(g: Generator, place: Ints) -> Floats:
        angle = 2 * np.pi * (place % PERIOD) / PERIOD
        clean = np.stack([first(angle), second(angle), np.sin(angle), np.cos(angle)], 1)
        return np.asarray(clean + g.normal(0, NOISE, clean.shape), np.float64)

    return concept


def _sin(angle: Floats) -> Floats:
    return np.asarray(np.sin(angle), np.float64)


def _cos(angle: Floats) -> Floats:
    return np.asarray(np.cos(angle), np.float64)


def _minus_sin(angle: Floats) -> Floats:
    return -_sin(angle)


def _minus_cos(angle: Floats) -> Floats:
    return -_cos(angle)


def waveforms() -> tuple[Concept, ...]:
    """Return four concepts of 21 features: random mixtures of two of three triangles h, and of h + 6, 6 - h and -h."""
    places = np.arange(21)
    triangles = np.stack([np.maximum(0, 6 - np.abs(places - top)) for top in (6, 14, 10)]).astype(np.float64)
    return tuple(_mixtures(shapes) for shapes in (triangles, triangles + 6, 6 - triangles, -triangles))


def _mixtures(shapes: Floats) -> Concept:
    pairs = np.array([[0, 1], [0, 2], [1, 2]])

    def concept(g: Generator, place: Ints) -> Floats:
        first, second = pairs[g.integers(len(pairs), size=len(place))].T
        share = g.random(len(place))[:, None]
        mixed = share * shapes[first] + (1 - share) * shapes[second]
        return np.asarray(mixed + g.standard_normal(mixed.shape), np.float64)

    return concept
