"""What holds the watermark back, and for how long (rule 5); that nothing is late is in the laws of backlogs."""

import pytest

from stream.folds.rows import PaneRow
from tests.loop import watched

BEHIND = ("predictions", 1)


def prediction(an_id, at_ms, model="m"):
    return {"prediction_id": an_id, "model": model, "event_time": at_ms, "features": {"x": 1.0, "c": "a"}}


@pytest.fixture
def loop():
    """Two partitions of predictions, of which the second holds no rows of the model, all read; panes of 1 s."""
    made = watched(partitions=1, pane="1s", lateness="1s")
    made.send("predictions", [prediction("first", 0)], partition=0)
    made.send("predictions", [prediction("other", 0, "other")], partition=1)
    made.tick(3)
    made.run()
    return made


def live(loop, seconds, ends=None):
    """Rows of the model in the first partition, as it is now: one a second."""
    for _ in range(seconds):
        loop.send("predictions", [prediction(f"p{loop.clock_ms}", loop.clock_ms)], partition=0)
        loop.tick(ends=ends)
        loop.run()


def behind_ms(loop):
    """How far the watermark is behind the newest row."""
    (state,) = loop.states
    (lineage,) = state.lineages.values()
    return int(state.models.newest_ms.max()) - lineage.watermark_ms


def test_a_partition_without_rows_of_a_model_does_not_delay_its_panes(loop):
    live(loop, 6)
    delays = []
    for _ in range(5):
        live(loop, 1)
        delays.append(behind_ms(loop))

    assert delays == [1_000] * 5


def test_rows_that_run_ahead_of_the_clock_count_once_each_partition_is_known_to_be_read(loop):
    live(loop, 3)
    loop.send("predictions", [prediction("ahead", loop.clock_ms + 60_000)], partition=0)
    loop.tick()
    loop.run()
    assert behind_ms(loop) > 50_000

    loop.clock_ms += 60_000
    loop.tick(3)
    loop.run()
    assert behind_ms(loop) == 1_000


def test_a_partition_that_is_behind_holds_the_watermark_where_it_was_complete(loop):
    live(loop, 6)
    (before,) = [here.watermark_ms for here in loop.states[0].lineages.values()]
    live(loop, 20, ends={BEHIND: 50})
    (after,) = [here.watermark_ms for here in loop.states[0].lineages.values()]

    assert 0 <= after - before <= 2_000
    live(loop, 4)
    assert behind_ms(loop) == 1_000


def test_panes_of_a_model_are_final_while_another_partition_has_other_models(loop):
    live(loop, 8)

    assert len([row for row in loop.of(PaneRow) if row.n and not row.segment_key]) >= 5


def test_the_watermark_stands_still_until_all_partitions_of_the_topic_are_named():
    made = watched(partitions=1, pane="1s", lateness="1s")
    made.siblings = {"predictions": 2}
    made.send("predictions", [prediction("early", 0)], partition=0)
    made.tick()
    made.send("predictions", [prediction("newest", 90_000)], partition=0)
    made.tick(5)
    made.run()
    assert [lineage.watermark_ms for lineage in made.states[0].lineages.values()] == [-1_000]

    made.send("predictions", [prediction("unread", 0)], partition=1)
    made.tick(5)
    made.run()
    assert behind_ms(made) == 1_000
    assert sum(row.n for row in made.of(PaneRow) if row.pane_ms == row.arrival_ms == 0 and not row.segment_key) == 2


def test_a_model_is_not_idle_while_a_partition_is_not_named():
    made = watched(partitions=1, pane="1s", lateness="1s", idle_timeout="3s")
    made.siblings = {"predictions": 2}
    made.send("predictions", [prediction("early", 0)], partition=0)
    made.tick(30)
    made.run()
    assert made.of(PaneRow) == []


def test_partitions_that_are_added_hold_the_watermark_until_somebody_reads_them():
    made = watched(partitions=1, pane="1s", lateness="1s")
    made.siblings = {"predictions": 1}
    made.send("predictions", [prediction("early", 0)], partition=0)
    made.tick()
    made.siblings = {"predictions": 2}
    made.tick()
    made.send("predictions", [prediction("newest", 90_000)], partition=0)
    made.tick(5)
    made.run()
    assert [lineage.watermark_ms for lineage in made.states[0].lineages.values()] == [-1_000]

    made.send("predictions", [prediction("in the new one", 0)], partition=1)
    made.tick(5)
    made.run()
    assert behind_ms(made) == 1_000
    assert sum(row.n for row in made.of(PaneRow) if row.pane_ms == row.arrival_ms == 0 and not row.segment_key) == 2


def test_a_topic_that_was_made_again_with_fewer_partitions_waits_for_those_alone():
    made = watched(partitions=1, pane="1s", lateness="1s")
    made.siblings = {"predictions": 3}
    for partition in range(3):
        made.send("predictions", [prediction(f"old{partition}", 0)], partition=partition)
    made.tick(5)
    made.run()
    assert behind_ms(made) == 1_000

    made.recreate("predictions", "id-2")
    made.siblings = {"predictions": 2}
    del made.offsets["predictions", 2], made.offsets["predictions", 1]
    made.tick()
    made.send("predictions", [prediction("new0", 60_000)], partition=0)
    made.tick(5)
    made.run()
    assert behind_ms(made) > 50_000

    made.send("predictions", [prediction("new1", 60_000)], partition=1)
    made.tick(5)
    made.run()
    assert behind_ms(made) == 1_000
