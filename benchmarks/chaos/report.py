"""What is told in the end: a table of faults, what differs, and the figures."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.chaos.compare import Found
from benchmarks.chaos.course import Hit, Run
from benchmarks.chaos.watched import WITHOUT_LATE_ROWS

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told; `kinds` are the faults that were asked for, which may not all have come."""

    seed: int
    kinds: Sequence[str]
    found: dict[str, Found]
    fire: Run
    calm: Run
    audited: dict[str, int]
    seconds: float
    versions: dict[str, str]
    rss_mb: float

    @property
    def differences(self) -> int:
        """Return how much is not as it should be."""
        return sum(each.count for each in self.found.values())

    def figures(self) -> dict[str, object]:
        """Return what is written as JSON."""
        recoveries = [hit.recovery_s for hit in self.fire.hits]
        return {
            "seed": self.seed,
            "asked": len(self.kinds),
            "kills": len(self.fire.hits),
            "faults": dict(sorted(Counter(hit.kind for hit in self.fire.hits).items())),
            **{name: each.count for name, each in self.found.items()},
            "recovery_s": quantiles(recoveries),
            "recovery_s_by_kind": {kind: quantiles(some) for kind, some in by_kind(self.fire.hits).items()},
            "late_rows": late_rows(self.fire),
            "late_rows_undisturbed": late_rows(self.calm),
            "events": self.fire.truth.events,
            "panes": len(self.fire.outcome.panes),
            "incidents": len(self.fire.outcome.incidents),
            "audited": self.audited,
            "seconds": round(self.seconds, 1),
            "seconds_under_fire": round(self.fire.seconds, 1),
            "rss_mb": round(self.rss_mb),
            "versions": self.versions,
        }


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum; empty without values.

    >>> quantiles([1.0, 2.0, 9.0])
    {'p50': 2.0, 'p99': 9.0, 'max': 9.0}
    """
    if not values:
        return {}
    ranked = sorted(values)
    p99 = ranked[min(len(ranked) - 1, round(0.99 * (len(ranked) - 1)))]
    return {"p50": round(statistics.median(ranked), 2), "p99": round(p99, 2), "max": round(ranked[-1], 2)}


def late_rows(run: Run) -> int:
    """Return the rows that came late though they were sent in time; they are in the sums, but not in the evidence."""
    return sum(run.outcome.late.get(model, 0) for model in WITHOUT_LATE_ROWS)


def by_kind(hits: Sequence[Hit]) -> dict[str, list[float]]:
    """Return seconds of recovery by kind of fault."""
    found: dict[str, list[float]] = defaultdict(list)
    for hit in hits:
        found[hit.kind].append(hit.recovery_s)
    return dict(sorted(found.items()))


def tell(console: Console, report: Report) -> None:
    """Print the table of faults and what was found."""
    table = Table("fault", "times", "p50 s", "p99 s", "max s", title=f"Recovery, seed {report.seed}")
    for kind, some in by_kind(report.fire.hits).items():
        table.add_row(kind, str(len(some)), *(f"{value:.1f}" for value in quantiles(some).values()))
    console.print(table)
    for name, each in report.found.items():
        console.print(f"{name}: {each.count:,}", highlight=False)
        for sentence in each.sentences[:EXAMPLES]:
            console.print(f"  {sentence}", highlight=False, markup=False)
    told = report.figures()
    console.print(
        f"{told['events']:,} events, {told['panes']:,} sums compared, {told['incidents']} incidents, "
        f"{told['late_rows']} rows late though sent in time, {told['seconds']} s, {told['rss_mb']:,} MB at most",
        highlight=False,
    )
