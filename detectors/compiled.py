"""Loops over arrays as machine code, compiled once for a machine and kept: a first start takes seconds, others none.

Numba keeps one file for a function and looks at that function's source file alone. Kernels call each other across
files, and take constants from others, so a kernel would go on with what those were; hence the folder of the cache
carries a hash of all of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar, cast

import numba
import numpy as np

KERNELS = ("detectors", "stream/folds", "stream/runtime")
"""Where compiled code is, in files named ``*kernels.py``, below the folder of the packages."""

Int = int | np.signedinteger
"""A whole number, as Python and as compiled code have it."""

_PLACE = np.int64((1 << 40) - 1)
Function = TypeVar("Function", bound=Callable[..., object])


class _Config(Protocol):
    """What is used of numba's settings, which it describes to no type checker."""

    CACHE_DIR: str


_IMPORT = re.compile(r"^from ((?:detectors|stream)[\w.]*) import", re.MULTILINE)
_config = cast("_Config", numba.config)
_njit = cast("Callable[..., Callable[[object], object]]", numba.njit)


def _fingerprint(root: Path) -> str:
    """Return a hash of all kernels, and of the modules whose constants are compiled into them."""
    kernels = [path for folder in KERNELS for path in sorted((root / folder).rglob("*kernels*.py"))]
    texts = {path: path.read_text() for path in kernels}
    named = {name for text in texts.values() for name in _IMPORT.findall(text)}
    modules = {root / (name.replace(".", "/") + ".py") for name in named} - texts.keys()
    digest = hashlib.sha256()
    for path in [*kernels, *sorted(modules)]:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()[:16]


def _keep_in(base: Path) -> None:
    """Keep compiled code below `base`; where nothing can be written, numba looks for a place of its own."""
    folder = base / "streamgauge" / "kernels" / _fingerprint(Path(__file__).resolve().parents[1])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    _config.CACHE_DIR = str(folder)


if not _config.CACHE_DIR:  # NUMBA_CACHE_DIR is respected
    _keep_in(Path("~/.cache").expanduser())


def compiled(function: Function) -> Function:
    """Return `function` compiled at its first call for the types of its arguments; no fast mathematics, no threads.

    What it computes is what Python's arithmetic on float64 and int64 gives, operation by operation, in the order that
    is written: sums do not depend on the machine's vector width.
    """
    return cast("Function", _njit(cache=True, nogil=True)(function))


def in_place(function: Function) -> Function:
    """Return `function` compiled as `compiled` does, for one that makes no arrays: it only uses those it is given.

    Then no references to them are counted, which in loops of many small calls with many arrays is most of the time.
    """
    return cast("Function", _njit(cache=True, nogil=True, _nrt=False)(function))


def inlined(function: Function) -> Function:
    """Return `function` compiled as `in_place` does, its code put where it is called: for the inside of hot loops.

    An array is seven words to hand over, so a call costs more than a short function.
    """
    return cast("Function", _njit(cache=True, nogil=True, _nrt=False, forceinline=True)(function))


@inlined
def at(place: Int) -> np.int64:
    """Return a place in an array, and say that it is not negative: no code need look whether it counts from the end."""
    return np.int64(place) & _PLACE
