"""However intake is cut, restarted and repeated, a reader of the ledger sees each event once, in order."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamgauge import partition_of

from stream.folds.base import Output, Record
from stream.folds.blocks import Block, Fact, Source, decode_entry, end_of, place
from stream.folds.intake import Intake, IntakeResult
from tests.frames import Row, rows_of

LINES = (("content-type", b"application/x-ndjson"),)
PARTITIONS = 3
SOURCES = {topic: Source(topic, "id", 1) for topic in ("predictions", "labels", "specs", "commands", "models")}
WORDS = st.sampled_from(["UA", "AA", "", "é"])
VALUES = st.none() | st.floats() | WORDS | st.booleans()
NAMES = st.sampled_from([f"f{i}" for i in range(6)])
COMMON = {
    "prediction_id": st.integers(0, 30).map(str),
    "model": st.sampled_from(["a", "b"]),
    "event_time": st.integers(0, 10**12),
}
PREDICTION = st.fixed_dictionaries(
    COMMON,
    optional={
        "features": st.dictionaries(NAMES, VALUES, max_size=5),
        "score": st.floats(0, 1),
        "shadow": st.dictionaries(st.sampled_from(["3", "4"]), st.floats(0, 1)),
        "label": WORDS | st.floats(0, 1),
        "version": WORDS,
    },
)
BAD = st.sampled_from([{"model": "a"}, [], {"prediction_id": 3}, {"features": {}, "modle": "a"}])


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Compile, or load what was compiled, before time is taken."""
    Intake(PARTITIONS).split(SOURCES["predictions"], [Record(0, 0, b"{}"), Record(1, 0, b"[]")], {})


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    """Draw a log of predictions: good lines, bad lines, gaps in the offsets."""
    offset, records = draw(st.integers(0, 5)), []
    for lines in draw(
        st.lists(st.lists(PREDICTION | PREDICTION | BAD, min_size=1, max_size=6), min_size=1, max_size=12)
    ):
        value = b"\n".join(json.dumps(line).encode() for line in lines)
        records.append(Record(offset, offset, value, headers=LINES))
        offset += draw(st.integers(1, 3))
    return records


@st.composite
def cut_logs(draw: st.DrawFn) -> list[list[Record]]:
    """Draw a log, cut into runs."""
    log = draw(logs())
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(log) - 1)), max_size=4)) & set(range(1, len(log))))
    return [log[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(log)], strict=True)]


@dataclass
class Reader:
    """Reads a ledger partition as rule 2 of docs/architecture.md says: rows above the high; what is missing is lost."""

    high: int = -1
    lost: int = 0
    rows: list[Row] = field(default_factory=list)

    def read(self, value: bytes) -> None:
        entry = decode_entry(value)
        assert isinstance(entry, Block)
        assert entry.start < entry.to
        self.lost += entry.start > self.high
        rows = rows_of(entry.frame)
        assert all(entry.start < row.position <= entry.to for row in rows)
        self.rows += [row for row in rows if row.position > self.high]
        self.high = max(self.high, entry.to)


def read(outputs: list[Output]) -> list[Reader]:
    readers = [Reader() for _ in range(PARTITIONS)]
    for output in outputs:
        assert output.topic == "ledger"
        assert output.partition is not None
        readers[output.partition].read(output.value)
    return readers


def run_all(intake: Intake, runs: list[list[Record]], after: dict[int, int]) -> list[IntakeResult]:
    results = []
    for run in runs:
        results.append(intake.split(SOURCES["predictions"], run, after))
        after |= results[-1].after
    return results


def outputs(results: list[IntakeResult]) -> list[Output]:
    return [output for result in results for output in result.outputs]


@given(cut_logs(), st.sampled_from([400, 1_000, 500_000]))
def test_any_cut_gives_the_same_rows(runs, limit):
    intake = Intake(PARTITIONS, limit)
    whole = read(outputs(run_all(intake, [[record for run in runs for record in run]], {})))
    cut = read(outputs(run_all(intake, runs, {})))
    assert [reader.rows for reader in cut] == [reader.rows for reader in whole]
    assert all(reader.lost == 0 for reader in cut + whole)


@given(cut_logs(), st.data())
def test_re_sent_and_interleaved_blocks_are_harmless(runs, data):
    results = run_all(Intake(PARTITIONS, 1_000), runs, {})
    once = read(outputs(results))
    # A worker dies after any prefix of its blocks, and another starts again at any record, with other cuts.
    sent = outputs(results)
    died = data.draw(st.integers(0, len(sent)))
    log = [record for run in runs for record in run]
    known = read(sent[:died])
    start = data.draw(st.integers(0, sum(all(r.high >= end_of(x.position) for r in known) for x in log)))
    before = {p: end_of(log[start - 1].position) if start else -1 for p in range(PARTITIONS)}
    again = outputs(run_all(Intake(PARTITIONS, 700), [log[start:]], before)) if start < len(log) else []
    late = data.draw(st.lists(st.sampled_from(sent[:died]), max_size=3)) if died else []
    readers = read(sent[:died] + again + late)
    assert [reader.rows for reader in readers] == [reader.rows for reader in once]
    assert all(reader.lost == 0 for reader in readers)


@given(cut_logs())
def test_every_line_is_one_row_of_its_partition_or_one_dead_letter(runs):
    results = run_all(Intake(PARTITIONS), runs, {})
    letters = [json.loads(letter.value) for result in results for letter in result.dead_letters]
    rows = {row.position: (partition, row) for partition, r in enumerate(read(outputs(results))) for row in r.rows}
    dead = {place(letter["offset"], letter["line"]) for letter in letters}
    assert len(dead) == len(letters)
    lines = {
        place(record.position, line): json.loads(text)
        for run in runs
        for record in run
        for line, text in enumerate(record.value.split(b"\n"))
    }
    assert rows.keys() | dead == lines.keys()
    assert not rows.keys() & dead
    for at, (partition, row) in rows.items():
        assert row.prediction_id == lines[at]["prediction_id"]
        assert partition == partition_of(row.prediction_id.encode(), PARTITIONS)


@given(cut_logs())
def test_coverage_never_falls_and_ends_with_the_run(runs):
    after: dict[int, int] = {}
    for run in runs:
        result = Intake(PARTITIONS, 400).split(SOURCES["predictions"], run, after)
        assert result.covered == end_of(run[-1].position)
        assert all(after.get(p, -1) < to == result.covered for p, to in result.after.items())
        after |= result.after


@given(st.sampled_from(["specs", "commands", "models"]), st.lists(st.sampled_from([b"{}", b'{"a":1}', b"{", b""])))
def test_a_fact_reaches_all_of_its_partitions_once_and_in_order(topic, values):
    if not values:
        return
    run = [Record(2 * i, 7, value, b"m/version/1") for i, value in enumerate(values)]
    result = Intake(PARTITIONS).split(SOURCES[topic], run, {})
    good = [(record.position, record.value) for record in run if record.value.startswith(b"{") and record.value != b"{"]
    targets = [partition_of(b"m", PARTITIONS)] if topic == "models" else range(PARTITIONS)
    for partition in range(PARTITIONS):
        facts = [decode_entry(out.value) for out in result.outputs if out.partition == partition]
        assert all(isinstance(fact, Fact) for fact in facts)
        assert [(fact.to >> 16, fact.value) for fact in facts] == (good if partition in targets else [])
        assert [fact.start for fact in facts] == [-1, *(fact.to for fact in facts)][: len(facts)]
    assert len(result.dead_letters) == len(run) - len(good)
