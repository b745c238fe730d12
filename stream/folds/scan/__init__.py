"""JSON to columns: records of a run become rows without an object for each.

`scan_run` reads the lines whose form is usual, in compiled code, and names the others; `Pool.add` takes in what the
general path makes of those; `cut_pool` gives all of them out as frames for the ledger. What the scan is unsure about it
leaves, so events are what `streamgauge.wire.decode` says, to the last bit.
"""

from __future__ import annotations

from stream.folds.scan.frames import Cut, Piece, cut_pool
from stream.folds.scan.layout_kernels import WHOLE
from stream.folds.scan.pool import Pool, scan_run

__all__ = ["scan_run", "Pool", "WHOLE", "cut_pool", "Cut", "Piece"]
