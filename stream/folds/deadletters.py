"""Dead letters: what could not be read, with its position, the reason, the mend, and an excerpt."""

from __future__ import annotations

import msgspec
from streamgauge.events import Refusal

from stream.folds.base import Output
from stream.folds.blocks import Source


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the topic `dead-letters`, as JSON; its key is the model, as far as it is known.

    Attributes
    ----------
    topic, partition, offset, line
        Where it was read; the topic's logical name.
    reason
        A code of `streamgauge.events.Code`.
    field, message, hint
        Which field is wrong (a JSON pointer), why, and the mend.
    excerpt
        At most 1,000 characters.
    model, source
        As far as the line says them.
    size
        Bytes of what is excerpted.
    at_ms
        When the broker stored the record.
    """

    topic: str
    partition: int
    offset: int
    line: int
    reason: str
    field: str
    message: str
    hint: str
    excerpt: str
    model: str
    source: str
    size: int
    at_ms: int


def dead_letter(source: Source, offset: int, line: int, at_ms: int, refusal: Refusal) -> Output:
    """Return the dead letter of one line.

    >>> from streamgauge.events import Code
    >>> why = Refusal(code=Code.NOT_JSON, field="", message="not JSON", model="m")
    >>> dead_letter(Source("labels", "t", 3), 8, 1, 0, why).key
    b'm'
    """
    letter = DeadLetter(
        topic=source.topic,
        partition=source.partition,
        offset=offset,
        line=line,
        reason=refusal.code.value,
        field=refusal.field,
        message=refusal.message,
        hint=refusal.hint,
        excerpt=refusal.excerpt,
        model=refusal.model,
        source=refusal.source,
        size=refusal.size,
        at_ms=at_ms,
    )
    return Output("dead-letters", msgspec.json.encode(letter), key=refusal.model.encode())
