import os
import time

import msgspec
import pytest

from stream.folds.numeric import NUMERIC_VERSION
from stream.runtime.checkpoint import (
    KEEP_S,
    SLOTS,
    Checkpoint,
    CheckpointError,
    CheckpointStore,
    read_file,
    write_file,
)
from stream.runtime.memory_port import MemoryBroker, MemoryPointers


@pytest.fixture
def broker():
    return MemoryBroker({})


@pytest.fixture
def store(tmp_path, broker):
    return CheckpointStore("s.", "measure", tmp_path, MemoryPointers(broker))


def at(position):
    return Checkpoint(position, "topic", position + 1, b"state at %d" % position)


async def test_the_newest_checkpoint_is_found_again(store, tmp_path, broker):
    for position in (5, 9):
        await store.save(0, at(position))
    again = CheckpointStore("s.", "measure", tmp_path, MemoryPointers(broker))

    assert await again.newest([0, 1]) == {0: at(9)}


async def test_a_corrupt_file_gives_way_to_the_one_before(store, tmp_path, broker):
    for position in (5, 9):
        await store.save(0, at(position))
    (tmp_path / broker.pointers[-1].file).write_bytes(b"rubbish")

    assert await store.newest([0]) == {0: at(5)}


async def test_a_missing_file_gives_way_to_the_one_before(store, tmp_path, broker):
    for position in (5, 9):
        await store.save(0, at(position))
    (tmp_path / broker.pointers[-1].file).unlink()

    assert await store.newest([0]) == {0: at(5)}


async def test_pointers_without_any_sound_file_are_refused(store, tmp_path):
    await store.save(0, at(5))
    for path in tmp_path.iterdir():
        path.write_bytes(b"")

    with pytest.raises(CheckpointError, match="none of the 1 checkpoints of measure, partition 0"):
        await store.newest([0])


async def test_the_highest_position_counts_not_the_last_pointer(store, tmp_path, broker):
    await store.save(0, at(9))
    zombie = MemoryBroker({})
    stale = CheckpointStore("s.", "measure", tmp_path, MemoryPointers(zombie))
    for position in (1, 2):
        await stale.save(0, at(position))
    broker.pointers.append(zombie.pointers[-1])  # a worker that lost its partition long ago writes once more

    assert await store.newest([0]) == {0: at(9)}


async def test_another_numeric_version_is_refused(store, broker):
    await store.save(0, at(5))
    broker.pointers[-1] = msgspec.structs.replace(broker.pointers[-1], numeric=NUMERIC_VERSION + 1)

    with pytest.raises(CheckpointError, match="numeric version"):
        await store.newest([0])


async def test_other_folds_and_partitions_are_not_mixed(store, tmp_path, broker):
    other = CheckpointStore("s.", "decide", tmp_path, MemoryPointers(broker))
    await store.save(0, at(5))
    await other.save(0, at(7))
    await store.save(3, at(8))

    assert await store.newest([0, 3]) == {0: at(5), 3: at(8)}


async def test_files_go_a_day_after_no_pointer_names_them(store, tmp_path):
    stranger = tmp_path / ("x.measure-0-" + "0" * 64)
    stranger.write_bytes(b"of another prefix")
    for position in range(SLOTS):
        await store.save(0, at(position))
    age(tmp_path)
    for position in range(SLOTS, SLOTS + 2):
        await store.save(0, at(position))
    assert len(list(tmp_path.glob("s.*"))) == SLOTS + 2, "the day begins when the pointer goes"

    age(tmp_path)
    await store.save(0, at(99))

    assert len(list(tmp_path.glob("s.*"))) == SLOTS + 1
    assert stranger.exists()


def age(folder):
    long_ago = time.time() - KEEP_S - 60
    for path in folder.iterdir():
        os.utime(path, (long_ago, long_ago))


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "sub" / ("a" * 64)
    write_file(path, b"data")

    assert path.read_bytes() == b"data"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert read_file(path) is None, "its name is not its hash"
    assert read_file(tmp_path / "none") is None
