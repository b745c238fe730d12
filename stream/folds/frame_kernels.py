"""Codes and words of a frame in compiled code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from stream.folds.frame import TEXT

_TEXT, _CODES, _ONE = np.uint64(TEXT), np.uint64(1 << 32), np.uint64(1)


@compiled
def texts_within(words: NDArray[np.uint64], texts: int) -> bool:
    """Say whether all words that are texts have codes below `texts`. O(words)."""
    first, room = _TEXT + np.uint64(texts), _CODES - np.uint64(texts)
    beyond = np.uint64(0)
    for word in words:  # to the end, without a branch: several words at once
        beyond |= _ONE if word - first < room else np.uint64(0)
    return bool(beyond == 0)


@compiled
def codes_within(codes: NDArray[np.int32], low: int, high: int) -> bool:
    """Say whether all codes are at least `low` and below `high`."""
    beyond = np.int64(0)
    for code in codes:
        beyond |= np.int64(1) if (code < low) | (code >= high) else np.int64(0)
    return bool(beyond == 0)
