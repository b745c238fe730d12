"""Runs a training as a child process and watches it: heart-beats, a time limit, an end when asked."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from retrain.child import Order, Result
from stream.settings import PREFIX


class TrainingBroke(Exception):  # noqa: N818 - the name is the sentence
    """The child ended without a result, or was ended: too slow, or silent."""


class CancelledError(Exception):
    """The work was taken away: another consumer does it, or this one stops."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a training may take, and may be silent, in seconds."""

    train_s: float
    silence_s: float


def train_in_child(
    folder: Path,
    order: Order,
    limits: Limits,
    is_cancelled: Callable[[], bool],
    progress: Callable[[int, int], None],
) -> Result:
    """Return the result of a training; the artifact is then in ``folder / "artifact.bin"``.

    `folder` holds ``rows.parquet``.

    Raises
    ------
    TrainingBroke
        If there is none, with the end of what the child said.
    CancelledError
        As soon as `is_cancelled` says so; the child is ended.
    """
    (folder / "job.json").write_bytes(msgspec.json.encode(order))
    (folder / "result.json").unlink(missing_ok=True)
    with (folder / "errors.txt").open("wb") as errors:
        child = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-m", "retrain.child", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=_environment(),
        )
        try:
            _watch(child, limits, is_cancelled, progress)
        finally:
            child.kill()
            child.communicate()
    if child.returncode != 0:
        said = (folder / "errors.txt").read_text("utf-8", "replace").strip()[-500:]
        raise TrainingBroke(f"the training process ended with {child.returncode}: {said or 'it said nothing'}")
    return msgspec.json.decode((folder / "result.json").read_bytes(), type=Result)


def _watch(
    child: subprocess.Popen[bytes],
    limits: Limits,
    is_cancelled: Callable[[], bool],
    progress: Callable[[int, int], None],
) -> None:
    start = heard = time.monotonic()
    beats = _Beats(child.stdout)
    while True:
        lines = beats.within(0.2)
        now = time.monotonic()
        if lines is None:
            child.wait(timeout=10)
            return
        if lines:
            heard = now
            progress(*lines[-1])
        if is_cancelled():
            raise CancelledError
        if now - start > limits.train_s:
            raise TrainingBroke(f"the training took longer than {limits.train_s:g} s")
        if now - heard > limits.silence_s:
            raise TrainingBroke(f"the training was silent for {limits.silence_s:g} s")


def _environment() -> dict[str, str]:
    """Return what the child needs to know: no settings, so no passwords, and one thread for its arithmetic."""
    plain = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    return {**plain, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class _Beats:
    """Reads whole lines from a pipe as they come."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        if pipe is None:
            raise ValueError("the child has no standard output")
        self._fd = pipe.fileno()
        self._rest = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipe, selectors.EVENT_READ)

    def within(self, seconds: float) -> list[tuple[int, int]] | None:
        """Return the beats that come within a time; None once the pipe is closed."""
        if not self._selector.select(seconds):
            return []
        data = os.read(self._fd, 65_536)
        if not data:
            self._selector.close()
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        beats = [line.split() for line in lines]
        return [(int(beat[0]), int(beat[1])) for beat in beats if len(beat) == 2]
