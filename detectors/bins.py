"""Bins of one feature: frozen on the reference, the same ever after, so that counts add up over panes and partitions.

Bin 0 holds missing values, bin 1 what lies below the reference (numbers) or was never seen in it (levels).
Numbers have a last bin for what lies above the reference.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.bin_kernels import BUCKETS, fill_codes, fill_guides

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Kind = Literal["number", "category"]

MISSING, UNSEEN = 0, 1
FIRST = 2
"""The first bin that holds values of the reference."""

MAX_LEVEL_BINS = 64
"""Levels beyond this many share as many hash buckets: to choose the most frequent would bias their later shares."""

CUTS = np.concatenate([[0.001, 0.01], np.arange(1, 24) / 24, [0.99, 0.999]])
"""Quantiles of the reference at which numbers are cut."""


class Bins(msgspec.Struct, frozen=True, dict=True):
    """Which bin a value of one feature falls into.

    Attributes
    ----------
    name, kind
        The feature, and whether its values are numbers or levels (texts).
    edges
        Of numbers: strictly rising; bin ``2 + i`` is ``[edges[i], edges[i + 1])``. The last is just above the
        maximum.
    levels
        Of a category: all levels of the reference, the most frequent first.
    width
        Number of bins, with those for missing, below or unseen, and above.
    """

    name: str
    kind: Kind
    edges: tuple[float, ...]
    levels: tuple[str, ...]
    width: int

    def number_codes(self, values: ArrayLike) -> Ints:
        """Return the bin of each number, ``(n,)``; NaN is missing, infinities lie below and above.

        >>> fit_number("x", [1.0, 2.0, 2.0, 3.0]).number_codes([math.nan, 0.5, 1.0, 2.0, 9.0])
        array([0, 1, 2, 3, 5])
        """
        numbers = np.ascontiguousarray(values, np.float64)
        codes = np.empty(len(numbers), np.int64)
        fill_codes(numbers, *self._guided_edges, codes)
        return codes

    def level_codes(self, levels: Sequence[str]) -> Ints:
        """Return the bin of each text, ``(len(levels),)``; 1 for texts that the reference does not hold.

        >>> fit_category("carrier", ["UA", "AA", "UA"]).level_codes(["AA", "UA", "ZZ"])
        array([3, 2, 1])
        """
        bins = self._bin_of_level
        return np.array([bins.get(level, UNSEEN) for level in levels], np.int64)

    def label(self, bin_: int) -> str:
        """Return what `bin_` holds, in words.

        >>> bins = fit_number("x", [4.0, 7.5, 9.0])
        >>> [bins.label(b) for b in range(bins.width)]
        ['missing', 'below 4', '[4, 7.5)', '[7.5, 9)', '9', 'above 9']
        """
        if not 0 <= bin_ < self.width:
            raise ValueError(f"bin must be in 0 .. {self.width - 1}, got {bin_}")
        if bin_ == MISSING:
            return "missing"
        return self._number_label(bin_) if self.kind == "number" else self._level_label(bin_)

    @cached_property
    def _guided_edges(self) -> tuple[Floats, Floats, NDArray[np.uint16]]:
        """The edges, a NaN behind them (not below any value), and where to look among them: see ``bin_kernels``."""
        edges, scales, guides = np.array([*self.edges, np.nan]), np.empty(2), np.empty(BUCKETS + 1, np.uint16)
        fill_guides(edges, np.array([0, len(edges)]), scales, guides)
        return edges, scales, guides

    @cached_property
    def _bin_of_level(self) -> dict[str, int]:
        if len(self.levels) <= MAX_LEVEL_BINS:
            return {level: FIRST + i for i, level in enumerate(self.levels)}
        return {level: FIRST + bucket_of(level) for level in self.levels}

    def _number_label(self, bin_: int) -> str:
        if not self.edges:
            return "unseen"
        if bin_ == UNSEEN:
            return f"below {self.edges[0]:.6g}"
        if bin_ == self.width - 1:
            return f"above {math.nextafter(self.edges[-1], -math.inf):.6g}"
        low, high = self.edges[bin_ - FIRST : bin_ - FIRST + 2]
        if math.nextafter(low, math.inf) >= high:
            return f"{low:.6g}"
        short = f"{low:.6g}", f"{high:.6g}"
        return f"[{short[0]}, {short[1]})" if short[0] != short[1] else f"[{low!r}, {high!r})"

    def _level_label(self, bin_: int) -> str:
        if bin_ == UNSEEN:
            return "unseen"
        if len(self.levels) <= MAX_LEVEL_BINS:
            return self.levels[bin_ - FIRST]
        inside = [level for level in self.levels if bucket_of(level) == bin_ - FIRST]
        more = f" and {len(inside) - 1} more" if len(inside) > 1 else ""
        return f"{inside[0]}{more}" if inside else f"bucket {bin_ - FIRST}"


def bucket_of(level: str) -> int:
    """Return the hash bucket of a level, the same on every machine."""
    return zlib.crc32(level.encode()) % MAX_LEVEL_BINS


def fit_number(name: str, values: ArrayLike) -> Bins:
    """Return bins of a number, cut at the quantiles `CUTS` of the finite reference values.

    A quantile that repeats is an atom of the distribution and has its own bin. Up to 27 distinct values have
    one bin each. Without a finite value there are two bins: missing and unseen.
    """
    numbers = np.asarray(values, np.float64)
    numbers = numbers[np.isfinite(numbers)]
    edges = _edges(np.sort(numbers)) if numbers.size else ()
    return Bins(name, "number", edges, (), len(edges) + 2)


def with_edge(bins: Bins, value: float) -> Bins:
    """Return bins of a number that are also cut at a value, if it lies inside their range.

    >>> with_edge(fit_number("x", [0.2, 0.9]), 0.5).edges[:2]
    (0.2, 0.5)
    """
    if not bins.edges or not bins.edges[0] < value < bins.edges[-1] or value in bins.edges:
        return bins
    edges = tuple(sorted((*bins.edges, value)))
    return Bins(bins.name, "number", edges, (), len(edges) + 2)


def _following(values: Floats) -> Floats:
    """Return the next float64 above each value; infinity above the last."""
    with np.errstate(over="ignore"):
        return np.asarray(np.nextafter(values, np.inf), np.float64)


def _edges(ordered: Floats) -> tuple[float, ...]:
    distinct = np.unique(ordered)
    if len(distinct) <= len(CUTS):
        cuts = distinct
    else:
        quantiles = ordered[np.ceil(CUTS * len(ordered)).astype(np.int64) - 1]
        value, times = np.unique(quantiles, return_counts=True)
        cuts = np.concatenate([distinct[:1], value, _following(value[times > 1])])
    above = _following(distinct[-1:])
    return tuple(np.unique(np.concatenate([cuts, above])).tolist())


def fit_category(name: str, texts: Sequence[str | None]) -> Bins:
    """Return bins of a category: one for each level up to 64, else 64 hash buckets; None is missing."""
    counts = Counter(text for text in texts if text is not None)
    levels = tuple(sorted(counts, key=lambda level: (-counts[level], level)))
    return Bins(name, "category", (), levels, FIRST + min(len(levels), MAX_LEVEL_BINS))
