"""What people said of incidents, out of the ledger's facts: commands of kind `feedback`."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from stream.folds.base import Record
from stream.folds.blocks import Fact
from stream.folds.store.batch import Batch
from stream.folds.store.control import rows_batch

ANSWERS = ("real", "not-worth", "false")
"""Real; real, and not worth a page; false."""


class _Said(msgspec.Struct):
    incident: str = ""
    answer: str = ""
    note: str = ""


class _Command(msgspec.Struct):
    id: str
    command: str
    model: str
    who: str = ""
    at_ms: int = 0
    args: msgspec.Raw = msgspec.Raw(b"{}")


_command = msgspec.json.Decoder(_Command)
_said = msgspec.json.Decoder(_Said)


def feedback_batches(record: Record, fact: Fact) -> Iterator[Batch]:
    """Yield the row of a command `feedback`; nothing of other commands, or of an answer that is none.

    Every ledger partition holds the command; the row is the same.
    """
    command = _command.decode(fact.value)
    if command.command != "feedback":
        return
    said = _said.decode(command.args)
    if said.answer in ANSWERS and said.incident:
        yield rows_batch("feedback_rows", [_row(record, fact, command, said)])


def _row(record: Record, fact: Fact, command: _Command, said: _Said) -> dict[str, object]:
    return {
        "model": command.model,
        "incident": said.incident,
        "id": command.id,
        "answer": said.answer,
        "note": said.note,
        "who": command.who,
        "at": command.at_ms,
        "known": record.append_ms,
        "position": fact.to,
    }
