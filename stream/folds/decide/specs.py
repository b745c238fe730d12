"""Which specs are in force, as monitors, and how far the panes of a model have come."""

from __future__ import annotations

from dataclasses import dataclass

from stream.folds.decide.state import DecideState, LineageState
from stream.folds.monitor import Monitor, monitor_of, scope_of


@dataclass(frozen=True, slots=True)
class Specs:
    """The specs that a state knows, read as monitors.

    Attributes
    ----------
    ledger_id
        The broker's id of the ledger topic, a part of every lineage.
    """

    state: DecideState
    ledger_id: str

    def monitor(self, spec: bytes) -> Monitor:
        """Return a spec as the monitor of this ledger and epoch."""
        return monitor_of(spec, scope_of(self.ledger_id, self.state.epoch))

    def named(self, name: str) -> tuple[LineageState, Monitor] | None:
        """Return the lineage and the monitor that are in force under a name, or None."""
        lineage = self.state.lineages.get(self.state.current.get(name, ""))
        return None if lineage is None else (lineage, self.monitor(lineage.spec))

    def is_current(self, lineage: str) -> bool:
        """Return whether a lineage is the one in force of its monitor."""
        return lineage in self.state.current.values()

    def of_model(self, model: str) -> Monitor | None:
        """Return the monitor of a model that is in force; the first by name, should there be several."""
        specs = (self.state.lineages[lineage].spec for _, lineage in sorted(self.state.current.items()))
        return next((monitor for monitor in map(self.monitor, specs) if monitor.model == model), None)

    def now_ms(self, monitor: Monitor | None) -> int:
        """Return the end of the newest final pane of the model's lineages, 0 before there is one."""
        if monitor is None:
            return 0
        ends = [
            lineage.newest_final + monitor.pane_ms
            for lineage in self.state.lineages.values()
            if lineage.newest_final is not None and self.monitor(lineage.spec).model == monitor.model
        ]
        return max(ends, default=0)
