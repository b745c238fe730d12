"""One number for what was counted: equal for two runs over the same events, whatever happened on the way.

The digest is sha256 over text, one line a key, in the order of the keys, each a JSON array without spaces:

* ``["feature", model, revision, segment_key, segment_value, pane_ms, feature, n, missing, invalid, [bins]]``
* ``["pane", model, revision, segment_key, segment_value, pane_ms, n, invalid, labels]``

The integers are sums over everything else in a pane's key: the arrivals (how late rows were seen) and the
versions of the model (which one happened to serve). Lineages enter by their revision, since their hash holds
the identity of the log, which is new in each run. Duplicates do not enter: a worker that died repeats some. A
key whose integers are all zero says nothing and is left out. Floats do not enter at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple


class PaneCounts(NamedTuple):
    """Counts of one pane, as known at one arrival, of one version."""

    model: str
    revision: int
    segment_key: str
    segment_value: str
    pane_ms: int
    n: int
    invalid: int
    labels: int


class FeatureCounts(NamedTuple):
    """Counts of one feature of one such pane; `bins` are empty while there is no reference."""

    model: str
    revision: int
    segment_key: str
    segment_value: str
    pane_ms: int
    feature: str
    n: int
    missing: int
    invalid: int
    bins: tuple[int, ...]


Key = tuple[str, str, int, str, str, int, str]


def digest(panes: Iterable[PaneCounts], features: Iterable[FeatureCounts]) -> str:
    """Return the digest of what panes hold, in hex; the order of the rows and their number do not matter.

    >>> one, other = (PaneCounts("m", 2, "", "", 0, n, 0, 1) for n in (3, 4))
    >>> digest([one, other], []) == digest([PaneCounts("m", 2, "", "", 0, 7, 0, 2)], [])
    True
    """
    sums: dict[Key, tuple[int, ...]] = {}
    for pane in panes:
        _add(sums, ("pane", *pane[:5], ""), (pane.n, pane.invalid, pane.labels))
    for row in features:
        _add(sums, ("feature", *row[:6]), (row.n, row.missing, row.invalid, *row.bins))
    hashed = hashlib.sha256()
    for key in sorted(sums):
        if any(sums[key]):
            hashed.update(_line(key, sums[key]))
    return hashed.hexdigest()


def _add(sums: dict[Key, tuple[int, ...]], key: Key, counts: tuple[int, ...]) -> None:
    so_far = sums.get(key, ())
    short, long = sorted((so_far, counts), key=len)
    added = [a + b for a, b in zip(short, long, strict=False)]
    sums[key] = (*added, *long[len(short) :])


def _line(key: Key, counts: tuple[int, ...]) -> bytes:
    line: list[object] = [*key[:6], *counts] if key[0] == "pane" else [*key, *counts[:3], list(counts[3:])]
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"
