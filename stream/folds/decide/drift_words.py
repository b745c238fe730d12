"""The sentences about features: why a verdict is what it is, and what an incident says."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.evidence.days import in_words
from stream.folds.decide.state import Part
from stream.folds.decide.words import day, listed

_EFFECTS = {
    "js": "its distribution moved by a JS distance of {:.3g}",
    "mean_shift_sd": "its mean moved by {:+.2f} sd",
    "tv": "{:.1%} of its rows changed their place",
    "rare": "{:.1%} more rows than before are missing, new or out of range",
    "bin_gain": "one of its bins gained {:.1%} of the rows",
}
OUTLIERS = "__outliers__"
"""Target of the verdict on rows that are unlike all of the reference's."""

_ANSWERS = {"__score__": "the score", "__prediction__": "the prediction"}


def much(effect: str, value: float) -> str:
    """Return an effect in words.

    >>> much("mean_shift_sd", 0.42), much("rare", 0.031)
    ('its mean moved by +0.42 sd', '3.1% more rows than before are missing, new or out of range')
    """
    return _EFFECTS[effect].format(value)


def feature_reason(effect: str, value: float, floor: float, days: float, worst: str) -> str:
    """Return why a feature's verdict is what it is: how much against its floor, and how sure.

    >>> feature_reason("mean_shift_sd", 0.42, 0.1, 400.0, "[4, 7.5)")
    'its mean moved by +0.42 sd (floor 0.1); by chance, once in 13 months; most in bin [4, 7.5)'
    """
    return f"{much(effect, value)} (floor {floor:.3g}); {in_words(days)}; most in bin {worst}"


def pairs_reason(feature: str, days: float) -> str:
    """Return why the verdict on pairs is what it is; `feature` is the one whose pairs changed most, or empty."""
    if not feature:
        return f"features move together as they did; {in_words(days)}"
    return f"{feature} no longer moves with the other features as it did; {in_words(days)}"


def outliers_reason(share: float, expected: float, days: float) -> str:
    """Return why the verdict on outliers is what it is.

    >>> outliers_reason(0.031, 0.001, 400.0)
    '3.1% of rows are unlike any of the reference (0.1% expected); by chance, once in 13 months'
    """
    return f"{share:.1%} of rows are unlike any of the reference ({expected:.1%} expected); {in_words(days)}"


def moved_reason(change: float, floor: float, unit: str, days: float) -> str:
    """Return why the verdict on what a feature does to the answers is what it is.

    >>> moved_reason(0.31, 0.05, "log odds", 400.0)
    'it moves the answers by +0.31 log odds against the reference (floor 0.05); by chance, once in 13 months'
    """
    return f"it moves the answers by {change:+.3g} {unit} against the reference (floor {floor:.3g}); {in_words(days)}"


def drift_title(
    model: str, features: Sequence[str], apart: Sequence[str], since_ms: int, pane_ms: int, parts: Sequence[Part] = ()
) -> str:
    """Return the sentence of a drift incident; `apart` are features that only move with others in another way.

    `parts` are the groups that it is about, none for all rows.

    >>> drift_title("m", ["temp"], [], 0, 86_400_000)
    'm: the input temp drifted since 1 Jan 1970'
    >>> drift_title("m", ["temp"], [], 0, 86_400_000, [("city", "Oslo"), ("city", "Rome")])
    'm: the input temp drifted where city is Oslo or Rome since 1 Jan 1970'
    >>> drift_title("m", [], ["temp"], 0, 86_400_000)
    'm: the input temp no longer moves with the others since 1 Jan 1970'
    >>> drift_title("m", ["__score__"], ["temp", "dewp"], 0, 86_400_000)
    'm: the inputs temp and dewp no longer move with each other or the others since 1 Jan 1970'
    >>> drift_title("m", [OUTLIERS], [], 0, 86_400_000)
    'm: more rows than usual are unlike any of the reference since 1 Jan 1970'
    """
    since = f"{where(parts)}since {day(since_ms, pane_ms)}"
    named = [name for name in features if name != OUTLIERS]
    inputs = [name for name in named if name not in _ANSWERS]
    if inputs:
        return f"{model}: the input{'' if len(inputs) == 1 else 's'} {listed(inputs)} drifted {since}"
    if apart:
        return f"{model}: {_apart(apart)} {since}"
    if not named:
        return f"{model}: more rows than usual are unlike any of the reference {since}"
    return f"{model}: {listed([_ANSWERS[name] for name in named])} drifted {since}"


def _apart(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"the input {names[0]} no longer moves with the others"
    return f"the inputs {listed(names)} no longer move with each other or the others"


def where(parts: Sequence[Part]) -> str:
    """Return groups in words, with a space behind; empty for all rows.

    >>> where([("city", "Oslo"), ("city", "Rome")])
    'where city is Oslo or Rome '
    """
    segments = dict.fromkeys(segment for segment, _ in parts)
    named = [f"{segment} is {' or '.join(v for k, v in parts if k == segment)}" for segment in segments]
    return f"where {', or '.join(named)} " if named else ""
