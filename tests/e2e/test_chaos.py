"""The main kinds of faults, once each, on the real system under load: nothing is lost, doubled or different."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.chaos.schedule import MAIN

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
NOTHING = ("lost", "doubled", "differing_panes", "differing_alerts", "audit_differences")


def test_faults_under_load_change_nothing(tmp_path, jars):
    del jars
    figures = tmp_path / "chaos.json"
    command = [sys.executable, "-m", "benchmarks.chaos", "--seed", "1", "--short", "--json", str(figures)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMGAUGE_")}

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    told = json.loads(figures.read_text())
    assert {name: told[name] for name in NOTHING} == dict.fromkeys(NOTHING, 0)
    assert told["faults"] == dict.fromkeys(MAIN, 1)
    assert told["events"] > 10_000
    assert told["panes"] > 1_000
    assert told["incidents"] > 0
    assert told["late_rows"] == 0
    assert told["recovery_s"]["max"] < 120
    assert told["rss_mb"] < 4_096
