"""Why there was an alarm, or why there was none, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.evidence.days import in_words
from stream.folds.decide.listening import KIND as NAMED

if TYPE_CHECKING:
    from stream.ops.explain_keys import Keys

UNJUDGED = ("learning", "insufficient", "no-labels")
ALARMS = ("warning", "drift", "fault")
_PROMISED = ("performance", "estimate")


def why(kind: str, status: str, keys: Keys) -> list[str]:
    """Return the sentences on both keys, and what follows from them."""
    if kind.startswith(NAMED):
        return ["For information: nothing holds river's detectors to the budget, so nothing follows from them."]
    if status in UNJUDGED:
        return [_UNJUDGED[status]]
    return [sure(keys), much(kind, keys), *(_alarm(kind, status) if status in ALARMS else _none(kind, keys))]


_UNJUDGED = {
    "learning": "Nothing was judged: the reference has too few panes, so nothing says how much panes vary by chance.",
    "insufficient": "Nothing was judged: too few effective rows, with which small p-values come too often. Longer "
    "panes, or a spec with fewer and larger segments, give more.",
    "no-labels": "Nothing was judged: the labels that came may not be like those that lack.",
}


def sure(keys: Keys) -> str:
    """Return how sure it is beside its marks, and what the budget is shared over."""
    if keys.evidence_days is None or keys.budget_days is None:
        return "Sure: nothing was tested."
    proven = f"proven at the budget from {days_of(keys.budget_days)} on"
    # Long panes: what is a warning is more than the budget asks for.
    alarm = "an alarm" if (keys.warning_days or 0.0) >= keys.budget_days else "a warning"
    marks = [proven] if keys.warning_days is None else [f"{alarm} from {days_of(keys.warning_days)} on", proven]
    over = "" if keys.shared_over is None else f"; the budget is shared over {tests_of(keys.shared_over)}"
    return f"Sure: {_verb(keys.is_sure)}. {_capital(in_words(keys.evidence_days))} ({', '.join(marks)}{over})."


def much(kind: str, keys: Keys) -> str:
    """Return how much it is beside its floor, or beside what is tolerated."""
    if keys.effect is None or keys.floor is None:
        return "Much: there is no single figure for it."
    floor = "tolerated" if kind in _PROMISED else "floor"
    interval = f" (95 %: {keys.lo:.4g} to {keys.hi:.4g})" if keys.lo is not None and keys.hi is not None else ""
    name = keys.effect_name.replace("_", " ")
    return f"Much: {_verb(keys.is_much)}. {name} {keys.effect:.4g}{interval}, {floor} {keys.floor:.4g}."


def _alarm(kind: str, status: str) -> list[str]:
    if status == "fault":
        return ["Both keys turn: a fault of the data is told at once."]
    if kind in _PROMISED:
        return ["Both keys turn: it pages." if status == "drift" else "Beyond what is tolerated, but no input drifts."]
    told = "proven at the monitor's budget" if status == "drift" else "a warning, not proven at the budget yet"
    return [f"Both keys turn: {told}. Drift alone wakes nobody."]


def _none(kind: str, keys: Keys) -> list[str]:
    """Return why there is no alarm, and what it would have taken."""
    if keys.is_sure and keys.is_much:
        first = ["No alarm: the window that tells most is beyond the floor, all rows since the evidence began are not."]
    elif keys.is_much:
        first = ["No alarm: large, and not proven yet; chance may have done it."]
    elif keys.is_sure:
        first = ["No alarm: proven, and too small to matter."]
    else:
        first = ["No alarm: neither proven nor large."]
    return [*first, *_needed(kind, keys)]


def _needed(kind: str, keys: Keys) -> list[str]:
    needed = []
    if not keys.is_sure and keys.log_evidence is not None and keys.log_threshold is not None:
        needed.append(f"log evidence {keys.log_threshold:.2f} (it is {keys.log_evidence:.2f})")
    if not keys.is_sure and keys.p is not None and keys.p_needed is not None:
        needed.append(f"or one window of this length with p ≤ {keys.p_needed:.2g} (it is {keys.p:.2g})")
    if not keys.is_much and keys.floor is not None and keys.effect is not None:
        beyond = "more than" if kind in _PROMISED and keys.effect_name != "accuracy" else "at least"
        beyond = "less than" if keys.effect_name == "accuracy" else beyond
        name = keys.effect_name.replace("_", " ")
        needed.append(f"{'and ' if needed else ''}{name} of {beyond} {keys.floor:.4g} (it is {keys.effect:.4g})")
    return [f"It would have taken: {', '.join(needed)}."] if needed else []


def tests_of(shared_over: float) -> str:
    """Return what a budget is shared over.

    >>> tests_of(41.9999999), tests_of(1.0)
    ('42 tests', '1 test')
    """
    count = round(shared_over, 1)
    return f"{count:,.0f} test{'' if count == 1 else 's'}" if count == int(count) else f"{count:,.1f} tests"


def days_of(days: float) -> str:
    """Return a number of days.

    >>> days_of(20.8333), days_of(90.0)
    ('20.8 d', '90 d')
    """
    return f"{days:,.3g} d" if days < 1_000 else f"{days:,.0f} d"


def _verb(turns: bool) -> str:
    return "yes" if turns else "no"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
