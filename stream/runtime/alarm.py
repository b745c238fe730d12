"""An alert from a worker that must stop: its log is not what it was, or its checkpoints are of no use."""

from __future__ import annotations

import hashlib
import time

import msgspec

from stream.folds.base import Output
from stream.folds.decide.words import instant


def stopped(fold: str, worker: str, reason: str, now_ms: int | None = None) -> Output:
    """Return the alert that says that a worker stopped and a person is needed.

    The same reason gives the same incident, however often the worker is started again: who follows the topic tells
    repeats by ``dedup``.

    >>> msgspec.json.decode(stopped("measure", "measure-1", "ledger/0: gap", 0).value)["kind"]
    'pipeline'
    """
    incident = f"INC-{hashlib.sha256(f'{fold}/{reason}'.encode()).hexdigest()[:12]}"
    alert = {
        "version": 1,
        "id": f"al-{incident[4:]}",
        "incident": incident,
        "state": "open",
        "level": "page",
        "kind": "pipeline",
        "model": "",
        "monitor": "",
        "title": f"{fold} has stopped: {reason}",
        "what": f"worker {worker} ended; nothing is computed until this is mended",
        "features": [],
        "where": {"fold": fold, "worker": worker},
        "sent": instant(time.time_ns() // 1_000_000 if now_ms is None else now_ms),
        "next": 'streamgauge doctor says what is wrong; docs/operations.md, "When a log is not what it was"',
        "dedup": f"{incident}/open",
    }
    return Output("alerts", msgspec.json.encode(alert), incident.encode())
