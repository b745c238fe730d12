"""alibi-detect's tests on raw rows of a window and of the reference: a second opinion, each at its own defaults.

It takes rows as independent, and where there are many rows it finds changes that are too small to matter: so it is
shown beside our verdict, and decides nothing.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from stream.ops.opinion import Opinion, Pair, library
from stream.ops.opinion_tests import OF_ALL, OF_ONE

TESTS = ("ks", "cvm", "chi2", "fet", "tabular", "classifier", "mahalanobis", "iforest", "cvm_online", "fet_online")
USUAL = TESTS[:8]
"""Those that run if nobody asks for others: the online ones take half a minute for a feature."""


def opinions(pair: Pair, features: Sequence[str], tests: Sequence[str]) -> Iterator[Opinion]:
    """Yield what each test says of each feature that it is made for, or of all inputs together.

    Raises
    ------
    NotInstalledError
        Without alibi-detect.
    """
    library()
    for test in tests:
        made: list[Callable[[], Opinion | None]] = [partial(OF_ALL[test], pair, test)] if test in OF_ALL else []
        made += [partial(OF_ONE[test], pair, name, test) for name in features if test in OF_ONE]
        yield from (found for make in made if (found := _timed(make)) is not None)


def _timed(make: Callable[[], Opinion | None]) -> Opinion | None:
    """Return what a test says and how long it took; its own chatter is left out."""
    begun = time.perf_counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = make()
    return None if found is None else replace(found, seconds=round(time.perf_counter() - begun, 3))
