"""What was measured, and what is asked of it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of the table, with the least that is asked and what is wished; `most`: small is good."""

    text: str
    key: str
    floor: float
    goal: float
    most: bool = False

    def verdict(self, value: float) -> str:
        """Say whether it is met.

        >>> Goal("store", "store_rows_per_s", 100.0, 250.0).verdict(120.0)
        'floor met, goal not'
        """
        sign = -1 if self.most else 1
        if sign * value < sign * self.floor:
            return "BELOW THE FLOOR"
        return "goal met" if sign * value >= sign * self.goal else "floor met, goal not"


GOALS = (
    Goal("intake + measure, one core, rows per CPU second", "intake_measure_rows_per_cpu_s", 250_000, 400_000),
    Goal("ratio to stock Faust", "ratio_to_stock_faust", 17, 27),
    Goal("measure alone, rows per CPU second", "measure_rows_per_cpu_s", 800_000, 2_000_000),
    Goal("store, rows per second", "store_rows_per_s", 100_000, 250_000),
    Goal("label join, 20 million pending, labels per second", "join_labels_per_s", 300_000, 600_000),
    Goal("pane final to row in ClickHouse, p99, seconds", "latency_p99_s", 5, 2, most=True),
    Goal("5,000 models interleaved, rows per CPU second", "models_5000_rows_per_cpu_s", 50_000, 50_000),
)


class Figures:
    """Values by name, one for each round."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def add(self, name: str, *values: float) -> None:
        """Add what rounds gave."""
        self._values.setdefault(name, []).extend(values)

    def __contains__(self, name: object) -> bool:
        """Whether something was measured under this name."""
        return name in self._values

    def values(self, name: str) -> list[float]:
        """Return what each round gave."""
        return list(self._values[name])

    def median(self, name: str) -> float:
        """Return the median of the rounds."""
        return statistics.median(self._values[name])

    def to_values(self) -> dict[str, float | int]:
        """Return median, least, greatest and number of rounds of each figure, flat."""
        found: dict[str, float | int] = {}
        for name, values in self._values.items():
            found |= {name: self.median(name), f"{name}_min": min(values), f"{name}_max": max(values)}
            found[f"{name}_rounds"] = len(values)
        return found

    def lines(self) -> Iterator[str]:
        """Yield the table of all figures, then that of the goals."""
        for name, values in self._values.items():
            spread = f"{min(values):,.2f} to {max(values):,.2f} in {len(values)}"
            yield f"{name:44}{self.median(name):>14,.2f}   {spread}"
        yield ""
        yield f"{'asked':52}{'floor':>12}{'goal':>12}{'measured':>14}"
        for goal in GOALS:
            if goal.key in self:
                value = self.median(goal.key)
                asked = f"{goal.floor:>12,.0f}{goal.goal:>12,.0f}"
                yield f"{goal.text:52}{asked}{value:>14,.2f}   {goal.verdict(value)}"
