"""What other budgets and tolerances would have said: `Decide` again over the same sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from streamgauge.durations import format_duration
from streamgauge.spec import MonitorSpec
from streamgauge.spec_errors import problems_of
from streamgauge.spec_parts import Budget

from stream.backtest import course
from stream.backtest.alerts import alerts_of
from stream.backtest.errors import BacktestError
from stream.backtest.findings import Findings
from stream.backtest.report import SweepRow
from stream.backtest.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Setting:
    """A spec to try, and the record that puts it in force."""

    spec: MonitorSpec
    record: bytes = b""


def sweep(settings: Sequence[Setting], messages: Sequence[course.Said], timeline: Timeline) -> list[SweepRow]:
    """Return what each setting would have said of messages that `Measure` wrote once."""
    return [_row(setting, messages, timeline) for setting in settings]


def _row(setting: Setting, messages: Sequence[course.Said], timeline: Timeline) -> SweepRow:
    found = Findings()
    for outputs, rows in course.decided(course.with_spec(messages, setting.record)):
        found.add(outputs, rows)
    alerts, _ = alerts_of(found, timeline)
    count, spec = Counter(alert.severity for alert in alerts), setting.spec
    return SweepRow(
        budget=written(spec.budget),
        tolerance=None if spec.performance is None else spec.performance.tolerance,
        alerts=len(alerts),
        page=count["page"],
        warn=count["warn"],
        info=count["info"],
        first_opened_row=alerts[0].opened_row if alerts else None,
    )


def written(budget: Budget) -> str:
    """Return a budget as people write it.

    >>> written(Budget())
    '1/90d'
    """
    return f"{budget.false_pages:g}/{format_duration(budget.per_ms)}"


def budgets_of(text: str) -> tuple[Budget, ...]:
    """Return the budgets of ``1/90d,1/30d``; BacktestError on what is none.

    >>> [written(budget) for budget in budgets_of("1/90d, .5/30d")]
    ['1/90d', '0.5/30d']
    """
    return tuple(_budget(each.strip()) for each in text.split(",") if each.strip())


def _budget(text: str) -> Budget:
    number, _, period = text.partition("/")
    try:
        return Budget.model_validate({"false_pages": float(number), "per": period})
    except ValidationError as error:
        raise BacktestError([f"--budget {text!r}: {problem}" for problem in problems_of(error, Budget)]) from error
    except ValueError as error:
        mend = "write false pages per period, as in 1/90d,1/30d"
        raise BacktestError([f"--budget {text!r}: {mend}"]) from error


def tolerances_of(text: str) -> tuple[float, ...]:
    """Return the tolerances of ``.01,.02``; BacktestError on what is none.

    >>> tolerances_of(".01, .02")
    (0.01, 0.02)
    """
    return tuple(_tolerance(each.strip()) for each in text.split(",") if each.strip())


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise BacktestError([f"--tolerance {text!r}: write numbers above 0 in the metric's unit, as in .01,.02"])
    return value
