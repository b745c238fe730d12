"""What a trace says in words: one sentence for each state of an event and of a pane, and what to do next."""

from __future__ import annotations

Words = tuple[str, str]
"""A sentence, and what to do next; that may be empty."""

LETTER = "Could not be read; `streamgauge dead-letters show` has the whole record, `… retry` sends it again."
NO_LABEL = (
    "No label yet: it counts for volume and drift, not for performance. "
    "`streamgauge query label_delay model=…` says how long labels take."
)

_FATES: dict[tuple[str, str], Words] = {
    ("prediction", "used"): ("Counted.", ""),
    ("label", "used"): ("Joined to its prediction.", ""),
    ("prediction", "late"): ("Counted, after its pane was final: it amends that pane.", "Send it sooner, or let the "
     "spec's lateness be longer."),
    ("label", "pending"): ("Waits for its prediction, until the label horizon ends.", "Look whether the prediction was "
     "sent under this id and model."),
    ("prediction", "duplicate"): ("Dropped: this model had the same prediction_id before; the first one counts.", ""),
    ("label", "duplicate"): ("Dropped: the prediction has a label of this lane.", "To correct a label, send it with a "
     "higher revision."),
    ("label", "unmatched"): ("Given up: no prediction with this id came within the label horizon.", "Look at the id, "
     "the model's name, and labels.horizon of the spec."),
}  # fmt: skip
_WAITING: Words = (
    "In the ledger, but `measure` has not come to it yet.",
    "Look again soon; `streamgauge lag` says how far behind it is.",
)
_REASONS: dict[str, Words] = {
    "too-late": (
        "Refused: it happened before everything that is still remembered, the label horizon.",
        "Let labels.horizon of the spec be longer, or replay the past into a lineage of its own.",
    ),
    "future-time": (
        "Refused: its event time is more than an hour ahead of the log's clock.",
        "Look at the producer's clock and at the unit of event_time: milliseconds, or RFC 3339.",
    ),
}


def fate_words(kind: str, fate: str, reason: str, model: str) -> Words:
    """Return what a fate means.

    >>> fate_words("prediction", "invalid", "no monitor watches model 'm'", "m")[1]
    'Put one in force: `streamgauge spec apply FILE`.'
    """
    if fate == "waiting":
        return _WAITING
    if reason in _REASONS:
        return _REASONS[reason]
    if reason.startswith("no monitor"):
        return (
            f"Not measured: no monitor watches the model {model}.",
            "Put one in force: `streamgauge spec apply FILE`.",
        )
    known = _FATES.get((kind, fate))
    if known is not None:
        return known
    why = f": {reason}" if reason else ""
    return f"Not used ({fate}{why}).", "Mend what it names, and send it again under another prediction_id."


def pane_words(state: str, start: str, length_s: int, counted: str, known: str, is_mature: bool) -> Words:
    """Return how it stands with a pane; times as text, empty for none.

    >>> pane_words("open", "13:00", 3600, "", "", False)[0]
    'Its pane 13:00 (3600 s) is open: later rows are still taken in.'
    """
    pane = f"Its pane {start} ({length_s} s)"
    if state == "open":
        return (
            f"{pane} is open: later rows are still taken in.",
            "It becomes final when every ledger partition has passed its end by the spec's lateness.",
        )
    if state == "before":
        return f"{pane} lies before the monitor's lineage began: it is not judged.", ""
    final = f"{pane} is final since {known}"
    if state == "late":
        where = f"the row counts in the arrival of {counted}" if counted else "its amendment is not written yet"
        return f"{final}; {where}.", ""
    return f"{final}; its labels are {'mature and judged' if is_mature else 'not mature yet'}.", ""
