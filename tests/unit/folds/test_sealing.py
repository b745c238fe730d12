"""Sums of keys on their way to decide: as few bytes as hold them, and nothing else is changed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.folds.decide.merge import merge
from stream.folds.measure.arena import Arena
from stream.folds.measure.key_kernels import NO_SEGMENT
from stream.folds.measure.keys import KeyStore
from stream.folds.measure.sealing import Names, partials_of
from stream.folds.measure.shape import Shape, sizes_of
from stream.folds.partials import Message, decode_message, encode_messages

many = settings(max_examples=100, deadline=None)
SHAPES = [Shape(5, 2, "binary", (), 3), Shape(4, 0, "multiclass", (), 0), Shape(7, 1, "regression", (), 0)]
SIZES = sizes_of(SHAPES)
MOST = st.sampled_from([0, 1, 127, 128, 2**15 - 1, 2**15, 2**31 - 1, 2**31, 2**63 - 1])


@many
@given(st.lists(st.tuples(st.integers(0, 2), MOST, st.booleans()), min_size=1, max_size=12), st.data())
def test_what_decide_merges_is_what_measure_summed(keys, data):
    store = opened([lineage for lineage, _, _ in keys])
    drop = np.array(data.draw(st.lists(st.booleans(), min_size=len(keys), max_size=len(keys))))
    expected = [fill(store, slot, most, negative) for slot, (_, most, negative) in enumerate(keys)]

    sealed = partials_of(store, drop, SIZES, Names(["a", "b", "c"], SHAPES, ["1"], {}))
    (sent,) = encode_messages(Message(0, 0, 1, 0, 1, 0, sealed=tuple(sealed)))

    wanted = [expected[slot] for slot in np.flatnonzero(drop)]
    for partial, (ints, floats) in zip(decode_message(sent).sealed, wanted, strict=True):
        ((_, merged),) = merge([(0, partial)]).items()
        assert [*merged.cells, *merged.task_cells, *merged.products] == ints.tolist()
        numbers = floats[: 4 * len(merged.lows)].reshape(-1, 4)
        assert merged.sums.tolist() == numbers[:, :2].ravel().tolist()
        assert (merged.lows.tolist(), merged.highs.tolist()) == (numbers[:, 2].tolist(), numbers[:, 3].tolist())
        assert merged.task_sums.tolist() == floats[numbers.size :].tolist()


@many
@given(st.lists(st.tuples(st.integers(0, 2), MOST, st.booleans()), min_size=1, max_size=12), st.data())
def test_keys_that_stay_keep_their_sums_when_others_are_dropped_or_all_are_restored(keys, data):
    store = opened([lineage for lineage, _, _ in keys])
    drop = np.array(data.draw(st.lists(st.booleans(), min_size=len(keys), max_size=len(keys))))
    expected = [fill(store, slot, most, negative) for slot, (_, most, negative) in enumerate(keys)]

    store.drop(drop, SIZES)
    saved = store.saved(SIZES)

    for found in (store, KeyStore.restored(saved, SIZES)):
        assert len(found) == np.count_nonzero(~drop)
        for slot, old in enumerate(np.flatnonzero(~drop)):
            ints, floats = sums(found, slot)
            assert (ints.tolist(), floats.tolist()) == (expected[old][0].tolist(), expected[old][1].tolist())


@pytest.mark.parametrize(("most", "width"), [(127, 1), (128, 2), (-128, 1), (-129, 2), (2**31, 8), (-(2**31), 4)])
def test_integers_take_the_fewest_bytes_that_hold_them(most, width):
    store = opened([0])
    store.ints.data[store.arrays.ints[0]] = most

    (partial,) = partials_of(store, np.array([True]), SIZES, Names(["a"], SHAPES, ["1"], {}))

    assert (partial.width, len(partial.cells)) == (width, 5 * width)


def test_an_arena_uses_again_what_was_given_back():
    arena, sizes = Arena(np.float64), np.array([3, 2, 3])
    first = arena.take(sizes)
    arena.put(first, sizes, np.arange(8.0))
    assert arena.gather(first[1:], sizes[1:]).tolist() == [3.0, 4.0, 5.0, 6.0, 7.0]
    arena.give(first, sizes)

    assert sorted(arena.take(sizes).tolist()) == sorted(first.tolist())
    assert not arena.data.any()


def opened(lineages):
    """Return a store with an open key of each of these lineages, for all rows."""
    store, n = KeyStore(), len(lineages)
    store.make_room(n)
    store.arrays.lineage[:n], store.arrays.segment[:n] = lineages, NO_SEGMENT
    store.arrays.pane[:n] = np.arange(n)
    store.arrays.pairs[:n] = -1
    store.arrays.sizes[0] = n
    store.give_sums(0, SIZES)
    return store


def fill(store, slot, most, negative):
    """Put numbers of up to `most` into a key, and return copies of its sums."""
    ints, floats = sums(store, slot)
    ints[:] = [most // (i + 1) * (-1) ** (negative * i) for i in range(len(ints))]
    floats[:] = np.arange(len(floats)) / 7 - slot
    return ints.copy(), floats.copy()


def sums(store, slot):
    keys, lineage = store.arrays, store.arrays.lineage[slot : slot + 1]
    ints = int(SIZES.ints(lineage, keys.segment[slot : slot + 1]).sum())
    floats = int(SIZES.floats(lineage).sum())
    return store.ints.data[keys.ints[slot] :][:ints], store.floats.data[keys.floats[slot] :][:floats]
