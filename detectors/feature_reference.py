"""What is known of one feature from the reference: bins, shares, and how they vary between its panes."""

from __future__ import annotations

from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.bins import MISSING, Bins
from detectors.pane_moments import SCALES

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class FeatureReference(msgspec.Struct, frozen=True, dict=True):
    """One feature of the reference. The k scores are those of `detectors.scores`; k may be 0.

    Attributes
    ----------
    bins
        Where its values fall.
    counts, rows
        Reference rows by bin, and all of them.
    shares
        Expected shares with pseudo-counts: half a row for a bin, one for a bin that was never seen; for
        unseen levels also the number of levels seen once (Good and Turing). All positive, sum 1.
    centres
        A value for each bin in reference standard deviations; 0 for categories.
    mean, sd
        Of the values, from counts and centres; 0 for categories.
    scores
        ``k`` rows of ``width``.
    score_mean, score_covariance
        Of a pane of mean size: ``k``, ``k`` rows of ``k``.
    ratios
        Dependence between panes by scale (`detectors.pane_moments.SCALES`), ``len(SCALES)`` rows of ``k``.
    sampling_share
        Part of the variance that more rows lower, ``k``.
    dispersion
        Variance of each bin's counts against independent rows, ``width``.
    design_effect
        Rows that count as one, 1 or more.
    effective_panes
        Panes that the reference is worth, given their dependence.
    """

    bins: Bins
    counts: tuple[int, ...]
    rows: int
    shares: tuple[float, ...]
    centres: tuple[float, ...]
    mean: float
    sd: float
    scores: tuple[tuple[float, ...], ...]
    score_mean: tuple[float, ...]
    score_covariance: tuple[tuple[float, ...], ...]
    ratios: tuple[tuple[float, ...], ...]
    sampling_share: tuple[float, ...]
    dispersion: tuple[float, ...]
    design_effect: float
    effective_panes: float

    @property
    def name(self) -> str:
        """The feature's name."""
        return self.bins.name

    @property
    def is_number(self) -> bool:
        """Whether the feature's values are numbers, not levels."""
        return self.bins.kind == "number"

    def ratio(self, panes: int) -> Floats:
        """Return the dependence of a window of `panes`, ``(k,)``: that of the next scale that was measured."""
        place = sum(scale < panes for scale in SCALES[:-1])
        return np.asarray(self.ratio_array[place], np.float64)

    @cached_property
    def share_array(self) -> Floats:
        """`shares` as an array, ``(width,)``."""
        return np.array(self.shares)

    @cached_property
    def present_array(self) -> Floats:
        """Shares among values that are not missing, ``(width,)``."""
        left = self.share_array.copy()
        left[MISSING] = 0
        return np.asarray(left / left.sum(), np.float64)

    @cached_property
    def centre_array(self) -> Floats:
        """`centres` as an array, ``(width,)``."""
        return np.array(self.centres)

    @cached_property
    def dispersion_array(self) -> Floats:
        """`dispersion` as an array, ``(width,)``."""
        return np.array(self.dispersion)

    @cached_property
    def ratio_array(self) -> Floats:
        """`ratios` as an array, ``(len(SCALES), k)``."""
        return np.array(self.ratios).reshape(len(SCALES), len(self.scores))

    @cached_property
    def score_array(self) -> Floats:
        """`scores` as an array, ``(k, width)``."""
        return np.array(self.scores).reshape(len(self.scores), self.bins.width)

    @cached_property
    def mean_array(self) -> Floats:
        """`score_mean` as an array, ``(k,)``."""
        return np.array(self.score_mean)

    @cached_property
    def sampling_array(self) -> Floats:
        """`sampling_share` as an array, ``(k,)``."""
        return np.array(self.sampling_share)

    @cached_property
    def covariance_array(self) -> Floats:
        """`score_covariance` as an array, ``(k, k)``."""
        return np.array(self.score_covariance).reshape(len(self.scores), len(self.scores))

    @cached_property
    def whitening(self) -> Floats:
        """A with A Aᵀ = inverse covariance, ``(k, k)``: ``|d A|²`` is Hotelling's statistic of a deviation d."""
        values, vectors = np.linalg.eigh(self.covariance_array)
        return np.asarray(vectors / np.sqrt(values), np.float64)
