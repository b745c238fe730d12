from __future__ import annotations

import itertools

import msgspec
import pytest

from models.registry import Losses, Manifest, Registry, Roles, Validation, Version, decode


def version(number: str, retrain: str, model: str = "m", sha: str = "a") -> Version:
    manifest = Manifest(
        sha256=sha, uri="file:///x", trained_from_ms=0, trained_to_ms=1, rows=2, features=("a",),
        task="binary", trainer="river-default", parent="", retrain=retrain, incident="", created_ms=3,
        library_versions={}, code_version="1", cut={"0": 5}, passed=True, why="better",
        validation=Validation(rows=1, metrics={"log_loss": 0.1, "auc": None}, losses=Losses(1, 0.1, 0.0)),
    )  # fmt: skip
    return Version(model=model, version=number, manifest=manifest, signature="", public_key="")


def roles(champion: str, position: int, shadows: tuple[str, ...] = ()) -> Roles:
    return Roles(model="m", champion=champion, shadows=shadows, position=(2, position))


@pytest.mark.parametrize("entry", [version("1", "r"), roles("1", 4, ("2",))])
def test_a_record_comes_back_from_its_json(entry):
    assert decode(msgspec.json.encode(entry)) == entry


def test_a_record_from_before_the_losses_were_named_is_read():
    plain = msgspec.json.decode(msgspec.json.encode(version("1", "r")))
    del plain["manifest"]["validation"]["metric"]
    assert decode(msgspec.json.encode(plain)).manifest.validation.metric == ""


def test_records_name_their_kind_and_key():
    assert msgspec.json.decode(msgspec.json.encode(roles("1", 4)))["record"] == "roles"
    assert msgspec.json.decode(msgspec.json.encode(version("7", "r")))["record"] == "version"
    assert (version("7", "r").key, roles("1", 4).key) == (b"m/version/7", b"m/roles")


def test_the_first_record_of_a_version_counts():
    registry = Registry()
    assert registry.apply(version("1", "r1"))
    assert not registry.apply(version("1", "r2", sha="b"))
    assert registry.version("m", "1").manifest.sha256 == "a"
    assert registry.of_retrain("m", "r2") is None


def test_the_first_version_of_a_retrain_counts():
    registry = Registry()
    assert registry.apply(version("1", "r1"))
    assert not registry.apply(version("2", "r1"))
    assert [v.version for v in registry.versions("m")] == ["1"]
    assert registry.of_retrain("m", "r1").version == "1"


def test_roles_of_the_highest_position_count_in_whatever_order_they_come():
    records = [roles("1", 3), roles("2", 5, ("3",)), roles("3", 9)]
    for order in itertools.permutations(records):
        registry = Registry()
        for record in order:
            registry.apply(record)
        assert (registry.champion("m"), registry.shadows("m")) == ("3", ())


def test_of_roles_at_one_position_the_last_counts_also_when_all_are_sent_again():
    registry = Registry()
    for record in [roles("1", 3, ("2",)), roles("2", 3)] * 2:
        registry.apply(record)
    assert registry.champion("m") == "2"


def test_numbers_go_on_after_the_highest():
    registry = Registry()
    assert registry.next_version("m") == "1"
    for entry in (version("9", "a"), version("by-hand", "b"), version("10", "c")):
        registry.apply(entry)
    assert registry.next_version("m") == "11"


def test_models_are_apart():
    registry = Registry()
    registry.apply(version("1", "r", model="a"))
    registry.apply(version("4", "r", model="b"))
    assert registry.models() == ["a", "b"]
    assert (registry.next_version("a"), registry.champion("a")) == ("2", "")


def test_what_is_no_record_is_a_value_error():
    with pytest.raises(ValueError, match="record"):
        decode(b'{"record":"other"}')
