"""What is started for which settings, and what is said when it cannot be."""

import socket
from pathlib import Path

import pytest

from stream.local import parts, ports
from stream.local.errors import LocalError
from stream.local.java import Java
from stream.settings import Settings


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "find_java", lambda: Java(Path("java"), 17, "PATH"))
    monkeypatch.setattr(parts, "kafka_jars", lambda *_: Path("jars"))
    monkeypatch.setattr("stream.local.kafka.LocalKafka._format", lambda self: None)
    kafka, clickhouse = ports.free_ports(2), ports.free_ports()
    given = Settings(home=tmp_path)
    return given.model_copy(
        update={
            "kafka": given.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{kafka}"}),
            "clickhouse": given.clickhouse.model_copy(update={"url": f"http://127.0.0.1:{clickhouse}"}),
        }
    )


def changed(settings, section, **values):
    return settings.model_copy(update={section: getattr(settings, section).model_copy(update=values)})


def test_servers_come_first_then_migrations_then_workers(settings):
    built = parts.build(settings)
    names = [part.name for part in built]
    assert names == ["kafka", "clickhouse", "migrate", "intake", "score", "measure", "decide", "store", "retrain"]
    assert list(built[2].after) == ["kafka", "clickhouse"]
    assert all(list(part.after) == ["migrate"] for part in built[3:])
    assert built[3].env["STREAMGAUGE_KAFKA__BOOTSTRAP"] == settings.kafka.bootstrap


def test_what_others_run_is_not_started(settings):
    outside = changed(changed(settings, "kafka", external=True), "clickhouse", external=True)
    built = parts.build(outside)
    assert built[0].name == "migrate"
    assert list(built[0].after) == []


def test_passwords_are_only_in_a_file_of_their_owner(settings):
    parts.build(settings)
    users = settings.home / "clickhouse" / "users.json"
    assert users.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("section", "offset"), [("kafka", 0), ("kafka", 1), ("clickhouse", 0)])
def test_a_taken_port_is_named_with_the_setting_that_moves_it(settings, section, offset):
    address = settings.kafka.bootstrap if section == "kafka" else settings.clickhouse.url
    port = int(address.rsplit(":", 1)[1]) + offset
    named = rf"Port {port}, which .* taken.*STREAMGAUGE_{section.upper()}__"
    with socket.create_server(("127.0.0.1", port)), pytest.raises(LocalError, match=named):
        parts.build(settings)


def test_an_address_elsewhere_is_not_started_here(settings):
    with pytest.raises(LocalError, match="STREAMGAUGE_KAFKA__EXTERNAL=true"):
        parts.build(changed(settings, "kafka", bootstrap="kafka.example:9092"))


def test_one_user_cannot_be_writer_and_reader(settings):
    with pytest.raises(LocalError, match="STREAMGAUGE_CLICKHOUSE__READER"):
        parts.build(changed(settings, "clickhouse", reader=settings.clickhouse.user))


def test_a_full_disk_is_named_with_the_mend(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "free_bytes", lambda _: 5 << 20)
    with pytest.raises(LocalError, match=r"Only 5 MB are free.*STREAMGAUGE_HOME"):
        parts.require_space(tmp_path)
