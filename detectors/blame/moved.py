r"""Which features lay further off than usual in some panes, by rank among as many panes in a row of the reference.

Each window of the reference is held against the rest of it, and the window in question against all of it, by the
Jensen-Shannon distance over bins that the reference cut, less what chance adds to it, about
:math:`(k - 1) (1/n + 1/N) / (8 \ln 2)` for k bins. So what a feature does by itself, from day to day and by its own
memory, is in the comparison, and no distribution is assumed.

Of many features one is always furthest. So distances are told in units of the one that a twentieth of the feature's
own windows exceed, or of the floor of effects if that is more, since what lies below it does not matter. A feature is
named if it lies beyond what a twentieth of the windows reach with any feature (by the rank of conformal prediction:
with fewer than 19 windows side by side, beyond all of them).
That is a statement about one time, not about causes: what everything has in common, such as a season, moves much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.bins import MISSING, Bins
from detectors.columns import Binned, bin_numbers, bin_texts, count_by_pane
from detectors.given import Column
from detectors.panel.floors import Floors

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_WINDOWS = 20
"""Windows of the reference without which nothing can be ranked."""

SIDE_BY_SIDE = 16
"""Windows that the reference holds without an overlap, at least: of a longer time its newest panes are looked at."""

RARE = 0.05


class Panes(NamedTuple):
    """Rows: values by feature, ``(n,)`` each, and the start of the pane of each, epoch milliseconds, ``(n,)``."""

    columns: Mapping[str, Column]
    start_ms: Ints


class Moved(NamedTuple):
    """A feature that lay further off than usual.

    Attributes
    ----------
    further
        Share of the reference's windows that were nearer to the rest of it.
    js
        Jensen-Shannon distance, base 2.
    bin, before, after
        The bin that gained most, and its shares of the rows.
    mean_before, mean_after
        Of numbers; None for categories, and without values.
    """

    feature: str
    further: float
    js: float
    bin: str
    before: float
    after: float
    mean_before: float | None
    mean_after: float | None


class Compared(NamedTuple):
    """What a time was held against, how many windows of how many panes, and what moved, the furthest first."""

    windows: int
    panes: int
    moved: list[Moved]


class _Feature(NamedTuple):
    """One feature: its distances in windows of the reference, ``(N,)``, its distance now, and rows by bin."""

    bins: Bins
    usual: Floats
    now: float
    before: Floats
    after: Floats


def compared(kinds: Mapping[str, str], normal: Panes, now: Panes, cycle_ms: int = 0) -> Compared | None:
    """Return which features moved; None if there are too few panes to say so. O(rows log rows).

    Parameters
    ----------
    kinds
        ``number`` or ``category`` for each feature.
    normal, now
        Rows of the reference, and of the time in question.
    cycle_ms
        Only windows that begin at the same time of this cycle are compared; 0 for all.

    Examples
    --------
    >>> days = np.repeat(np.arange(60), 100)
    >>> g = np.random.default_rng(1)
    >>> normal = Panes({"x": g.normal(size=6_000), "y": g.normal(size=6_000)}, days)
    >>> now = Panes({"x": g.normal(1, 1, 300), "y": g.normal(size=300)}, days[:300])
    >>> found = compared({"x": "number", "y": "number"}, normal, now)
    >>> found.windows, found.panes, [(one.feature, one.further) for one in found.moved]
    (58, 3, [('x', 1.0)])
    """
    starts, pane = np.unique(normal.start_ms, return_inverse=True)
    newest = np.unique(now.start_ms)
    length = min(len(newest), len(starts) // SIDE_BY_SIDE)
    begins = _alike(starts, length, int(newest[-length]), cycle_ms) if length else np.zeros(0, np.int64)
    if len(begins) < LEAST_WINDOWS:
        return None
    chosen = np.flatnonzero(now.start_ms >= newest[-length])
    windows = _Windows(pane.astype(np.int64), len(starts), begins, length)
    sides = {name: (normal.columns[name], now.columns[name]) for name in kinds}
    found = [_feature(name, kind, *sides[name], chosen, windows) for name, kind in kinds.items()]
    return Compared(len(begins), length, _furthest(found, normal, now, chosen, len(starts) / length))


class _Windows(NamedTuple):
    """The pane of each row of the reference, ``(n,)``, how many there are, and the first panes of its windows."""

    pane: Ints
    panes: int
    begins: Ints
    length: int


def _alike(starts: Ints, length: int, begin_ms: int, cycle_ms: int) -> Ints:
    """Return the first panes of all windows of a length, ``(N,)``; with a cycle, those that begin at the same time."""
    begins = np.arange(len(starts) - length + 1)
    return begins if cycle_ms <= 0 else begins[(starts[begins] - begin_ms) % cycle_ms == 0]


def _feature(name: str, kind: str, normal: Column, now: Column, chosen: Ints, windows: _Windows) -> _Feature:
    binned = _binned(name, kind, normal)
    counts = count_by_pane(binned.codes, binned.bins.width, windows.pane, windows.panes)
    upto = np.concatenate([np.zeros((1, binned.bins.width)), counts.cumsum(0)])
    inside = upto[windows.begins + windows.length] - upto[windows.begins]
    before = upto[-1]
    after = np.bincount(_codes(binned.bins, now, chosen), minlength=binned.bins.width).astype(np.float64)
    return _Feature(binned.bins, _js(inside, before - inside), float(_js(after, before)), before, after)


def _binned(name: str, kind: str, values: Column) -> Binned:
    if kind == "number":
        return bin_numbers(name, cast(ArrayLike, values))
    return bin_texts(name, cast(Sequence[str | None], values))


def _codes(bins: Bins, values: Column, chosen: Ints) -> Ints:
    """Return the bins of the chosen rows."""
    if bins.kind == "number":
        return bins.number_codes(np.asarray(values, np.float64)[chosen]).astype(np.int64)
    texts = [cast(Sequence[str | None], values)[row] for row in chosen.tolist()]
    codes = bins.level_codes([text or "" for text in texts])
    return np.where([text is None for text in texts], MISSING, codes).astype(np.int64)


def _js(inside: Floats, rest: Floats) -> Floats:
    """Return the distances of windows and the rest, counts ``(..., W)``, less what chance adds."""
    n, m = inside.sum(-1), rest.sum(-1)
    p, q = inside / np.maximum(n, 1)[..., None], rest / np.maximum(m, 1)[..., None]
    middle = (p + q) / 2
    divergence = (_relative(p, middle) + _relative(q, middle)) / 2
    bias = ((inside + rest > 0).sum(-1) - 1) * (1 / np.maximum(n, 1) + 1 / np.maximum(m, 1)) / (8 * np.log(2))
    return np.asarray(np.sqrt(np.clip(divergence - bias, 0, 1)), np.float64)


def _relative(p: Floats, q: Floats) -> Floats:
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0)
    return np.asarray((p * np.log2(ratio)).sum(-1), np.float64)


def _furthest(found: Sequence[_Feature], normal: Panes, now: Panes, chosen: Ints, apart: float) -> list[Moved]:
    """Return the features that lie beyond what the windows reach with any feature, and above the floor.

    `apart`: so many windows do not overlap, and say where a twentieth of all begins (with 18 of them: nowhere).
    """
    units = [max(float(np.quantile(one.usual, 1 - RARE)), Floors().js) for one in found]
    reached = np.max([one.usual / unit for one, unit in zip(found, units, strict=True)], axis=0)
    limit = float(np.quantile(reached, min(1.0, (1 - RARE) * (1 + 1 / apart))))
    far = [
        (one.now / unit, one)
        for one, unit in zip(found, units, strict=True)
        if one.now / unit > limit and one.now >= Floors().js
    ]
    far.sort(key=lambda pair: -pair[0])
    return [_moved(one, normal, now, chosen) for _, one in far]


def _moved(one: _Feature, normal: Panes, now: Panes, chosen: Ints) -> Moved:
    before, after = one.before / one.before.sum(), one.after / one.after.sum()
    most = int((after - before).argmax())
    name = one.bins.name
    is_number = one.bins.kind == "number"
    return Moved(
        feature=name,
        further=float((one.usual < one.now).mean()),
        js=one.now,
        bin=one.bins.label(most),
        before=float(before[most]),
        after=float(after[most]),
        mean_before=_mean(normal.columns[name]) if is_number else None,
        mean_after=_mean(np.asarray(now.columns[name], np.float64)[chosen]) if is_number else None,
    )


def _mean(values: Column) -> float | None:
    """Return the mean of what is finite; None without any."""
    numbers = np.asarray(values, np.float64)
    finite = numbers[np.isfinite(numbers)]
    return float(finite.mean()) if len(finite) else None
