"""What deciding on a pane needs: what is known of its lineage and model, and where what it brings about goes."""

from __future__ import annotations

from dataclasses import dataclass

from stream.folds.decide.emit import Emit
from stream.folds.decide.state import Cut, LineageState, Loop
from stream.folds.monitor import Monitor


@dataclass(frozen=True, slots=True)
class Turn:
    """One pane whose turn it is to be decided on.

    Attributes
    ----------
    lineage, loop
        What is remembered of the monitor's panes and of its model; changed in place.
    pane_ms
        Start of the pane.
    now_ms
        End of the newest final pane: this one, or a later one where labels had to come first.
    cut
        How far each ledger partition has been decided on.
    emit
        Takes what it brings about.
    """

    lineage: LineageState
    loop: Loop
    monitor: Monitor
    pane_ms: int
    now_ms: int
    cut: Cut
    emit: Emit

    @property
    def end_ms(self) -> int:
        """End of the pane."""
        return self.pane_ms + self.monitor.pane_ms
