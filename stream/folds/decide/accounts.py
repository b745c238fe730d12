"""Rows that account for what came: where the events of a message went, and that messages before it are missing."""

from __future__ import annotations

from msgspec.structs import asdict

from stream.folds.decide.emit import Emit
from stream.folds.partials import Count, Fate, Message
from stream.folds.rows import ConservationRow, FateRow


def is_after_gap(before: tuple[int, int] | None, parts: int, message: Message) -> bool:
    """Say whether a message of this partition, or a part of one, is missing before this one.

    `before` is the position and part that was accepted last, `parts` how many parts that message has.
    """
    if message.part > 0:
        return before != (message.to, message.part - 1)
    if before is None:
        return message.start > -1
    if is_cut_anew(before, parts, message):
        return False
    return message.start > before[0] or before[1] != parts - 1


def is_cut_anew(before: tuple[int, int] | None, parts: int, message: Message) -> bool:
    """Say whether a message begins once more that did not come to its end, and is cut into parts otherwise.

    Another release of measure may do so, if the one before was killed between two parts. Arguments as `is_after_gap`.
    """
    if before is None or message.part > 0 or message.to != before[0]:
        return False
    return before[1] < parts - 1 and message.parts != parts


def is_taken(before: tuple[int, int] | None, parts: int, message: Message) -> bool:
    """Say whether a part was taken in before, or all of its message, however that was cut."""
    if before is None or message.to != before[0]:
        return before is not None and message.to < before[0]
    if before[1] == parts - 1:
        return True
    return message.part <= before[1] and not is_cut_anew(before, parts, message)


def gap_row(message: Message, gaps: int, emit: Emit) -> ConservationRow:
    """Return the row that says that messages are missing: received and never accounted for."""
    source = f"partials/{emit.partition}"
    return conservation_row(message, Count("", "gap", source, gaps, 0, 0, 0, 0, 0, 0), emit)


def conservation_row(message: Message, count: Count, emit: Emit) -> ConservationRow:
    """Return where all events of one kind and producer went."""
    return ConservationRow(partition=message.partition, known_ms=emit.known_ms, position=message.to, **asdict(count))


def fate_row(message: Message, fate: Fate, emit: Emit) -> FateRow:
    """Return the row of an event that was not simply used."""
    return FateRow(known_ms=emit.known_ms, position=message.to, **asdict(fate))


def unread_row(message: Message, topic: str, error: Exception, emit: Emit) -> FateRow:
    """Return the row of a fact that does not hold what its topic promises."""
    reason = f"fold-error: {error}"[:300]
    return fate_row(message, Fate(topic, message.partition, message.to, "", "", topic, "invalid", reason), emit)
