"""Predictions that wait for their labels: what is found, what leaves, what a checkpoint holds, and its kernels."""

from __future__ import annotations

import mmap
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from stream.folds.pending import NEVER_HOUR, Pending
from stream.folds.pending.find_kernels import find_sealed
from stream.folds.pending.index_kernels import GONE, candidate, entry_of, fill, home_of, put, relabel_rows
from stream.folds.pending.open_kernels import append_new, find_open
from stream.folds.pending.order_kernels import order_by_hash
from stream.folds.pending.segment import Columns, Segment
from stream.folds.pending.segment_kernels import COLUMNS, bucket_of, context_of, ms_of, row_of

HOUR_MS = 3_600_000
WORDS = np.random.default_rng(7).integers(0, 1 << 64, 60_000, dtype=np.uint64)


def words(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def add(pending: Pending, hashes: np.ndarray, event_ms: np.ndarray | int = 0, context: int = 0) -> np.ndarray:
    n = len(hashes)
    times = np.broadcast_to(np.asarray(event_ms, np.int64), n)
    return pending.add(hashes, hashes ^ words(1), times, np.full(n, context, np.uint32))


def are_here(pending: Pending, hashes: np.ndarray) -> list[bool]:
    return (pending.find(hashes) >= 0).tolist()


def of_hours(hours: int, each: int, seal_rows: int = 1) -> tuple[Pending, np.ndarray, np.ndarray]:
    """Return segments of some hours, their hashes and event times."""
    hashes, times = WORDS[: hours * each], np.repeat(np.arange(hours) * HOUR_MS, each) + 5
    pending = Pending(seal_rows)
    add(pending, hashes, times)
    pending.seal()
    return pending, hashes, times


def files_of(pending: Pending) -> dict[str, bytes]:
    return {name: bytes(content) for name, content in pending.encode()[1].items()}


def decoded(pending: Pending) -> Pending:
    data, files = pending.encode()
    return Pending.decode(data, files.__getitem__)


class TestIdentities:
    @pytest.mark.parametrize("seal_rows", [1, 100])
    def test_hash_zero_is_an_identity_like_others(self, seal_rows):
        pending = Pending(seal_rows)
        assert are_here(pending, words(0)) == [False]
        add(pending, words(5, 0))
        pending.seal()
        assert are_here(pending, words(0, 1, 5)) == [True, False, True]
        assert add(pending, words(0)).tolist() == [False]

    def test_equal_fingerprints_and_equal_homes_are_told_apart_by_the_whole_hash(self):
        same_fingerprint, same_home = [(i << 40) | 77 for i in range(40)], [(1 << 63) | i for i in range(40)]
        pending = Pending(1)
        for i, one in enumerate(same_fingerprint + same_home):
            add(pending, words(one), i * HOUR_MS)
            pending.seal()
        assert all(are_here(pending, words(*same_fingerprint, *same_home)))
        assert not any(are_here(pending, words(*(one + (1 << 20) for one in same_fingerprint + same_home))))

    def test_a_second_one_is_refused_wherever_the_first_is(self):
        pending = Pending(3)
        assert add(pending, words(1, 2, 1)).tolist() == [True, True, False]
        add(pending, words(3))
        pending.seal()
        assert add(pending, words(2, 4, 4)).tolist() == [False, True, False]
        assert len(pending) == 4

    def test_what_was_added_is_read_with_any_event_time(self):
        times = np.array([-1, -HOUR_MS, -HOUR_MS - 1, 0, HOUR_MS - 1, 1 << 52, -(1 << 52)])
        pending = Pending(1)
        pending.add(WORDS[:7], WORDS[7:14], times, np.array([0, 1, (1 << 32) - 1, 3, 4, 5, 6], np.uint32))
        for _ in range(2):  # open, then sealed
            found = pending.read(pending.find(WORDS[:7]))
            assert found.event_ms.tolist() == times.tolist()
            assert found.contexts.tolist() == [0, 1, (1 << 32) - 1, 3, 4, 5, 6]
            assert found.served.tolist() == WORDS[7:14].tolist()
            pending.seal()

    def test_read_only_columns_and_other_integers_are_taken(self):
        hashes = WORDS[:3].copy()
        hashes.flags.writeable = False
        pending = Pending()
        assert pending.add(hashes, hashes, np.arange(3, dtype=np.int32), np.zeros(3, np.int64)).all()
        assert are_here(pending, hashes) == [True] * 3


class TestStates:
    def test_the_last_mark_of_an_entry_stays_through_seals_merges_and_checkpoints(self):
        pending = Pending(2)
        add(pending, words(1, 2))
        refs = pending.find(words(1, 2, 1))
        pending.mark(refs, np.array([3, 4, 0xFFFF], np.uint16))
        pending.seal()
        add(pending, words(3, 4))
        pending.seal()
        assert len(files_of(pending)) == 1
        refs = pending.find(words(1, 2, 3))
        assert pending.read(refs).states.tolist() == [0xFFFF, 4, 0]
        pending.mark(refs[[2, 1, 2]], np.array([8, 9, 10], np.uint16))
        assert decoded(pending).read(decoded(pending).find(words(1, 2, 3))).states.tolist() == [0xFFFF, 9, 10]

    @pytest.mark.parametrize("wrong", [-1, 2, 1 << 32 | 3, 9 << 32, 1 << 60])
    def test_a_reference_to_nothing_is_refused(self, wrong):
        pending, _, _ = of_hours(1, 3)
        add(pending, WORDS[100:102])
        with pytest.raises(ValueError, match="names no entry"):
            pending.read(np.array([0, wrong]))
        with pytest.raises(ValueError, match="names no entry"):
            pending.mark(np.array([wrong]), np.zeros(1, np.uint16))


class TestSeals:
    def test_nothing_is_sealed_below_the_number_of_rows(self):
        pending = Pending(3)
        add(pending, WORDS[:2])
        pending.seal()
        assert files_of(pending) == {}

    def test_an_hour_gets_rows_long_after_it_was_sealed(self):
        pending, hashes, _ = of_hours(500, 20)
        assert len(files_of(pending)) == 500
        late = WORDS[20_000:20_003]
        before = set(files_of(pending))
        add(pending, late, 7 * HOUR_MS + 9)
        pending.seal()
        assert before < set(files_of(pending))
        assert all(are_here(pending, np.concatenate((hashes, late))))
        assert not any(are_here(pending, WORDS[30_000:40_000]))

    def test_segments_of_an_hour_stay_few_and_rows_are_seldom_merged(self):
        pending, written = Pending(10), Counter()
        for start in range(0, 6_000, 10):
            add(pending, WORDS[start : start + 10])
            pending.seal()
            written.update({name: len(content) for name, content in pending.encode()[1].items() if name not in written})
        assert all(are_here(pending, WORDS[:6_000]))
        sizes = sorted((len(content) // 24 for content in files_of(pending).values()), reverse=True)
        assert all(older > 2 * newer for older, newer in pairwise(sizes))
        assert sum(written.values()) < 12 * 24 * 6_000  # each row about log2(600) times

    def test_what_finds_no_room_for_a_segment_stays_open(self, monkeypatch):
        monkeypatch.setattr("stream.folds.pending.sealed.MAX_SEGMENTS", 20)
        pending, hashes, _ = of_hours(30, 10)
        assert len(files_of(pending)) == 20
        assert all(are_here(decoded(pending), hashes))
        pending.forget(np.array([5 * HOUR_MS]))
        pending.seal()
        assert len(files_of(pending)) == 20
        assert are_here(pending, hashes) == [False] * 50 + [True] * 250

    def test_no_room_for_a_single_row_is_refused(self):
        with pytest.raises(ValueError, match="room for a row, not for 0"):
            Pending(0)


class TestForgetting:
    def test_entries_leave_when_their_hour_has_ended_by_the_floor_of_their_context(self):
        for seal_rows in (1, 100):
            pending = Pending(seal_rows)
            times = np.array([0, HOUR_MS - 1, HOUR_MS, -1])
            pending.add(WORDS[:4], WORDS[:4], times, np.array([0, 1, 0, 9], np.uint32))
            pending.seal()
            pending.forget(np.array([HOUR_MS - 1, HOUR_MS]))
            assert are_here(pending, WORDS[:4]) == [True, False, True, True]
            assert len(pending) == 3

    def test_a_floor_never_falls(self):
        pending, hashes, _ = of_hours(3, 1)
        pending.forget(np.array([HOUR_MS]))
        pending.forget(np.array([NEVER_HOUR, NEVER_HOUR]))
        assert add(pending, hashes[:2], np.array([0, HOUR_MS])).tolist() == [False, False]
        assert are_here(pending, hashes) == [False, True, True]

    def test_an_identity_comes_again_while_the_entry_that_left_still_lies_there(self):
        pending = Pending(1)
        pending.add(WORDS[:4], WORDS[:4], np.zeros(4, np.int64), np.array([0, 1, 1, 1], np.uint32))
        pending.seal()
        pending.forget(np.array([HOUR_MS]))
        for event_ms, context in ((0, 1), (HOUR_MS, 0)):  # beside it in its hour, or in another
            again = decoded(pending)
            assert add(again, WORDS[:1], event_ms, context).tolist() == [True]
            again.seal()
            for one in (again, decoded(again)):
                assert len(one) == 4
                assert one.read(one.find(WORDS[:1])).contexts.tolist() == [context]

    def test_what_has_left_stays_absent_when_its_segment_is_merged(self):
        pending = Pending(1)
        pending.add(WORDS[:10], WORDS[:10], np.zeros(10, np.int64), (np.arange(10) >= 4).astype(np.uint32))
        pending.seal()
        pending.forget(np.array([HOUR_MS]))
        add(pending, WORDS[10:20], 5, context=1)
        pending.seal()
        assert len(files_of(pending)) == 1
        assert are_here(pending, WORDS[:20]) == [False] * 4 + [True] * 16
        assert add(pending, WORDS[:4], HOUR_MS).all()

    def test_segments_of_which_little_lives_are_written_anew(self):
        pending = Pending(1)
        contexts = (np.arange(1000) % 10 == 0).astype(np.uint32)
        pending.add(WORDS[:1000], WORDS[:1000], np.zeros(1000, np.int64), contexts)
        pending.seal()
        pending.forget(np.array([HOUR_MS]))
        assert [len(content) for content in files_of(pending).values()] == [24 * 100 + 8]
        assert are_here(pending, WORDS[:1000]) == (contexts == 1).tolist()

    def test_forgetting_all_gives_the_memory_back_and_all_can_come_again(self):
        pending, hashes, times = of_hours(60, 1000)
        assert pending.nbytes > 26 * 60_000
        pending.forget(np.array([60 * HOUR_MS]))
        assert len(pending) == 0
        assert files_of(pending) == {}
        assert pending.nbytes < 100_000
        assert add(pending, hashes, times + 60 * HOUR_MS).all()
        pending.seal()
        assert all(are_here(pending, hashes))

    def test_hours_that_come_and_go_leave_no_trace_in_the_memory(self):
        pending = Pending(1)
        for hour in range(200):
            add(pending, WORDS[hour * 250 : (hour + 1) * 250], hour * HOUR_MS)
            pending.seal()
            pending.forget(np.array([(hour - 20) * HOUR_MS]))
            assert pending.nbytes < 40 * 250 * 22 + 12_000
        assert all(are_here(pending, WORDS[179 * 250 : 200 * 250]))


class TestCheckpoints:
    def test_an_entry_takes_24_bytes_of_file_and_8_at_most_beside(self):
        pending, hashes, _ = of_hours(2, 30_000)
        assert sum(map(len, files_of(pending).values())) == 24 * len(hashes) + 2 * 8
        assert pending.nbytes < (24 + 2 + 7) * len(hashes) + 60_000

    def test_marks_change_the_state_and_no_file(self):
        pending, hashes, _ = of_hours(3, 100)
        data, files = pending.encode()
        pending.mark(pending.find(hashes[:1]), np.ones(1, np.uint16))
        again, same = pending.encode()
        assert again != data
        assert same == files
        assert len(again) - len(data) < 60

    def test_files_that_are_mapped_for_reading_serve_as_columns(self, tmp_path):
        pending, hashes, _ = of_hours(3, 100)
        data, files = pending.encode()
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)

        def mapped(name: str) -> memoryview:
            with (tmp_path / name).open("rb") as file:
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

        restored = Pending.decode(data, mapped)
        for one in (pending, restored):
            one.mark(one.find(hashes[5:7]), np.array([1, 2], np.uint16))
            add(one, WORDS[500:600], 2 * HOUR_MS)
            one.seal()
        assert restored.encode() == pending.encode()

    def test_a_content_at_an_odd_address_is_read_all_the_same(self):
        pending, hashes, _ = of_hours(1, 50)
        data, files = pending.encode()
        assert all(are_here(Pending.decode(data, lambda name: memoryview(b"." + files[name])[1:]), hashes))

    def test_a_content_of_another_size_is_refused(self):
        pending, _, _ = of_hours(1, 50)
        data, files = pending.encode()
        for broken in (b"", *(bytes(content[:-1]) for content in files.values())):
            with pytest.raises(ValueError, match="a segment of 50 entries cannot have"):
                Pending.decode(data, lambda _name, broken=broken: broken)

    def test_a_state_of_another_schema_is_refused(self):
        with pytest.raises(ValueError, match="schema 9"):
            Pending.decode(b"\0\x09" + Pending().encode()[0][2:], lambda _: b"")


def segment_of(hashes: np.ndarray, contexts: np.ndarray | None = None) -> Segment:
    order = np.argsort(hashes)
    n = len(hashes)
    contexts = np.zeros(n, np.uint32) if contexts is None else contexts
    columns = Columns(hashes, hashes, np.arange(n, dtype=np.int64), contexts, np.arange(n, dtype=np.uint16))
    return Segment.of(0, columns.take(order))


class TestKernels:
    def test_words_hold_a_context_and_milliseconds(self):
        for context, ms in ((0, 0), ((1 << 32) - 1, HOUR_MS - 1), (7, 9)):
            packed = np.uint64(context << 22 | ms)
            assert (context_of(packed), ms_of(packed)) == (context, ms)

    @pytest.mark.parametrize("n", [0, 1, 2, 5000])
    def test_hashes_are_ordered_as_numpy_does_and_equal_ones_stay_as_they_came(self, n):
        for hashes in (WORDS[:n], WORDS[:n] >> np.uint64(60), WORDS[:n] << np.uint64(60), WORDS[:n] % np.uint64(3)):
            assert order_by_hash(hashes).tolist() == np.argsort(hashes, kind="stable").tolist()

    @pytest.mark.parametrize("n", [1, 15, 16, 33, 5000])
    def test_a_directory_holds_the_first_row_of_each_bucket(self, n):
        segment = segment_of(WORDS[:n])
        buckets = len(segment.directory) - 1
        of_row = [int(one) * buckets >> 64 for one in segment.hashes]
        assert [bucket_of(one, buckets) for one in segment.hashes] == of_row
        assert segment.directory.tolist() == np.searchsorted(of_row, np.arange(buckets + 1)).tolist()

    def test_a_row_is_where_the_hash_lies_in_the_sorted_column(self):
        segment = segment_of(np.concatenate((WORDS[:400], words(0, (1 << 64) - 1))))
        rows = segment.hashes.tolist()
        asked = np.concatenate((segment.hashes, WORDS[1000:1100]))
        found = [row_of(segment.row, np.zeros(0, np.int64), one) for one in asked]
        assert found == [rows.index(one) if one in rows else -1 for one in asked.tolist()]

    def test_two_segments_become_the_sorted_rows_of_both(self):
        left = segment_of(WORDS[:300], np.arange(300, dtype=np.uint32) % 3)
        right = segment_of(WORDS[300:350], np.full(50, 2, np.uint32))
        both = left.merged(right)
        rows = [
            (one, *values, state)
            for s in (left, right)
            for one, values, state in zip(s.hashes.tolist(), s.values.reshape(-1, 2).tolist(), s.states, strict=True)
        ]
        merged = zip(both.hashes.tolist(), both.values.reshape(-1, 2).tolist(), both.states, strict=True)
        assert [(one, *values, state) for one, values, state in merged] == sorted(rows)
        assert (both.contexts.tolist(), both.counts.tolist()) == ([0, 1, 2], [100, 100, 150])

    def test_the_living_of_a_segment_are_those_at_or_above_their_floor(self):
        segment = segment_of(WORDS[:90], np.arange(90, dtype=np.uint32) % 3)
        floors = np.array([1, 0], np.int64)
        segment.judge(floors)
        made = segment.of_living(floors)
        assert segment.living == len(made.hashes) == 60
        assert made.hashes.tolist() == sorted(WORDS[:90][np.arange(90) % 3 != 0].tolist())

    def test_an_index_that_is_filled_at_once_holds_what_single_puts_hold(self):
        segments = [segment_of(WORDS[:700]), segment_of(WORDS[700:1000])]
        table = np.zeros((4, COLUMNS), np.int64)
        table[1], table[3] = segments[0].row, segments[1].row
        filled, put_in = np.zeros(1500, np.uint32), np.zeros(1500, np.uint32)
        fill(filled, table)
        taken = [put(put_in, one, slot) for slot, s in ((1, segments[0]), (3, segments[1])) for one in s.hashes]
        assert sum(taken) == 1000
        expected = [entry_of(one, slot) for slot, s in ((1, segments[0]), (3, segments[1])) for one in s.hashes]
        assert Counter(filled[filled > 0].tolist()) == Counter(put_in[put_in > 0].tolist()) == Counter(expected)
        refs = np.empty(1100, np.int64)
        for index in (filled, put_in):
            find_sealed(index, table, np.zeros(0, np.int64), WORDS[:1100], refs)
            assert (refs >> 32).tolist() == [1] * 700 + [3] * 300 + [-1] * 100

    def test_places_that_were_left_are_passed_and_taken_again(self):
        segment = segment_of(words(*(i << 16 | 5 for i in range(10))))  # one fingerprint and one home
        index = np.zeros(64, np.uint32)
        for one in segment.hashes:
            put(index, one, 1)
        relabel_rows(index, segment.row, 1, GONE)
        assert candidate(index, np.uint64(5), home_of(np.uint64(5), 64)) == -1
        assert [put(index, np.uint64(5), 2) for _ in range(11)] == [0] * 10 + [1]

    def test_a_run_goes_on_at_the_front_of_the_index(self):
        last = np.uint64((1 << 64) - 1)
        index = np.zeros(8, np.uint32)
        for slot in (1, 2, 3):
            put(index, last, slot)
        assert [i for i in range(8) if index[i]] == [0, 1, 7]
        assert candidate(index, last, 7) == 7
        assert candidate(index, last, 0) == 0

    def test_the_open_table_is_a_dict_from_hashes_to_rows(self):
        hashes = np.concatenate((WORDS[:40], words(0, 64, 128), WORDS[:5], words(0)))
        places, known, refs = np.zeros(128, np.int32), np.zeros(64, np.uint64), np.full(len(hashes), -1)
        refs[3] = 99  # it is in a segment
        rows = append_new(places, known, 0, hashes, refs)
        model: dict[int, int] = {}
        expected = []
        for i, one in enumerate(hashes.tolist()):
            fresh = i != 3 and one not in model
            expected.append(model.setdefault(one, len(model)) if fresh else -1)
        assert refs.tolist() == expected
        assert rows == len(model)
        asked = np.concatenate((hashes, WORDS[50:60]))
        found = np.full(len(asked), -1)
        find_open(places, known, asked, found)
        assert found.tolist() == [model.get(one, -1) for one in asked.tolist()]
