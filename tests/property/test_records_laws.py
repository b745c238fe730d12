"""Laws of records in columns: they are the sequence that they were made of, whatever the cuts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.folds.base import Record, Records

names = st.text(max_size=200)
headers = st.lists(st.tuples(names, st.binary(max_size=200)), max_size=3).map(tuple)
records = st.lists(
    st.builds(
        Record,
        position=st.integers(0, 1 << 47),
        append_ms=st.integers(-1, 1 << 47),
        value=st.binary(max_size=50),
        key=st.binary(max_size=10),
        headers=headers,
    ),
    max_size=8,
    unique_by=lambda record: record.position,
).map(lambda found: sorted(found, key=lambda record: record.position))


@given(records)
def test_columns_are_the_sequence_that_they_were_made_of(made):
    columns = Records.of(made)

    assert list(columns) == made
    assert columns == made
    assert Records.of(columns) is columns
    assert columns.next_position == (made[-1].position + 1 if made else 0)
    assert [columns[i] for i in range(-len(made), 0)] == made
    assert columns.data.flags.writeable


@given(records, st.integers(-9, 9), st.integers(-9, 9))
def test_a_cut_is_the_cut_of_the_sequence(made, start, stop):
    columns = Records.of(made)

    assert columns[start:stop] == made[start:stop]
    assert columns[start:stop].data is columns.data


@given(records, st.integers(0, 8))
def test_two_halves_follow_each_other(made, middle):
    columns = Records.of(made)
    first, second = columns[:middle], columns[middle:]

    assert [*first, *second] == made
    assert second.next_position == columns.next_position
    if second:
        assert first.next_position == second.positions[0]


def test_columns_differ_when_a_record_does():
    one, other = Record(1, 2, b"a"), Record(1, 2, b"b")

    assert Records.of([one]) != Records.of([other])
    assert Records.of([one]) != Records.of([one, one])
    assert Records.of([one]) != 1


def test_only_runs_can_be_cut():
    with pytest.raises(ValueError, match="got 2"):
        Records.of([Record(1, 2, b"")])[::2]


def test_a_header_that_is_not_text_can_be_read():
    columns = Records.of([Record(0, 0, b"", headers=(("é", b"x"),))])
    columns.data[columns.headers_at[0] + 1 :][:1] = 0xFF

    assert columns[0].headers[0][1] == b"x"
