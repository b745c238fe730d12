"""Counts of simulated features, and panels of them."""

import numpy as np

from detectors.bins import fit_number
from detectors.columns import count_by_pane
from detectors.panel.fit import ReferenceCounts, fit_panel
from detectors.panel.joint import pair_sums, with_joint


def counted(columns, rows, reference):
    """Return bins fitted to the first `reference` panes, and counts ``(panes, F, W)``."""
    pane = np.repeat(np.arange(len(rows)), rows)
    known = int(rows[:reference].sum())
    bins = tuple(fit_number(f"x{i}", values[:known]) for i, values in enumerate(columns))
    width = max(feature.width for feature in bins)
    counts = [
        count_by_pane(feature.number_codes(values), width, pane, len(rows)).astype(np.int64)
        for feature, values in zip(bins, columns, strict=True)
    ]
    return bins, np.stack(counts, 1)


def panel_and_panes(columns, rows_per_pane, reference, scales=(1, 4, 16), phases=1):
    """Return the panel of the first panes, and the counts of the others."""
    rows = np.full(len(columns[0]) // rows_per_pane, rows_per_pane)
    bins, counts = counted(columns, rows, reference)
    known = ReferenceCounts(bins, counts[:reference], rows[:reference])
    return fit_panel(known, scales, phases), counts[reference:]


def pairs_of(panel, columns, rows_per_pane):
    """Return the sums of pairs of each pane, ``(panes, d (d + 1) / 2)``."""
    codes = [feature.number_codes(values) for feature, values in zip(panel.bins, columns, strict=True)]
    scores = np.take_along_axis(panel.normal_scores, np.stack(codes), 1).T
    return np.stack([pair_sums(part) for part in np.split(scores, len(scores) // rows_per_pane)])


def with_pairs(panel, sums, rows_per_pane):
    """Return the panel with a joint test of all features."""
    rows = np.full(panel.panes, float(rows_per_pane))
    return with_joint(panel, sums[: panel.panes], rows, np.arange(len(panel.bins)))
