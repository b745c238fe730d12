"""What compiled code knows of predictions that nothing is wrong with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]


class Accepted(NamedTuple):
    """Rows of predictions that nothing is wrong with, in order: row, identity, what was served, time, context."""

    row: Ints
    hashes: Words
    served: Words
    event_ms: Ints
    contexts: NDArray[np.uint32]
