"""Which version a reference speaks of, where several answered its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.reference import Column

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOBODY = "no name"
_MOST_NAMED = 5


class Chosen(NamedTuple):
    """The version that answered most rows.

    Attributes
    ----------
    name
        Empty if its answers do not say whose they are, or nobody answered.
    rows
        Which rows are its, ``(n,)``.
    is_any
        Whether anybody answered.
    warnings
        Who else answered, in a sentence; empty if nobody did.
    """

    name: str
    rows: Flags
    is_any: bool
    warnings: tuple[str, ...]


def answering(served: Column, version: Ints, versions: Sequence[str]) -> Chosen:
    """Return whose answers count: of equally many those of the version that is named first.

    Parameters
    ----------
    served
        Answers: NaN or None where there is none, ``(n,)``.
    version, versions
        As `stream.references.rows.Rows`.

    Examples
    --------
    >>> answering([0.2, 0.4, 0.1, float("nan")], np.array([0, 1, 1, 0]), ["1", "2"])._replace(rows=None)
    Chosen(name='2', rows=None, is_any=True, warnings=('only the answers of version 2 (67 %) count for ... 1 (33 %)',))
    """
    known = is_answer(served)
    counts = np.bincount(version[known] + 1, minlength=len(versions) + 1)
    most = int(counts.argmax())
    if not counts[most]:
        return Chosen("", np.zeros(len(version), bool), False, ())
    name = versions[most - 1] if most else ""
    return Chosen(name, version + 1 == most, True, _others(["", *versions], counts, most))


def is_answer(served: Column) -> Flags:
    """Return which answers are there, ``(n,)``."""
    values = np.asarray(served)
    if values.dtype == object:
        return np.array([value is not None for value in values.tolist()], bool)
    return np.ones(len(values), bool) if values.dtype.kind in "US" else ~np.isnan(values.astype(np.float64))


def _others(names: Sequence[str], counts: Ints, most: int) -> tuple[str, ...]:
    others = [i for i in np.argsort(-counts, kind="stable").tolist() if counts[i] and i != most]
    if not others:
        return ()
    total = int(counts.sum())
    named = ", ".join(_said(names[i], int(counts[i]), total) for i in others[:_MOST_NAMED])
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    mine = _said(names[most], int(counts[most]), total)
    return (f"only the answers of version {mine} count for what is promised; others answered too: {named}{more}",)


def _said(name: str, count: int, total: int) -> str:
    return f"{name or NOBODY} ({100 * count / total:.0f} %)"
