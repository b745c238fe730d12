"""Durations, positions, the partitioner: small parts against their oracles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamgauge import Position, format_duration, murmur2, parse_duration, partition_of
from streamgauge.kafka_client import murmur2 as oracle


@given(st.binary(max_size=70))
def test_murmur2_is_kafka_pythons(data):
    assert murmur2(data) == oracle(data)


@pytest.mark.parametrize(
    ("data", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    ],
)
def test_murmur2_is_javas(data, signed):
    assert murmur2(data) == signed % 2**32


@given(st.binary(max_size=20), st.integers(1, 64))
def test_a_key_has_one_partition(key, count):
    assert partition_of(key, count) == (oracle(key) & 0x7FFFFFFF) % count


@given(st.integers(0, 10**13))
def test_a_duration_is_read_back(ms):
    assert parse_duration(format_duration(ms)) == ms


@pytest.mark.parametrize("text", ["", "h", "1", "1.5h", "-1h", "1h 30m", "1m1h", "1h1h", "1w", "1H"])
def test_other_texts_are_no_durations(text):
    with pytest.raises(ValueError, match=r"write it|write a number"):
        parse_duration(text)


@given(
    st.builds(
        Position,
        st.from_regex(r"[A-Za-z0-9._-]{1,249}", fullmatch=True),
        st.integers(0, 10**9),
        st.integers(0, 2**62),
        st.integers(0, 65_535),
    )
)
def test_a_position_is_read_back(position):
    assert Position.parse(str(position)) == position


@pytest.mark.parametrize("text", ["", "a/b@c", "a/1@", "a@1", "a/1@2#", "a b/1@2", "a/1@2#123456"])
def test_other_texts_are_no_positions(text):
    with pytest.raises(ValueError, match="no position"):
        Position.parse(text)
