"""Predictions: what is new among them, and what they add to their panes."""

from __future__ import annotations

import numpy as np

from detectors.latency import latency_codes
from detectors.performance import task_sums
from stream.folds.blocks import INVALID, Column, Rows
from stream.folds.layout import (
    DUPLICATES,
    INVALIDS,
    ROWS,
    FeatureCells,
    Ints,
    Layout,
    layout_of,
    read_numbers,
    read_texts,
)
from stream.folds.measure.columns import optional_floats, texts_of, values_of
from stream.folds.measure.fates import PENDING, USED, Events, count, counts_of, not_used
from stream.folds.measure.keys import (
    Grouped,
    add_cells,
    add_levels,
    add_moments,
    group,
    segment_values,
    task_arrays,
)
from stream.folds.measure.labels import HOUR_MS, MAX_AHEAD_MS, Join, join, served_value
from stream.folds.measure.state import NEVER, TRUTH, MeasureState, ModelState, Waiting
from stream.folds.monitor import Monitor


def fold_predictions(state: MeasureState, monitors: list[Monitor], rows: Rows, events: Events, opened: int) -> None:
    """Sort out duplicates, the too late and the impossible; the rest adds to its panes and waits for labels."""
    model = state.models.setdefault(rows.model, ModelState())
    fresh = _accept(state, model, monitors, rows, events)
    if not len(fresh):
        return
    model.row_tick, model.closed = state.ticks, False
    late = _late(state, monitors, events.event_ms[fresh])
    count(state, rows.model, "prediction", events, fresh[~late], "used")
    count(state, rows.model, "prediction", events, fresh[late], "late_used")
    newest = int(events.event_ms[fresh].max())
    model.newest_ms = max(model.newest_ms, newest)
    source = events.source_id
    model.newest_by_source[source] = max(model.newest_by_source.get(source, NEVER), newest)
    for monitor in monitors:
        _add(state, model, monitor, rows, events, fresh, opened)
    _join_early(state, model, monitors, events, fresh, opened)


def _accept(state: MeasureState, model: ModelState, monitors: list[Monitor], rows: Rows, events: Events) -> Ints:
    """Return the rows that are new, and remember them by id."""
    horizon_ms = max(m.horizon_ms for m in monitors)
    oldest = max((state.lineages[m.lineage].watermark_ms for m in monitors), default=NEVER) - horizon_ms
    oldest = max(oldest, model.forgotten_ms)
    newest = state.clock_ms + MAX_AHEAD_MS
    waiting, times = model.waiting, events.event_ms.tolist()
    served = Served(monitors, rows)
    fresh = []
    for row in events.rows.tolist():
        an_id, event_ms = rows.ids[row], times[row]
        if an_id in waiting:
            not_used(state, rows, events, row, "duplicate", "")
            _count_duplicate(state, monitors, waiting[an_id])
        elif event_ms < oldest:
            not_used(state, rows, events, row, "invalid", "too-late")
        elif event_ms > newest:
            not_used(state, rows, events, row, "invalid", "future-time")
        elif wrong := served.wrong_score(row):
            not_used(state, rows, events, row, "invalid", wrong)
        else:
            waiting[an_id] = served.waiting(row, event_ms)
            model.hours.setdefault(event_ms // HOUR_MS, []).append(an_id)
            fresh.append(row)
    return np.array(fresh, np.int64)


def _count_duplicate(state: MeasureState, monitors: list[Monitor], first: Waiting) -> None:
    """Show a duplicate in the open key of the pane where the first one counted; a sealed key never changes."""
    for monitor in monitors:
        key = state.keys.get((monitor.lineage, first.version, "", "", monitor.pane_of(first.event_ms)))
        if key is not None:
            key.cells[DUPLICATES] += 1


class Served:
    """A block's predictions with their columns unpacked once: what each leaves behind for its label."""

    def __init__(self, monitors: list[Monitor], rows: Rows) -> None:
        """Unpack the columns; segments are told apart as each monitor's reference does."""
        self._is_probability = any(m.task == "binary" for m in monitors)
        n = rows.n
        self._versions = texts_of(rows.version, n)
        self._scores = optional_floats(rows.score, n)
        self._predicted = values_of(rows.label, n)
        self._shadows = [(version, optional_floats(data, n)) for version, data in rows.shadow]
        columns = {column.name: column for column in rows.features}
        self._groups = {m.lineage: list(zip(*segment_values(m, columns, n).values(), strict=True)) for m in monitors}

    def wrong_score(self, row: int) -> str:
        """Return what is wrong with the score of a row, ``""`` if nothing is."""
        score = self._scores[row]
        is_wrong = self._is_probability and score is not None and not 0.0 <= score <= 1.0
        return f"no probability: score {score:g}" if is_wrong else ""

    def waiting(self, row: int, event_ms: int) -> Waiting:
        """Return what a row leaves behind."""
        groups = {lineage: values[row] for lineage, values in self._groups.items() if values}
        shadow = {version: s for version, scores in self._shadows if (s := scores[row]) is not None}
        return Waiting(event_ms, self._versions[row], self._scores[row], self._predicted[row], groups, shadow)


def _late(state: MeasureState, monitors: list[Monitor], event_ms: Ints) -> np.ndarray:
    """Say which rows come after their pane was sealed here (by the first monitor of the model)."""
    first = monitors[0]
    ends = event_ms - event_ms % first.pane_ms + first.pane_ms
    return ends <= state.lineages[first.lineage].watermark_ms


def _add(
    state: MeasureState,
    model: ModelState,
    monitor: Monitor,
    rows: Rows,
    events: Events,
    fresh: Ints,
    opened: int,
) -> None:
    """Add rows to the sums of their panes, for one monitor."""
    columns = {column.name: column for column in rows.features}
    layout = layout_of(monitor)
    times = events.event_ms[fresh]
    versions = texts_of(rows.version, rows.n)
    segments = {name: [v[i] for i in fresh] for name, v in segment_values(monitor, columns, rows.n).items()}
    grouped = group(state, monitor, times - times % monitor.pane_ms, [versions[i] for i in fresh], segments, opened)
    _add_features(grouped, layout, columns, rows.n, fresh)
    latency = np.frombuffer(rows.latency_ms, "<f8") if rows.latency_ms else np.full(rows.n, np.nan)
    everyone = np.arange(len(fresh))
    add_cells(grouped, everyone, np.full(len(fresh), ROWS), layout.size)
    add_cells(grouped, everyone, layout.latency + latency_codes(latency[fresh]), layout.size)
    _add_scores(grouped, monitor, model, rows, fresh)


def _add_scores(grouped: Grouped, monitor: Monitor, model: ModelState, rows: Rows, fresh: Ints) -> None:
    served = [served_value(model.waiting[rows.ids[i]], monitor.task) for i in fresh.tolist()]
    scored = [i for i, value in enumerate(served) if value is not None]
    if not scored:
        return
    with task_arrays(grouped) as (cells, sums):
        for keys_of_row in grouped.index[:, scored]:
            task_sums(monitor.task).serve(cells, sums, keys_of_row, np.array([served[i] for i in scored]))


def _add_features(grouped: Grouped, layout: Layout, columns: dict[str, Column], n: int, fresh: Ints) -> None:
    invalid_rows = np.zeros(len(fresh), bool)
    moments = []
    for cells in layout.features:
        if cells.kind == "number":
            codes, values = read_numbers(columns.get(cells.name), n)
            codes, values = codes[fresh], values[fresh]
            present = np.flatnonzero(codes == 0)
            moments.append((cells.number, present, values[present]))
            bins = cells.bins.number_codes(values) if cells.bins else (codes == 0).astype(np.int64)
        else:
            codes, levels = read_texts(columns.get(cells.name), n)
            codes = codes[fresh]
            bins = _level_bins(grouped, cells, codes, levels)
        valid = np.flatnonzero(codes != INVALID)
        add_cells(grouped, valid, cells.first + bins[valid], layout.size)
        wrong = np.flatnonzero(codes == INVALID)
        add_cells(grouped, wrong, np.full(len(wrong), cells.invalid), layout.size)
        invalid_rows[wrong] = True
    add_moments(grouped, moments)
    rows = np.flatnonzero(invalid_rows)
    add_cells(grouped, rows, np.full(len(rows), INVALIDS), layout.size)


def _level_bins(grouped: Grouped, cells: FeatureCells, codes: Ints, levels: tuple[str, ...]) -> Ints:
    if cells.bins is not None:
        of_level: Ints = np.r_[cells.bins.level_codes(levels), 0]  # the last entry, also index −1, is "missing"
        return of_level[np.where(codes >= 0, codes, -1)]
    present = np.flatnonzero(codes >= 0)
    if len(present):
        add_levels(grouped, cells.name, present, codes[present], levels)
    return (codes >= 0).astype(np.int64)


def _join_early(
    state: MeasureState, model: ModelState, monitors: list[Monitor], events: Events, fresh: Ints, opened: int
) -> None:
    """Join labels that were here before their predictions."""
    if not model.early:
        return
    found = [(events.ids[row], model.early.pop(events.ids[row], None)) for row in fresh.tolist()]
    joins = []
    for an_id, early in found:
        if early is not None:
            waiting = model.waiting[an_id]
            waiting.lanes |= TRUTH
            joins.append(Join(waiting, early.truth))
            counts = counts_of(state, events.model, "label", early.source)
            counts[USED] += 1
            counts[PENDING] -= 1
    join(state, monitors, joins, opened)
