"""Jars are fetched once, and only those that were pinned are ever run."""

import errno
import hashlib
import shutil

import pytest

from stream.local import jars, maven
from stream.local.errors import LocalError

FILES = {"one.jar": b"first", "two.jar": b"second"}


@pytest.fixture(autouse=True)
def pinned(monkeypatch):
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    monkeypatch.setattr(jars, "lock_list", lambda: digests)


class Registry:
    """A registry that counts how often it was asked."""

    def __init__(self, files=FILES):
        self.files, self.asked = files, 0

    def __call__(self, folder, report):
        self.asked += 1
        for name, data in self.files.items():
            (folder / name).write_bytes(data)
            report(name)


def unreachable(_folder, _report):
    raise maven.ResolveError("Maven: no route to host")


def test_jars_are_fetched_once_and_told_about(tmp_path):
    registry, told = Registry(), []
    for _ in range(2):
        folder = jars.kafka_jars(tmp_path, lambda *news: told.append(news), [registry])
    assert registry.asked == 1
    assert told == [(1, 2, "one.jar"), (2, 2, "two.jar")]
    assert sorted(path.name for path in folder.iterdir()) == ["one.jar", "two.jar"]


@pytest.mark.parametrize("damage", ["changed", "missing", "unknown"])
def test_a_damaged_cache_is_fetched_again(tmp_path, damage):
    registry = Registry()
    folder = jars.kafka_jars(tmp_path, None, [registry])
    match damage:
        case "changed":
            (folder / "one.jar").write_bytes(b"tampered")
        case "missing":
            (folder / "one.jar").unlink()
        case "unknown":
            (folder / "three.jar").write_bytes(b"more")
    jars.kafka_jars(tmp_path, None, [registry])
    assert registry.asked == 2
    assert jars.faults(folder, jars.lock_list()) == []


def test_a_registry_that_serves_something_else_is_refused_and_leaves_nothing(tmp_path):
    registry = Registry({**FILES, "two.jar": b"tampered"})
    with pytest.raises(LocalError, match=r"two.jar has another checksum"):
        jars.kafka_jars(tmp_path, None, [registry])
    assert [path.name for path in tmp_path.iterdir()] == [f"{jars.NAME}.lock"]


def test_the_next_client_is_tried_and_half_a_download_is_forgotten(tmp_path):
    def broken(folder, _report):
        (folder / "half.jar").write_bytes(b"ha")
        raise maven.ResolveError("Maven: no route to host")

    folder = jars.kafka_jars(tmp_path, None, [broken, Registry()])
    assert not (folder / "half.jar").exists()


def test_an_unreachable_registry_is_one_sentence_with_the_mend(tmp_path):
    with pytest.raises(LocalError, match=r"could not be fetched.*no route to host.*STREAMGAUGE_KAFKA__EXTERNAL"):
        jars.kafka_jars(tmp_path, None, [unreachable])


def test_a_full_disk_is_one_sentence_with_the_mend(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(LocalError, match=r"Only 0 MB are free.*STREAMGAUGE_CACHE"):
        jars.kafka_jars(tmp_path, None, [Registry()])


def test_a_disk_that_fills_in_the_middle_is_the_same_sentence(tmp_path):
    def fills(_folder, _report):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(LocalError, match=r"No space left on device.*STREAMGAUGE_CACHE"):
        jars.kafka_jars(tmp_path, None, [fills])
