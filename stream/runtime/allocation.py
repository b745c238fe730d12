"""What a worker does with memory: keep what is freed, and look for cycles rarely."""

from __future__ import annotations

import ctypes
import gc
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
_KEEP_BYTES, _LARGE_BYTES = 256 << 20, 32 << 20


def keep_freed_memory() -> None:
    """Have glibc's allocator keep what is freed, up to 256 MiB, instead of giving it back at once.

    A worker takes and frees some MB for each run. By default each goes back to the system, and each page of the next
    is a fault that clears it: 85,000 in 600,000 rows, a tenth of intake's CPU. Elsewhere than on glibc this does
    nothing.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, _KEEP_BYTES)


def collect_rarely() -> None:
    """Leave what there is by now out of garbage collections, and make them rare; call it when all is loaded.

    States are trees of arrays and plain objects, which reference counts free. With 5,000 models `measure` spent a fifth
    of its time on looking through them for cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
