"""The sentence on inputs that moved while performance was lost: what was seen at one time, never a cause."""

from __future__ import annotations

from detectors.blame.moved import Compared, Moved

MOST_NAMED = 5


def moved_words(found: Compared, whose: str) -> str:
    """Return what moved at the same time; `whose` windows it was held against.

    >>> temp = Moved("temp", 0.98, 0.2, "[70, 80)", 0.02, 0.3, 37.7, 53.9)
    >>> moved_words(Compared(82, 9, [temp]), "the reference").partition(": ")[2]
    'temp (further than 98 % of 82 windows of the reference; mean 37.7, now 53.9)'
    >>> moved_words(Compared(82, 9, []), "the reference")
    'no input moved further at that time than inputs do in 82 windows of the reference'
    """
    windows = f"{found.windows} windows of {whose}"
    if not found.moved:
        return f"no input moved further at that time than inputs do in {windows}"
    told = [_one(one, windows if place == 0 else "") for place, one in enumerate(found.moved[:MOST_NAMED])]
    left = len(found.moved) - MOST_NAMED
    told += [f"and {left} more"] if left > 0 else []
    return f"moved at the same time, which proves no cause: {', '.join(told)}"


def _one(one: Moved, windows: str) -> str:
    further = f"further than {'all' if one.further >= 1 else f'{one.further:.0%}'.replace('%', ' %')}"
    return f"{one.feature} ({further}{f' of {windows}' if windows else ''}; {_change(one)})"


def _change(one: Moved) -> str:
    """Return the means of numbers, unless they moved otherwise than in the mean: then the bin that gained most."""
    if one.mean_before is not None and one.mean_after is not None:
        return f"mean {one.mean_before:.4g}, now {one.mean_after:.4g}"
    return f"{one.bin}: {one.before:.1%} of rows, now {one.after:.1%}"
