from dataclasses import replace

import msgspec
import numpy as np

from stream.folds.partials import decode_message, encode_messages
from stream.ops.recompute import Recomputed, _checked
from tests.loop import day_of_events, watched


def recorded(drop=None):
    """A day's partials, without the `drop`-th that holds sums, against all that the ledger gives rise to."""
    loop, rng = watched(partitions=2), np.random.default_rng(1)
    for day in range(5):
        loop.send("predictions", day_of_events(rng, day, 40)[0])
        loop.tick()
    loop.tick(2)
    loop.run()
    ids = [(m.partition, m.to, m.part, loop.home) for m in loop.messages()]
    with_sums = [i for i, m in enumerate(loop.messages()) if m.sealed]
    missing = None if drop is None else with_sums[drop]
    kept = [record for i, record in enumerate(loop.partials) if i != missing]
    measured = dict(zip(ids, (r.value for r in loop.partials), strict=True))
    return loop.home, kept, measured, None if missing is None else ids[missing]


def test_messages_that_are_all_there_do_not_differ():
    home, records, measured, _ = recorded()
    result = Recomputed()

    assert list(_checked(home, records, measured, result, {})) == records
    assert result.differing == []


def test_a_message_that_was_not_recorded_though_later_ones_were_is_reported():
    home, records, measured, missing = recorded(drop=0)
    result = Recomputed()
    list(_checked(home, records, measured, result, {}))

    assert result.differing == [missing]


def test_messages_that_measure_has_yet_to_write_are_not_reported():
    home, records, measured, _ = recorded()
    newest = max(decode_message(r.value).to for r in records)
    result = Recomputed()
    list(_checked(home, [r for r in records if decode_message(r.value).to < newest], measured, result, {}))

    assert result.differing == []


def test_messages_that_the_checkpoint_had_seen_are_neither_compared_nor_missed():
    home, records, measured, _ = recorded()
    message = decode_message(records[len(records) // 2].value)
    seen = {message.partition: (message.to, message.part)}
    result = Recomputed()
    after = list(_checked(home, records, measured, result, seen))

    assert result.differing == []
    kept = [m for m in map(decode_message, (r.value for r in after)) if m.partition == message.partition]
    assert len(after) < len(records)
    assert all((m.to, m.part) > (message.to, message.part) for m in kept)


def test_messages_that_another_release_wrote_with_wider_integers_do_not_differ():
    home, records, measured, _ = recorded()
    result = Recomputed()
    list(_checked(home, [replace(r, value=wider(r.value)) for r in records], measured, result, {}))

    assert result.messages == len(records)
    assert result.differing == []


def test_messages_with_another_sum_differ_however_wide_their_integers_are():
    home, records, measured, _ = recorded()
    spoilt = next(r for r in records if decode_message(r.value).sealed)
    result = Recomputed()
    changed = [replace(r, value=wider(r.value, more=r is spoilt)) for r in records]
    list(_checked(home, changed, measured, result, {}))

    message = decode_message(spoilt.value)
    assert result.differing == [(message.partition, message.to, message.part, home)]


def wider(value, more=0):
    """A message as it was before its integers had as few bytes as hold them; `more` in the first of each key."""
    message = decode_message(value)
    wide = [partial.widened() for partial in message.sealed]
    sealed = [msgspec.structs.replace(p, cells=bytes([p.cells[0] + more, *p.cells[1:]])) for p in wide]
    (again,) = encode_messages(msgspec.structs.replace(message, sealed=tuple(sealed)))
    return again
