"""The configuration and the command line of the local node."""

from pathlib import Path

from stream.local import kafka, maven


def node(tmp_path, **more):
    return kafka.LocalKafka(tmp_path / "kafka", 21050, Path("java"), Path("jars"), **more)


def properties(path):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_everything_binds_the_loopback_address_and_data_are_absolute(tmp_path, monkeypatch):
    monkeypatch.setattr(kafka.LocalKafka, "_format", lambda self: None)
    broker = node(tmp_path)
    broker.prepare()
    read = properties(broker.properties)
    assert read["listeners"] == "PLAINTEXT://127.0.0.1:21050,CONTROLLER://127.0.0.1:21051"
    assert read["advertised.listeners"] == "PLAINTEXT://127.0.0.1:21050"
    assert read["controller.quorum.voters"] == "1@127.0.0.1:21051"
    assert read["log.dirs"] == str(tmp_path / "kafka" / "data")
    assert int(read["message.max.bytes"]) >= 2 * 4 * 1024 * 1024
    assert read["auto.create.topics.enable"] == "false"


def test_storage_is_formatted_once(tmp_path, monkeypatch):
    formatted = []

    def form(self):
        formatted.append(1)
        (self.home / "data").mkdir()
        (self.home / "data" / "meta.properties").touch()

    monkeypatch.setattr(kafka.LocalKafka, "_format", form)
    node(tmp_path).prepare()
    node(tmp_path).prepare()
    assert formatted == [1]


def test_the_heap_is_bounded_as_asked(tmp_path):
    command = node(tmp_path, heap_mb=128).command()
    assert {"-Xms128m", "-Xmx128m", "-XX:+ExitOnOutOfMemoryError"} <= set(command)
    assert command[-2:] == ["kafka.Kafka", str(tmp_path / "kafka" / "server.properties")]


def test_the_artifacts_are_those_whose_checksums_are_pinned():
    from stream.local.jars import lock_list

    for artifact in maven.ARTIFACTS:
        _, name, version = artifact.split(":")
        assert f"{name}-{version}.jar" in lock_list()
