"""A backtest does not depend on how its file is cut, and sums what the live path sums."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamgauge.events import LabelEvent, PredictionEvent

from stream.backtest import course
from stream.folds.base import Record
from stream.folds.blocks import Block, Covered, Fact, Source, Tick, encode_entry, end_of
from stream.folds.decide import Decide
from stream.folds.frame_events import frame_of
from stream.folds.measure import Measure
from stream.folds.partials import decode_message
from stream.folds.rows import SHOWN, ConservationRow, decode_rows, encode_rows
from tests.backtests import HOUR_MS, Fitted, columns_of, fitted, messages, partials_of, spec_of, sums_of, written

BEGIN = 400_000 * HOUR_MS
SPEC = spec_of(segments=["c"], labels={"horizon": "30d"})


@pytest.fixture(autouse=True, scope="module")
def _small_chunks() -> Iterator[None]:
    """Chunks of a few rows, so that laws meet their ends."""
    with patch("stream.backtest.reader.CHUNK_ROWS", 40):
        yield


@cache
def reference() -> Fitted:
    with tempfile.TemporaryDirectory() as name:
        return fitted(written(Path(name) / "reference.parquet", columns_of(2_000)), SPEC)


@st.composite
def files(draw, has_duplicates=True):
    """Columns whose times may go back, and whose labels come at once, later, or never."""
    n, seed = draw(st.integers(1, 400)), draw(st.integers(0, 1_000))
    rng = np.random.default_rng(seed)
    columns = columns_of(n, seed)
    steps = rng.integers(0, draw(st.sampled_from([10_000, 300_000, 4_000_000])), n)
    back = rng.integers(0, 1 + draw(st.sampled_from([0, 1_000_000, 9_000_000])), n)
    columns["event_time"] = BEGIN + np.cumsum(steps) - back
    columns["version"] = pa.array([["1", "2", None][i] for i in rng.integers(0, 3, n)])
    columns["prediction_id"] = rng.integers(0, 2 * n, n) if has_duplicates else rng.permutation(n)
    columns["x"] = pa.array([None if i % 11 == 0 else float(v) for i, v in enumerate(columns["x"])])
    _, at, inverse = np.unique(columns["prediction_id"], return_index=True, return_inverse=True)
    first = np.isin(np.arange(n), at)
    columns["event_time"] = columns["event_time"][at[inverse]]  # the same row again
    delay = draw(st.sampled_from(["none", "short", "long"]))
    if delay != "none":
        columns["label_time"] = columns["event_time"] + rng.integers(0, {"short": 60_000, "long": 10**7}[delay], n)
    labels = zip(columns["label"], first, strict=True)
    columns["label"] = pa.array([int(v) if i % 5 and is_first else None for i, (v, is_first) in enumerate(labels)])
    return columns


def decided(said):
    """All rows that `decide` writes, without what depends on the log's clock and positions."""
    rows = [
        row
        for some, _ in course.decided(said, shows=True)
        for output in some
        if output.topic in ("panes", "verdicts")
        for row in decode_rows(output.value)
    ]
    last = {row.kind: row for row in rows if isinstance(row, ConservationRow)}
    rows = [row for row in rows if not isinstance(row, ConservationRow)] + list(last.values())
    skipped = ("known_ms", "position", "merged")
    return sorted(str({f: getattr(r, f) for f in r.__struct_fields__ if f not in skipped}) for r in rows)


@given(files(), st.integers(1, 500))
@settings(max_examples=15)
def test_row_groups_change_nothing(columns, row_group_size):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = reference()
        whole = messages(written(folder / "whole", columns), SPEC, made)
        assert messages(written(folder / "cut", columns, row_group_size), SPEC, made) == whole


@given(files())
@settings(max_examples=25)
def test_blocks_that_are_cut_at_every_pane_say_the_same(columns):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made, path = reference(), written(folder / "rows", columns)
        usual, fine = (messages(path, SPEC, made, is_fine=is_fine) for is_fine in (False, True))
        assert decided(usual) == decided(fine)


@given(files())
@settings(max_examples=15)
def test_without_rows_to_look_at_all_else_is_the_same(columns):
    with tempfile.TemporaryDirectory() as name:
        said = messages(written(Path(name) / "rows", columns), SPEC, reference())
        (shown, state), (bare, same) = (followed(said, shows) for shows in (True, False))
        assert same == state
        assert bare == shown


def followed(said, shows):
    """What `decide` writes without rows to look at, in bytes, and the state that it comes to."""
    fold = Decide(0, 1, course.LEDGER_ID, shows=shows)
    state, told = fold.start(), []
    for position, (value, _) in enumerate(said):
        for output in fold.step(state, [Record(position, position, value)]):
            is_rows = output.topic in ("panes", "verdicts")
            rows = [row for row in decode_rows(output.value) if not isinstance(row, SHOWN)] if is_rows else []
            told += [encode_rows([row]) for row in rows] if is_rows else [output.value]
    return told, fold.encode(state)


@given(files(has_duplicates=False), st.data())
@settings(max_examples=15)
def test_sums_are_those_of_the_live_path_for_the_same_events(columns, data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made, path = reference(), written(folder / "rows", columns)
        said = messages(path, SPEC, made)
        live = live_messages(columns, made, data)
        mine, theirs = sums_of(partials_of([value for value, _ in said])), sums_of(partials_of(live))
        assert mine.keys() == theirs.keys()
        for key, sums in mine.items():
            assert sums[:2] == theirs[key][:2]  # integers, to the last
            assert all(np.allclose(a, b, rtol=1e-12) for a, b in zip(sums[2:], theirs[key][2:], strict=True))


def live_messages(columns, made, data):
    """Fold the events themselves, one by one as producers send them, in blocks cut anywhere; then all is sealed."""
    entries, record = [], course.spec_record(SPEC, made)
    predictions, labels = events_of(columns)
    entries.append(Fact(Source("specs", "id", 0), end_of(-1), end_of(0), b"m", record))
    for topic, events in (("predictions", predictions), ("labels", labels)):
        cuts = sorted({0, len(events), *data.draw(st.lists(st.integers(0, len(events)), max_size=5))})
        for start, end in pairwise(cuts):
            frame = frame_of(events[start:end], [i << 16 for i in range(start, end)])
            entries.append(Block(Source(topic, "id", 0), end_of(start - 1), end_of(end - 1), frame))
    return folded(entries)


def folded(entries):
    """All in one tick, so that nothing is late; then what a close brings."""
    clock = BEGIN + 10**12
    close = b'{"id": "c", "command": "close", "model": "m"}'
    covered = Tick("w", (Covered(Source("predictions", "id", 0), 1 << 60, 1 << 60, -1),))
    ends = [Fact(Source("commands", "id", 0), -1, end_of(0), b"m", close), covered, covered, covered, covered]
    records = [Record(i, clock, encode_entry(entry)) for i, entry in enumerate(entries)]
    records += [Record(len(entries) + i, clock + 1_000 * (i + 1), encode_entry(end)) for i, end in enumerate(ends)]
    fold = Measure(0, 1, 1_000, course.LEDGER_ID)
    return [output.value for output in fold.step(fold.start(), records)]


def events_of(columns):
    n = len(columns["event_time"])
    values = {
        name: column.to_pylist() if isinstance(column, pa.Array) else column.tolist()
        for name, column in columns.items()
    }
    predictions = [
        PredictionEvent(
            prediction_id=str(values["prediction_id"][i]),
            model="m",
            event_time_ms=values["event_time"][i],
            features={name: values[name][i] for name in "xyc"},
            score=values["score"][i],
            version=values["version"][i] or "",
        )
        for i in range(n)
    ]
    came = values.get("label_time", values["event_time"])
    labels = [
        LabelEvent(
            prediction_id=str(values["prediction_id"][i]), model="m", event_time_ms=came[i], label=values["label"][i]
        )
        for i in range(n)
        if values["label"][i] is not None
    ]
    return predictions, labels


def test_nothing_is_sealed_twice_under_one_key(tmp_path):
    columns = columns_of(400)
    columns["event_time"] = BEGIN + np.arange(400) * 60_000
    said = messages(written(tmp_path / "rows", columns), SPEC, reference())
    keys = [(p.version, p.segment_key, p.segment_value, p.pane_ms) for p in partials_of([v for v, _ in said])]
    assert len(keys) == len(set(keys))
    assert decode_message(said[-1][0]).marks[0].idle
