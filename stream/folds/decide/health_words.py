"""The sentences about faults of the data."""

from __future__ import annotations

from detectors.evidence.days import in_words
from detectors.quality.fault import Fault
from stream.folds.decide.words import day

_WHAT = {
    "schema": "{feature} is gone",
    "type": "{feature} comes as something else in {share:.1%} of the rows",
    "missing": "{feature} is missing in {share:.1%} of the rows",
    "unseen": "{feature} has levels that were never seen in {share:.1%} of the rows",
    "range": "{feature} lies {side} all that was seen in {share:.1%} of the rows",
    "stuck": "{feature} is stuck at one value",
    "duplicates": "{share:.1%} of the events came twice",
    "volume": "rows {moved} to {share:.0%} of what is usual",
    "no-data": "no row in {share:.0f} panes",
    "no-labels": "labels for {share:.0%} of the rows",
}
_EXPECTED = {"volume": "100 %", "no-data": "{expected:.0f} at most"}


def what(fault: Fault) -> str:
    """Return what is wrong.

    >>> what(Fault("range", "distance", "above", 1e-9, 20, 0.114, 0.0, 0.005, 0.1, 0.13))
    'distance lies above all that was seen in 11.4% of the rows'
    """
    moved = "rose" if fault.share > fault.expected else "fell"
    return _WHAT[fault.check].format(feature=fault.feature, side=fault.side, share=fault.share, moved=moved)


def fault_title(model: str, fault: Fault, since_ms: int, pane_ms: int) -> str:
    """Return the sentence of an incident."""
    return f"{model}: {what(fault)} since {day(since_ms, pane_ms)}"


def fault_reason(fault: Fault, days: float) -> str:
    """Return why it is a fault: what was expected, and how sure it is."""
    expected = _EXPECTED.get(fault.check, "{expected:.2%}").format(expected=fault.expected)
    return f"{what(fault)}; {expected} is usual; {in_words(days)}"
