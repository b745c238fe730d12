"""The law of all folds (docs/architecture.md, rule 3), to be called from property tests."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from hypothesis import strategies as st

from stream.folds.base import Fold, Record

State = TypeVar("State")

cuts = st.lists(st.integers(1, 20), min_size=1, max_size=8)


def pieces(records: Sequence[Record], sizes: Sequence[int]) -> Iterator[Sequence[Record]]:
    """Yield `records` cut into runs of these sizes, over and over."""
    at = 0
    while at < len(records):
        for size in sizes:
            if at < len(records):
                yield records[at : at + size]
            at += size


def assert_cut_law(fold: Fold[State], records: Sequence[Record], sizes: Sequence[int]) -> None:
    """A cut changes neither outputs nor state, to the byte."""
    whole, cut = fold.start(), fold.start()
    at_once = fold.step(whole, records)
    bit_by_bit = [output for piece in pieces(records, sizes) for output in fold.step(cut, piece)]
    assert bit_by_bit == at_once
    assert fold.encode(cut) == fold.encode(whole)


def assert_restore_law(fold: Fold[State], before: Sequence[Record], after: Sequence[Record]) -> None:
    """A state that was encoded and decoded goes on as the original, to the byte."""
    state = fold.start()
    fold.step(state, before)
    encoded = fold.encode(state)
    restored = fold.decode(encoded.data, encoded.files.__getitem__)
    assert fold.encode(restored) == encoded
    assert fold.step(restored, after) == fold.step(state, after)
    assert fold.encode(restored) == fold.encode(state)
