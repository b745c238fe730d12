"""Loops over arrays as machine code, compiled once for a machine and kept: a first start takes seconds, others none.

Numba keeps one file for a function and looks at that function's source file alone. Kernels call each other across
files, so a kernel would go on with old code of another file; hence the folder of the cache carries a hash of all of
them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

KERNELS = ("detectors", "stream/folds", "stream/runtime")
"""Where compiled code is, in files named ``*kernels.py``, below the folder of the packages."""

Function = TypeVar("Function", bound=Callable[..., object])


def _fingerprint(root: Path) -> str:
    digest = hashlib.sha256()
    for folder in KERNELS:
        for path in sorted((root / folder).rglob("*kernels*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(caches) if caches else Path.home() / ".cache"
    return base / "streamgauge" / "kernels" / _fingerprint(Path(__file__).resolve().parents[1])


os.environ.setdefault("NUMBA_CACHE_DIR", str(_cache_folder()))  # read by numba when it is imported

from numba import njit  # noqa: E402  the folder is set before


def compiled(function: Function) -> Function:
    """Return `function` compiled at its first call for the types of its arguments; no fast mathematics, no threads.

    What it computes is what Python's arithmetic on float64 and int64 gives, operation by operation, in the order that
    is written: sums do not depend on the machine's vector width.
    """
    return cast("Function", njit(cache=True, nogil=True)(function))
