"""The command line lists its commands at once, and says errors as sentences with an exit code."""

import json
import os
import subprocess
import sys
from importlib.metadata import version

import pytest
import typer

from stream.cli.main import COMMANDS, app
from stream.local.state import PartState, Phase, alone, write_state

SLOW = ("faust", "pandas", "numpy", "pydantic", "clickhouse_connect", "river", "chdb", "kafka", "aiokafka")


HELP = f"""
import sys
from stream.cli.main import main
try:
    main(["--help"])
except SystemExit:
    print([name for name in {SLOW} if name in sys.modules])
"""


def test_the_help_names_every_command_and_imports_nothing_slow():
    wide = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True, env=wide)
    assert done.stdout.strip().endswith("[]")
    for name, command in COMMANDS.items():
        assert f" {name} " in done.stdout
        assert command.about in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_explains_itself(run, name):
    assert COMMANDS[name].load(name) is not None
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_an_unknown_command_and_a_mistyped_setting_are_usage_errors(run, monkeypatch):
    assert run("nonsense").exit_code == 2
    monkeypatch.setenv("STREAMGAUGE_HOEM", "x")
    result = run("status")
    assert result.exit_code == 2
    assert "did you mean STREAMGAUGE_HOME?" in result.output


def test_an_error_is_one_sentence_and_exit_code_3(run):
    result = run("sql", "SELECT 1")
    assert result.exit_code == 3
    assert "does not answer" in result.output
    assert "Traceback" not in result.output


def test_status_tells_that_nothing_runs(run):
    result = run("status")
    assert (result.exit_code, "Nothing runs in" in result.output) == (3, True)
    told = run("status", "--json")
    assert told.exit_code == 3
    assert json.loads(told.stdout)["ready"] is False
    assert run("down").exit_code == 0


@pytest.mark.parametrize("command", ["status", "down"])
def test_the_folder_where_nothing_runs_is_told_whole(run, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STREAMGAUGE_HOME")
    result = run(command)
    assert f"Nothing runs in {tmp_path / '.streamgauge'}; set STREAMGAUGE_HOME" in result.output
    assert json.loads(run(command, "--json").stdout)["home"] == str(tmp_path / ".streamgauge")


@pytest.mark.parametrize(("phase", "code"), [(Phase.READY, 0), (Phase.RESTARTING, 1)])
def test_status_tells_of_each_part(run, tmp_path, phase, code):
    home = tmp_path / "home"
    with alone(home):
        write_state(home, [PartState("kafka", phase, pid=12, port=34, restarts=5)])
        result = run("status", "--json")
        table = run("status")
    assert result.exit_code == table.exit_code == code
    assert json.loads(result.stdout)["parts"][0]["restarts"] == 5
    assert all(word in table.output for word in ("kafka", str(phase), "12", "34", "5"))


def test_doctor_names_what_does_not_answer_and_the_mend(run):
    result = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)["checks"]}
    assert result.exit_code == 3
    assert checks["Python"]["ok"]
    assert checks["Java"]["ok"]
    assert checks["Ports of Kafka"]["ok"]
    assert not checks["Kafka"]["ok"]
    assert "streamgauge up" in checks["ClickHouse"]["mend"]
    assert "✗ Kafka" in run("doctor").output


def test_doctor_finds_a_taken_port(run):
    import socket

    port = int(os.environ["STREAMGAUGE_CLICKHOUSE__URL"].rsplit(":", 1)[1])
    with socket.create_server(("127.0.0.1", port)):
        result = run("doctor")
    assert result.exit_code == 1
    assert f"Port {port}, which ClickHouse needs, is taken" in result.output


def test_up_says_what_keeps_it_from_starting(run, monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_KAFKA__BOOTSTRAP", "kafka.example:9092")
    result = run("up")
    assert result.exit_code == 3
    assert "STREAMGAUGE_KAFKA__EXTERNAL=true" in result.output


@pytest.mark.parametrize(
    ("typed", "meant"), [(["statsu"], "status"), (["audti"], "audit"), (["spec", "aply"], "apply")]
)
def test_a_mistyped_command_names_the_one_that_was_meant(run, typed, meant):
    result = run(*typed)
    assert result.exit_code == 2
    assert "Did you mean" in result.output
    assert meant in result.output


def test_the_version_is_that_of_the_package(run):
    result = run("--version")
    assert (result.exit_code, result.stdout.strip()) == (0, f"streamgauge {version('streamgauge-server')}")


@pytest.mark.parametrize("group", [(), ("spec",), ("reference",)])
def test_no_group_offers_to_install_completion(run, group):
    assert "completion" not in run(*group, "--help").output


def test_the_application_is_a_typer_one():
    assert isinstance(app, typer.Typer)


@pytest.mark.parametrize(
    ("rate", "sentence"),
    [
        ("many", "'many' is not a number (write a number)"),
        ("0", "'0' is below 0.001 (write at least 0.001)"),
    ],
)
def test_a_wrong_option_is_told_with_the_value_and_the_mend(run, tmp_path, rate, sentence):
    file = tmp_path / "spec.yaml"
    file.write_text("monitor: m\nmodel: m\ntask: binary\nfeatures: {x: {type: number}}\n")
    result = run("plan", str(file), "--rate", rate)
    assert result.exit_code == 2
    assert f"Invalid value for '--rate': {sentence}" in result.output


def test_a_time_that_is_none_is_told_without_formats(run):
    result = run("audit", "--from", "2026-13-01")
    assert result.exit_code == 2
    assert "Invalid value for '--from': '2026-13-01' is no time (write 2026-03-01, or" in result.output


def test_a_file_that_is_no_artifact_is_a_sentence(run, tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_text("monitor: m\nmodel: m\ntask: binary\nfeatures: {x: {type: number}}\n")
    result = run("plan", str(file), "--reference", str(file))
    assert result.exit_code == 2
    assert "spec.yaml: not a reference" in result.output
    assert "leave the option out" in result.output
