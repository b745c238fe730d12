import os
import time

import msgspec
import pytest

from stream.folds.base import Snapshot
from stream.folds.numeric import NUMERIC_VERSION
from stream.runtime import checkpoint
from stream.runtime.checkpoint import HOUR_MS, SLOTS, Checkpoint, CheckpointError, CheckpointStore, Loaded
from stream.runtime.checkpoint_files import KEEP_S, CheckpointFiles, FileLostError, hash_of, write_file
from stream.runtime.memory_port import MemoryBroker, MemoryPointers


@pytest.fixture
def broker():
    return MemoryBroker({})


@pytest.fixture
def store(tmp_path, broker):
    return CheckpointStore("s.", "measure", tmp_path, MemoryPointers(broker), hours=24)


def at(position, files=()):
    parts = {hash_of(content): content for content in files}
    return Checkpoint(position, "topic", position + 1, Snapshot(b"state at %d" % position, parts))


def read(_partition, data, open_file):
    """The state is its bytes; one that names an old schema cannot be read."""
    if b"old schema" in data:
        raise ValueError("checkpoint has schema 1")
    return data


def loaded(position):
    return Loaded(position, "topic", position + 1, b"state at %d" % position)


def path_of(tmp_path, pointer):
    return tmp_path / f"s.measure-{pointer.partition}-{pointer.file}"


async def test_the_newest_checkpoint_is_found_again(store, tmp_path, broker):
    for position in (5, 9):
        await store.save(0, at(position))
    again = CheckpointStore("s.", "measure", tmp_path, MemoryPointers(broker))

    assert await again.newest([0, 1], read) == {0: loaded(9)}
    assert again.has_pointers(0)
    assert not again.has_pointers(1)


async def test_a_corrupt_file_gives_way_to_the_one_before(store, tmp_path, broker):
    for position in (5, 9):
        await store.save(0, at(position))
    path_of(tmp_path, broker.pointers[-1]).write_bytes(b"rubbish")

    assert await store.newest([0], read) == {0: loaded(5)}


async def test_a_missing_file_gives_way_to_the_one_before(store, tmp_path, broker):
    for position in (5, 9):
        await store.save(0, at(position))
    path_of(tmp_path, broker.pointers[-1]).unlink()

    assert await store.newest([0], read) == {0: loaded(5)}


async def test_a_missing_part_gives_way_to_the_checkpoint_before(store, tmp_path, broker):
    await store.save(0, at(5, [b"common"]))
    await store.save(0, at(9, [b"common", b"new"]))
    (tmp_path / f"s.measure-0-{hash_of(b'new')}").unlink()

    assert await store.newest([0], read) == {0: loaded(5)}


async def test_a_damaged_part_is_written_anew_with_the_next_checkpoint(store, tmp_path):
    await store.save(0, at(5, [b"part"]))
    (tmp_path / f"s.measure-0-{hash_of(b'part')}").write_bytes(b"prat")
    assert await store.newest([0], read) == {}
    await store.save(0, at(9, [b"part"]))

    assert await store.newest([0], read) == {0: loaded(9)}


async def test_a_state_of_an_older_schema_gives_way_to_one_that_can_be_read(store):
    await store.save(0, at(5))
    await store.save(0, Checkpoint(9, "topic", 10, Snapshot(b"old schema")))

    assert await store.newest([0], read) == {0: loaded(5)}


async def test_pointers_without_any_sound_file_are_told_from_none(store, tmp_path):
    await store.save(0, at(5))
    for path in tmp_path.iterdir():
        path.write_bytes(b"")

    assert await store.newest([0], read) == {}
    assert store.has_pointers(0)


async def test_parts_are_written_once_and_handed_to_the_reader(store, tmp_path):
    await store.save(0, at(5, [b"part"]))
    path = tmp_path / f"s.measure-0-{hash_of(b'part')}"
    inode = path.stat().st_ino
    await store.save(0, at(9, [b"part"]))

    found = await store.newest([0], lambda _p, _data, open_file: bytes(open_file(hash_of(b"part"))))
    assert found[0].state == b"part"
    assert path.stat().st_ino == inode


async def test_the_highest_position_counts_not_the_last_pointer(store, tmp_path, broker):
    await store.save(0, at(9))
    zombie = MemoryBroker({})
    stale = CheckpointStore("s.", "measure", tmp_path, MemoryPointers(zombie))
    for position in (1, 2):
        await stale.save(0, at(position))
    broker.pointers.append(zombie.pointers[-1])  # a worker that lost its partition long ago writes once more

    assert await store.newest([0], read) == {0: loaded(9)}


async def test_another_numeric_version_is_refused(store, broker):
    await store.save(0, at(5))
    broker.pointers[:] = [msgspec.structs.replace(p, numeric=NUMERIC_VERSION + 1) for p in broker.pointers]

    with pytest.raises(CheckpointError, match="numeric version"):
        await store.newest([0], read)


async def test_other_folds_and_partitions_are_not_mixed(store, tmp_path, broker):
    other = CheckpointStore("s.", "decide", tmp_path, MemoryPointers(broker))
    await store.save(0, at(5))
    await other.save(0, at(7))
    await store.save(3, at(8))

    assert await store.newest([0, 3], read) == {0: loaded(5), 3: loaded(8)}


async def test_one_checkpoint_an_hour_outlives_the_newest_eight(store, monkeypatch):
    now = [100 * HOUR_MS]
    monkeypatch.setattr(checkpoint.time, "time_ns", lambda: now[0] * 1_000_000)
    for position in range(3 * SLOTS):
        now[0] += HOUR_MS // SLOTS
        await store.save(0, at(position))

    assert (await store.before(0, SLOTS, read)) == loaded(SLOTS - 1), "the first of its hour"
    assert (await store.before(0, 3 * SLOTS, read)) == loaded(3 * SLOTS - 1)
    assert await store.before(0, -1, read) is None


async def test_an_hourly_pointer_makes_room_after_the_retention(store, broker, monkeypatch):
    now = [0]
    monkeypatch.setattr(checkpoint.time, "time_ns", lambda: now[0] * 1_000_000)
    for hour in range(24 + 5):
        now[0] = hour * HOUR_MS
        await store.save(0, at(hour))

    hourly = [p for p in await MemoryPointers(broker).read() if p.hour >= 0]
    assert sorted(p.position for p in hourly) == list(range(5, 29))


async def test_files_go_a_day_after_no_pointer_names_them(store, tmp_path):
    stranger = tmp_path / ("x.measure-0-" + "0" * 64)
    stranger.write_bytes(b"of another prefix")
    for position in range(SLOTS + 1):
        await store.save(0, at(position, [b"part of %d" % position]))
    age(tmp_path)
    for position in range(SLOTS + 1, SLOTS + 3):
        await store.save(0, at(position))
    # The first is kept for audits; the second and third have just lost their pointers.
    assert len(list(tmp_path.glob("s.*"))) == 2 * (SLOTS + 1) + 2, "the day begins when the pointer goes"

    age(tmp_path)
    await store.save(0, at(99))

    kept = {path.name.rpartition("-")[2] for path in tmp_path.glob("s.*")}
    assert hash_of(b"part of 0") in kept, "an hourly pointer names it"
    assert hash_of(b"part of 1") not in kept
    assert stranger.exists()


def age(folder):
    long_ago = time.time() - KEEP_S - 60
    for path in folder.iterdir():
        os.utime(path, (long_ago, long_ago))


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_file(tmp_path / "s-0-name", b"data")
    assert list(tmp_path.iterdir()) == []


async def test_files_that_a_kill_left_half_written_go_after_a_day(store, tmp_path):
    half, fresh = tmp_path / ".s.measure-0-name.77", tmp_path / ".s.measure-0-other.78"
    half.write_bytes(b"da")
    age(tmp_path)
    fresh.write_bytes(b"da")
    await store.save(0, at(5))

    assert (half.exists(), fresh.exists()) == (False, True)


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "sub" / "s-0-name"
    write_file(path, b"data")

    assert path.read_bytes() == b"data"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    files = CheckpointFiles(path.parent, "s")
    with pytest.raises(FileLostError, match="damaged"):
        files.read(0, "name")
    with pytest.raises(FileLostError, match="gone"):
        files.read(0, "none")
