"""Who gives a second opinion: alibi-detect, an extra with a licence of its own; what is asked, what is answered."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from detectors.reference import Column
from stream.errors import StreamgaugeError

LICENCE = (
    "alibi-detect is no free software: it is under the Business Source License 1.1 of Seldon Technologies. You may use "
    "it for what is not production; production use is granted to non-profit educational institutions, and anybody else "
    "needs a licence of Seldon's. Each release turns Apache-2.0 four years after it came out."
)
INSTALL = (
    "investigate asks alibi-detect for a second opinion, and it is not installed here, since nothing else needs it. "
    "`make alibi` makes an environment with it: run .venv-alibi/bin/streamgauge investigate then. "
) + LICENCE


class NotInstalledError(StreamgaugeError):
    """alibi-detect is not installed; the message says how to get it, and what its licence allows."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The same features in the reference's rows and in the window's, both in order of event time.

    Attributes
    ----------
    kinds
        ``number`` or ``category`` by feature.
    reference, window
        Values by feature: numbers (NaN: missing) or texts (None: missing).
    inputs
        Features that are looked at together.
    """

    kinds: Mapping[str, str]
    reference: Mapping[str, Column]
    window: Mapping[str, Column]
    inputs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one test says.

    Attributes
    ----------
    feature
        Empty: all inputs together.
    statistic
        In the test's own unit, named by `unit`.
    p, threshold
        The p-value and the level below which it finds something. Of tests without one the p is NaN, and the
        statistic is compared with the threshold.
    finds
        Whether it finds a change; None if it could not be made, and `note` says why.
    """

    test: str
    feature: str
    unit: str = ""
    statistic: float = math.nan
    p: float = math.nan
    threshold: float = math.nan
    finds: bool | None = None
    reference_rows: int = 0
    rows: int = 0
    seconds: float = 0.0
    note: str = ""


def is_installed() -> bool:
    """Say whether alibi-detect is there, without importing it."""
    return importlib.util.find_spec("alibi_detect") is not None


def library() -> str:
    """Return its name and version; NotInstalledError without it."""
    if not is_installed():
        raise NotInstalledError(INSTALL)
    return f"alibi-detect {version('alibi-detect')}"
