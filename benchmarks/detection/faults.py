"""Experiment 13: what broken pipelines send must not break a verdict: no warning, no NaN, a status with a reason.

Each case counts what is wrong with it: an exception or a warning, a number that is none, a feature without a
status, or one that is not judged and does not say why.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.experiment import Experiment, at_most
from benchmarks.detection.tables import Cut, encoded, fit_table, pane
from detectors.estimate.cbpe import fit_cbpe
from detectors.estimate.interval import Estimated
from detectors.estimate.score_bins import fit_score_bins
from detectors.evidence.loss_sums import clipped_sums, loss_sums
from detectors.evidence.losses import fit_losses
from detectors.evidence.rates import fit_rates
from detectors.panel.gauge import Verdict, tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.panel import Panel
from detectors.panel.plan import Plan, plan
from detectors.panel.status import JUDGED, statuses

Generator = np.random.Generator
Columns = dict[str, NDArray[Any]]
Case = Callable[[Plan, Generator], list[str]]
"""Returns what is wrong, in words."""

ROWS, PANES, NULL_PANES, SMALL_PANES = 500, 80, 64, 40
MANY_ROWS, MANY_PANES = 10**9, 16
SHORT, CYCLE = 40, 24
CATEGORIES = ("levels", "one level", "5,000 levels", "mixed types", "no level", "absent level")
NUMBERS = ("normal", "all missing", "constant", "zero", "two values", "zero-inflated", "huge", "tiny", "2^53")
KINDS = dict.fromkeys((*NUMBERS, "infinities", "absent"), "number") | dict.fromkeys(CATEGORIES, "category")


def experiments(quick: bool) -> Iterator[Experiment]:
    """Yield what is wrong in each case; the quick run is the full one."""
    del quick
    g = np.random.default_rng(0)
    gauge = plan(fit_table(table(g, PANES * ROWS), KINDS, Cut(ROWS, PANES)))
    for name, change in CHANGES.items():
        yield _counted(name, _of_change(change), gauge, g)
    for name, case in CASES.items():
        yield _counted(name, case, gauge, g)


def table(g: Generator, rows: int) -> Columns:
    """Return values of odd features; two of `KINDS` have no column."""
    x, u = g.standard_normal(rows), g.random(rows)
    numbers = (
        x, np.full(rows, np.nan), np.full(rows, 3.25), np.zeros(rows), np.where(u < 0.3, 1.0, 0.0),
        np.where(u < 0.9, 0.0, u), x * 1e300, x * 1e-310, 2.0**53 + np.floor(100 * x),
    )  # fmt: skip
    infinities = np.where(u < 0.02, np.inf, np.where(u < 0.04, -np.inf, x))
    texts = (
        _objects("a", "b", "c")[np.searchsorted([0.5, 0.9], u)], np.full(rows, "only", object),
        np.char.add("l", g.integers(0, 5_000, rows).astype(str)).astype(object),
        _objects(None, "x", float("nan"), "y", 1)[g.integers(0, 5, rows)], np.full(rows, None, object),
    )  # fmt: skip
    columns = zip((*NUMBERS, "infinities", *CATEGORIES[:-1]), (*numbers, infinities, *texts), strict=True)
    return dict(columns)


def _objects(*values: object) -> NDArray[Any]:
    return np.array(values, object)


def _some(columns: Columns, name: str, value: object, rows: int = ROWS) -> Columns:
    changed = columns[name].copy()
    changed[:rows] = value
    return columns | {name: changed}


CHANGES: dict[str, Callable[[Columns], Columns]] = {
    "a number is missing in every row": lambda c: _some(c, "normal", np.nan),
    "a column vanishes": lambda c: {name: values for name, values in c.items() if name != "normal"},
    "a missing feature comes alive": lambda c: c | {"all missing": c["normal"]},
    "absent features appear": lambda c: c | {"absent": c["normal"], "absent level": np.full(ROWS, "new", object)},
    "a constant changes": lambda c: _some(c, "constant", 4.0),
    "a constant jitters in 10 rows": lambda c: _some(c, "constant", 3.2500001, 10),
    "a number becomes constant": lambda c: _some(c, "normal", 0.0),
    "8 rows of an unseen level": lambda c: _some(c, "one level", "other", 8),
    "every level is unseen": lambda c: _some(c, "levels", "other"),
    "levels are None and NaN": lambda c: _some(_some(c, "levels", None), "levels", float("nan"), 100),
    "25 infinities": lambda c: _some(c, "normal", np.inf, 25),
    "25 rows of 1e308": lambda c: _some(c, "normal", 1e308, 25),
    "25 rows of 1e-310": lambda c: _some(c, "normal", 1e-310, 25),
    "zero is negative": lambda c: _some(c, "zero", -0.0),
    "numbers beyond 2^53": lambda c: _some(c, "2^53", 2.0**63),
}


def _of_change(change: Callable[[Columns], Columns]) -> Case:
    def case(gauge: Plan, g: Generator) -> list[str]:
        return _judge(gauge, [_pane(gauge.panel, change(table(g, ROWS)), ROWS)])

    return case


def _pane(panel: Panel, columns: Columns, rows: int) -> Pane:
    return pane(panel, encoded(panel, columns, rows))


def _judge(gauge: Plan, panes: list[Pane]) -> list[str]:
    """Return what is wrong with the last verdict, and with the features' statuses."""
    state, found = initial(gauge.panel), []
    for one in panes:
        state, verdict = tick(gauge, state, one)
        found += _not_numbers(verdict)
    return found + _unexplained(gauge.panel, panes[-1].rows)


def _not_numbers(verdict: Verdict) -> list[str]:
    found = ["p"] * bool(((verdict.p < 0) | (verdict.p > 1) | np.isnan(verdict.p)).any())
    found += ["evidence"] * bool(np.isnan(verdict.log_evidence).any())
    found += [name for name, effect in verdict.effects._asdict().items() if not np.isfinite(effect).all()]
    if verdict.tests is not None:
        found += [name for name, of in verdict.tests._asdict().items() if not np.isfinite(of).all()]
    return found


def _unexplained(panel: Panel, rows: int) -> list[str]:
    found = []
    for scale in range(len(panel.scales)):
        for name, status in zip(panel.names, statuses(panel, scale, rows * panel.scales[scale]), strict=True):
            if (status.status == JUDGED) != (not status.reason):
                found.append(f"{name} is {status.status} without a reason")
    return found


def _counted(name: str, case: Case, gauge: Plan, g: Generator) -> Experiment:
    return at_most(f"faults, {name}: what is wrong", float(len(wrong(case, gauge, g))), 0)


def wrong(case: Case, gauge: Plan, g: Generator) -> list[str]:
    """Return what is wrong with a case: what it says, or the exception or warning that ended it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return case(gauge, g)
        except Exception as error:  # noqa: BLE001  any exception is a finding
            return [f"{type(error).__name__}: {error}"]


def _null(gauge: Plan, g: Generator) -> list[str]:
    state, alarms = initial(gauge.panel), 0
    for _ in range(NULL_PANES):
        state, verdict = tick(gauge, state, _pane(gauge.panel, table(g, ROWS), ROWS))
        alarms += verdict.alarms
    # The level of warnings is one false alarm in some hundred panes; two in 64 would be no chance.
    return ["false alarms"] if alarms > 1 else []


def _small_panes(gauge: Plan, g: Generator) -> list[str]:
    return _judge(gauge, [_pane(gauge.panel, table(g, 1), 1) for _ in range(SMALL_PANES)])


def _empty_pane(gauge: Plan, g: Generator) -> list[str]:
    nothing = _pane(gauge.panel, {name: values[:0] for name, values in table(g, 1).items()}, 0)
    return _judge(gauge, [_pane(gauge.panel, table(g, ROWS), ROWS), nothing])


def _large_panes(gauge: Plan, g: Generator) -> list[str]:
    one, times = _pane(gauge.panel, table(g, ROWS), ROWS), MANY_ROWS // ROWS
    pairs = None if one.pairs is None else one.pairs * times
    return _judge(gauge, [Pane(one.counts * times, MANY_ROWS, pairs)] * MANY_PANES)


def _short_reference(gauge: Plan, g: Generator) -> list[str]:
    del gauge
    short = plan(fit_table(table(g, SHORT * ROWS), KINDS, Cut(ROWS, SHORT)))
    shifted = table(g, ROWS)
    shifted["normal"] = shifted["normal"] + 5
    _, verdict = tick(short, initial(short.panel), _pane(short.panel, shifted, ROWS))
    return ["alarm while learning"] * verdict.alarms + _judge(short, [_pane(short.panel, shifted, ROWS)])


def _one(values: NDArray[np.float64], later: NDArray[np.float64], cut: Cut) -> list[str]:
    gauge = plan(fit_table({"x": values}, {"x": "number"}, cut))
    return _judge(gauge, [_pane(gauge.panel, {"x": later}, len(later))] * 3)


def _rows_as_panes(gauge: Plan, g: Generator) -> list[str]:
    del gauge
    return _one(g.standard_normal(64), np.zeros(5), Cut(1, 64))


def _nothing_known(gauge: Plan, g: Generator) -> list[str]:
    del gauge, g
    return _one(np.full(64 * 10, np.nan), np.zeros(500), Cut(10, 64))


def _collapsed(gauge: Plan, g: Generator) -> list[str]:
    del gauge
    return _one(np.where(g.random(64 * 100) < 0.999, 1.0, 2.0), g.standard_normal(500), Cut(100, 64))


def _cycle(gauge: Plan, g: Generator) -> list[str]:
    del gauge
    return _one(g.standard_normal(CYCLE * 10 * 200), g.standard_normal(200), Cut(200, CYCLE * 10, phases=CYCLE))


def _rates(gauge: Plan, g: Generator) -> list[str]:
    del gauge, g
    test = fit_rates([0, 1_000, 1_000], [0, 0, 1_000])
    state, found = test.start(), []
    for n, k in (([0, 0, 0], [0, 0, 0]), ([0, 10**9, 10**9], [0, 10**6, 10**9])):
        state, log_e = test.update(state, n, k)
        found += ["evidence of rates"] * bool(np.isnan(log_e).any())
    return found


def _losses(gauge: Plan, g: Generator) -> list[str]:
    del gauge, g
    found = []
    for reference in (np.zeros(1_000), np.full(1_000, 1e300), np.full(1_000, 1e-300)):
        with np.errstate(over="ignore"):
            squares = min(float((reference * reference).sum()), 1e308)
        test = fit_losses(loss_sums([1_000], [reference.sum()], [squares]))
        for sums in (clipped_sums(np.zeros(100), np.inf), clipped_sums(np.full(100, 1e150), np.inf)):
            _, log_e = test.update(test.start(), sums.n, sums.total, sums.squares)
            found += ["evidence of losses"] * bool(np.isnan(log_e).any())
    return found


def _estimates(gauge: Plan, g: Generator) -> list[str]:
    del gauge
    found = []
    one_class = g.random(2_000), np.zeros(2_000, np.int64)
    one_score = np.full(2_000, 0.5), g.integers(0, 2, 2_000)
    for scores, labels in (one_class, one_score):
        bins, predicted = fit_score_bins(scores), (scores >= 0.5).astype(np.int64)
        windows = bins.labelled_counts(scores, predicted, labels)[None]
        model = fit_cbpe(bins, np.concatenate([windows, windows]))
        for rows in (np.zeros(0), np.zeros(1), np.ones(500)):
            said = model.estimate(bins.counts(rows, (rows >= 0.5).astype(np.int64))).values()
            found += ["estimate" for one in said if isinstance(one, Estimated) and not np.isfinite(one[:4]).all()]
            found += ["estimate without a reason" for one in said if not isinstance(one, Estimated) and not one.reason]
    return found


CASES: dict[str, Case] = {
    f"{NULL_PANES} panes without a change": _null,
    "panes of 1 row": _small_panes,
    "a pane of no row": _empty_pane,
    "panes of 10^9 rows": _large_panes,
    f"a reference of {SHORT} panes": _short_reference,
    "a reference of panes of 1 row": _rows_as_panes,
    "a reference without a value": _nothing_known,
    "collapsed quantiles": _collapsed,
    "a cycle of 24 panes": _cycle,
    "no labels, no errors, only errors": _rates,
    "zero and huge losses": _losses,
    "estimates of one class and one score": _estimates,
}
