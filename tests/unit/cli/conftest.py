"""The command line on addresses where nothing runs."""

import pytest
from typer.testing import CliRunner

from stream.cli.main import app
from stream.local import ports


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMGAUGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STREAMGAUGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STREAMGAUGE_KAFKA__BOOTSTRAP", f"127.0.0.1:{ports.free_ports(2)}")
    monkeypatch.setenv("STREAMGAUGE_CLICKHOUSE__URL", f"http://127.0.0.1:{ports.free_ports()}")
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))
