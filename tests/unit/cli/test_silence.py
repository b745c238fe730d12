"""Commands that need Kafka say at once that it does not answer."""

import time

import pytest

GOOD = "monitor: m\nmodel: m\ntask: binary\nfeatures: {x: {type: number}}\n"


@pytest.mark.parametrize(
    "command",
    [
        ("audit",),
        ("spec", "show", "m"),
        ("spec", "apply", "FILE"),
        ("reference", "build", "m"),
        ("lag",),
        ("dead-letters", "ls"),
    ],
)
def test_a_command_without_kafka_is_a_sentence_at_once(run, tmp_path, command):
    file = tmp_path / "spec.yaml"
    file.write_text(GOOD)
    begin = time.monotonic()
    result = run(*(str(file) if word == "FILE" else word for word in command))
    assert result.exit_code == 3
    assert "Kafka does not answer at 127.0.0.1:" in result.output
    assert "Start it with `streamgauge up`, or set STREAMGAUGE_KAFKA__BOOTSTRAP." in result.output
    assert time.monotonic() - begin < 20  # with the imports; the client alone would have waited 30 s


def test_a_socket_that_is_no_broker_does_not_count(run, monkeypatch):
    import socket

    monkeypatch.setattr("stream.ops.controls.PROBE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("STREAMGAUGE_KAFKA__BOOTSTRAP", f"127.0.0.1:{server.getsockname()[1]}")
        assert run("spec", "show", "m").exit_code == 3
