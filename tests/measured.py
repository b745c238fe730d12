"""What `measure` must add up, in plain Python: the definition in words, slow, for logs without late or foreign rows."""

from __future__ import annotations

import json
import math
from collections import defaultdict

import msgspec
import numpy as np

from detectors.confusion import Confusion, merged
from detectors.latency import latency_codes
from detectors.panel.joint import pair_sums
from detectors.performance import task_sums
from stream.folds.blocks import decode_entry
from stream.folds.frame import is_number, is_text, number_text, text_codes
from stream.folds.layout import DUPLICATES, INVALIDS, LABELS, ROWS, Layout
from stream.folds.measure.watch import watch_of
from stream.folds.monitor import OTHER, monitor_of
from stream.folds.partials import decode_message

MISSING, INVALID = None, float("nan")


def events_of(ledger):
    """Yield topic and events of each block: features in order, words as numbers, texts, None, NaN for invalid."""
    for record in ledger:
        entry = decode_entry(record.value)
        if hasattr(entry, "frame"):
            yield entry.source.topic, list(_rows(entry.frame))


def _rows(frame):
    c, ids = frame.columns(), frame.id_list()
    for i in range(c.n):
        names = c.shapes[c.shape_starts[c.row_shapes[i]] : c.shape_starts[c.row_shapes[i] + 1]].tolist()
        words = [_value(c.cells[at : at + 1], c.texts) for at in range(c.row_starts[i], c.row_starts[i + 1])]
        yield {
            "id": ids[i],
            "model": c.texts[c.models[i]],
            "event_ms": int(c.event_ms[i]),
            "version": c.texts[c.versions[i]] if c.versions[i] >= 0 else "",
            "features": {c.texts[n]: w for n, w in zip(names, words, strict=True) if n >= 0},
            "shadow": {c.texts[~n]: w for n, w in zip(names, words, strict=True) if n < 0},
            "score": None if math.isnan(c.scores[i]) else float(c.scores[i]),
            "latency_ms": float(c.latencies[i]),
            "label": _value(c.labels[i : i + 1], c.texts),
            "feedback": bool(c.lanes[i]),
            "revision": int(c.revisions[i]),
        }


def _value(word, texts):
    if is_number(word)[0]:
        return float(word.view(np.float64)[0])
    if is_text(word)[0]:
        return texts[int(text_codes(word)[0])]
    return MISSING if word[0] == 0x7FF8_0000_0000_0001 else INVALID


def as_text(value):
    """A category's value as text; None for none."""
    if isinstance(value, float):
        return None if math.isnan(value) else number_text(value)
    return value


class Sums:
    """The sums of one key."""

    def __init__(self, monitor):
        self.layout = Layout(monitor)
        self.cells = np.zeros(self.layout.size, np.int64)
        self.values = defaultdict(list)
        self.task_cells, self.task_sums = task_sums(monitor.task).tables(1)
        self.levels = defaultdict(lambda: defaultdict(int))
        self.pairs = defaultdict(list)
        self.confusion = defaultdict(int)
        self.scores = []


class Oracle:
    """All sums of some models by lineage, version, segment, value and pane, over all arrivals."""

    def __init__(self, specs, ledger):
        self.monitors = [monitor_of(json.dumps(spec).encode(), "ledger") for spec in specs]
        self.sums = {}
        predictions, labels, early = {}, {}, defaultdict(list)
        for topic, rows in events_of(ledger):
            for row in rows:
                key = (row["model"], row["id"])
                if topic == "predictions":
                    if key not in predictions:
                        predictions[key] = row
                        self._predict(row)
                        for each in early.pop(key, []):
                            self._truth(labels, key, each)
                elif not row["feedback"] and self._is_truth(row):
                    if key in predictions:
                        self._truth(labels, key, row)
                    else:
                        early[key].append(row)
        for key, row in labels.items():
            self._label(predictions[key], self._is_truth(row))

    def _of(self, model):
        return [monitor for monitor in self.monitors if monitor.model == model]

    def _is_truth(self, row):
        """The truth in a list, empty if it is none of the task."""
        task, value = self._of(row["model"])[0].task, row["label"]
        if task == "multiclass":
            return [] if as_text(value) is None else [as_text(value)]
        good = isinstance(value, float) and not math.isnan(value) and (task != "binary" or value in (0.0, 1.0))
        return [value] if good else []

    def _truth(self, labels, key, row):
        if key not in labels or labels[key]["revision"] < row["revision"]:
            labels[key] = row

    def _keys(self, monitor, row):
        pane = monitor.pane_of(row["event_ms"])
        groups = [("", "")]
        for segment in monitor.segments:
            known = monitor.levels_of(segment)
            value = as_text(row["features"].get(segment))
            groups += [(segment, value if value in known else OTHER)] if known else []
        for group in groups:
            key = (monitor.lineage, row["version"], *group, pane)
            yield self.sums.setdefault(key, Sums(monitor))

    def _served(self, task, row):
        if task == "multiclass":
            return as_text(row["label"])
        number = row["label"] if isinstance(row["label"], float) and not math.isnan(row["label"]) else None
        first, second = (row["score"], number) if task == "binary" else (number, row["score"])
        if task == "regression" and row["label"] is not None and number is None:
            return None if isinstance(row["label"], str) else second
        return second if first is None else first

    def _predict(self, row):
        for monitor in self._of(row["model"]):
            for sums in self._keys(monitor, row):
                sums.cells[ROWS] += 1
                sums.cells[sums.layout.latency + latency_codes([row["latency_ms"]])[0]] += 1
                served = self._served(monitor.task, row)
                values = {feature: self._value(feature, row, served) for feature in sums.layout.features}
                sums.cells[INVALIDS] += sum(self._feature(sums, *each) for each in values.items()) > 0
                sums.scores.append(self._scores(monitor, values))
                if served is not None:
                    args = (np.zeros(1, np.int64), np.array([served]))
                    task_sums(monitor.task).serve(sums.task_cells, sums.task_sums, *args)

    def _value(self, feature, row, served):
        return served if feature.is_output else row["features"].get(feature.name)

    def _scores(self, monitor, values):
        """Normal scores of the features that are watched in pairs."""
        reference = monitor.reference
        if reference is None or reference.panel.joint is None:
            return []
        bins = [self._bin(feature, value) for feature, value in values.items()]
        found = [0 if b is None else int(reference.panel.normal_scores[f, b]) for f, b in enumerate(bins)]
        return [found[f] for f in reference.panel.joint.features]

    def _bin(self, feature, value):
        """The bin of a value, None for an invalid one."""
        if value is None:
            return 0
        if (isinstance(value, float) and math.isnan(value)) or (feature.kind == "number" and isinstance(value, str)):
            return None
        codes = feature.bins.number_codes if feature.kind == "number" else feature.bins.level_codes
        return codes([value if feature.kind == "number" else as_text(value)])[0]

    def _feature(self, sums, feature, value):
        invalid = isinstance(value, float) and math.isnan(value)
        if feature.kind == "number":
            invalid |= isinstance(value, str)
            bin_ = (
                0 if value is None else 1 if feature.bins is None or invalid else feature.bins.number_codes([value])[0]
            )
            if value is not None and not invalid:
                sums.values[feature.number].append(value)
        else:
            text = as_text(value)
            bin_ = 0 if value is None else 1 if feature.bins is None or invalid else feature.bins.level_codes([text])[0]
            if feature.bins is None and text is not None:
                sums.levels[feature.name][text] += 1
        sums.cells[feature.invalid if invalid else feature.first + bin_] += 1
        return invalid

    def _label(self, row, truth):
        for monitor in self._of(row["model"]):
            served = self._served(monitor.task, row)
            for sums in self._keys(monitor, row):
                sums.cells[LABELS] += 1
                if served is None:
                    continue
                args = (np.zeros(1, np.int64), np.array([served]), np.array(truth))
                clip = (watch_of(monitor).clip,) if monitor.task == "regression" else ()
                task_sums(monitor.task).label(sums.task_cells, sums.task_sums, *args, *clip)
                if monitor.task == "multiclass":
                    sums.confusion[served, truth[0]] += 1
                for version, score in row["shadow"].items():
                    if monitor.task != "multiclass" and score is not None:
                        difference = loss(monitor.task, served, truth[0]) - loss(monitor.task, score, truth[0])
                        sums.pairs[version].append(difference)


def loss(task, predicted, truth):
    """What versions are compared by."""
    if task == "regression":
        return abs(predicted - truth)
    p = min(max(predicted, 1e-7), 1 - 1e-7)
    return -math.log(p if truth else 1 - p)


def sealed(outputs):
    """All sums that measure told, by key, over all arrivals."""
    told = defaultdict(list)
    for output in outputs:
        for p in decode_message(output.value).sealed:
            told[p.lineage, p.version, p.segment_key, p.segment_value, p.pane_ms].append(p)
    return dict(told)


def assert_equal(told, oracle):
    """Integers are equal, floats nearly: revisions add, take away and add."""
    assert set(told) == set(oracle.sums)
    for key, partials in told.items():
        sums = oracle.sums[key]
        cells = total(partials, "cells")
        cells[DUPLICATES] = 0  # a duplicate is shown if the key of the first is still open
        assert cells.tolist() == sums.cells.tolist(), key
        assert total(partials, "task_cells").tolist() == sums.task_cells[0].tolist(), key
        np.testing.assert_allclose(floats(partials, "task_sums"), sums.task_sums[0], atol=1e-9)
        numbers = [sums.values[i] for i in range(sums.layout.numbers)]
        moments = [m for values in numbers for m in (sum(values), sum(value * value for value in values))]
        np.testing.assert_allclose(floats(partials, "sums"), moments, atol=1e-9)
        if sums.layout.products and not key[2]:
            assert total(partials, "products").tolist() == products(oracle, key), key
        else:
            assert not any(p.products for p in partials), key
        lows = np.min([np.frombuffer(p.lows) for p in partials], axis=0)
        highs = np.max([np.frombuffer(p.highs) for p in partials], axis=0)
        assert lows.tolist() == [min(values, default=math.inf) for values in numbers]
        assert highs.tolist() == [max(values, default=-math.inf) for values in numbers]
        _assert_levels(partials, sums)
        _assert_pairs(partials, sums)
        assert confused(partials) == sums.confusion, key


def confused(partials):
    """Rows by predicted and true class."""
    counts = [Confusion(p.classes, np.frombuffer(p.confusion, "<i8").reshape(-1, 3)) for p in partials]
    found = merged(counts)
    return {(found.classes[p], found.classes[t]): n for p, t, n in found.cells.tolist()}


def _assert_levels(partials, sums):
    levels = defaultdict(lambda: defaultdict(int))
    for feature, text, n in ((f, t, n) for p in partials for f, some in p.levels.items() for t, n in some.items()):
        levels[feature][text] += n
    assert levels == sums.levels


def _assert_pairs(partials, sums):
    for version in {version for p in partials for version in p.pairs} | set(sums.pairs):
        n, *floats = np.sum([p.pairs.get(version, (0, 0.0, 0.0)) for p in partials], axis=0).tolist()
        assert n == len(sums.pairs[version])
        expected = [sum(sums.pairs[version]), sum(d * d for d in sums.pairs[version])]
        np.testing.assert_allclose(floats, expected, atol=1e-6)


def products(oracle, key):
    """Sums of products of pairs and the number of outliers."""
    [outliers] = [m.reference.outliers for m in oracle.monitors if m.lineage == key[0]]
    scores = np.array(oracle.sums[key].scores, np.int64)
    far = 0 if outliers is None else int(outliers.are(scores).sum())
    return [*pair_sums(scores).tolist(), far]


def total(partials, name):
    """Integers of partials, added up."""
    return np.sum([p.integers(getattr(p, name)) for p in partials], axis=0)


def floats(partials, name):
    """Floats of partials, added up."""
    return np.sum([np.frombuffer(getattr(p, name), "<f8") for p in partials], axis=0)


def counts_of(outputs):
    """The newest counts by model, kind and producer."""
    newest = {}
    for output in outputs:
        for count in decode_message(output.value).counts:
            newest[count.model, count.kind, count.source] = msgspec.structs.asdict(count)
    return newest
