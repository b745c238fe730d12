"""Predictions that wait for their labels, as compact columns: an open part, and sealed segments by hour."""

from stream.folds.pending.find_kernels import HOUR_MS
from stream.folds.pending.segment import MAX_SEGMENTS, NEVER_HOUR
from stream.folds.pending.store import SEAL_ROWS, Entries, Pending

__all__ = ["HOUR_MS", "Pending", "Entries", "SEAL_ROWS", "MAX_SEGMENTS", "NEVER_HOUR"]
