"""What comes in and what is told: retrain events, and the steps that answer them."""

from __future__ import annotations

from typing import Literal

import msgspec

from models.pipelines import FeatureType, Task

StepName = Literal["training", "trained", "failed"]


class RetrainEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A request to retrain a model, written by `decide`.

    Attributes
    ----------
    id
        Unique; everything that answers it names it.
    cut
        Ledger partition, as text, and the highest position of it that may be known.
    from_ms, to_ms
        Event time of the training set, ``[from_ms, to_ms)``, epoch milliseconds.
    champion
        The version to be compared with; empty if none serves.
    metric
        The metric that the new version will be judged by; empty for the task's first.
    """

    id: str
    model: str
    task: Task
    features: dict[str, FeatureType]
    cut: dict[str, int]
    from_ms: int
    to_ms: int
    trainer: str = "river-default"
    champion: str = ""
    metric: str = ""
    incident: str = ""
    monitor: str = ""
    reason: str = ""

    @property
    def positions(self) -> dict[int, int]:
        """The cut by number of partition."""
        return {int(partition): position for partition, position in self.cut.items()}


_decoder: msgspec.json.Decoder[RetrainEvent] = msgspec.json.Decoder(RetrainEvent)


def decode(value: bytes) -> RetrainEvent:
    """Return the event of a record; msgspec.DecodeError (a ValueError) if it is none.

    >>> decode(b'{"id":"r","model":"m","task":"binary","features":{},"cut":{"0":7},"from_ms":0,"to_ms":1}').positions
    {0: 7}
    """
    return _decoder.decode(value)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How far a retrain is: what `decide` hears of it. A step sent again has the same id."""

    retrain: str
    model: str
    step: StepName
    version: str = ""
    why: str = ""

    def command(self, at_ms: int) -> bytes:
        """Return the value of its record in topic `commands`."""
        args = {"retrain": self.retrain, "step": self.step, "version": self.version, "why": self.why}
        command = {
            "id": f"{self.retrain}/{self.step}",
            "command": "step",
            "model": self.model,
            "who": "retrain",
            "at_ms": at_ms,
            "args": args,
        }
        return msgspec.json.encode(command)
