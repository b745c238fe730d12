"""The acceptance experiments of detection, in their quick form, as their program runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.detection.parts import PARTS

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(900)
def test_every_quick_experiment_passes(tmp_path):
    figures = tmp_path / "detection.json"
    command = [sys.executable, "-m", "benchmarks.detection", "--quick", "--json", str(figures)]

    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    told = json.loads(figures.read_text())
    assert [one["name"] for one in told["experiments"] if not one["passed"]] == []
    assert len(told["experiments"]) > 150
    assert told["failed"] == []
    assert {one["name"] for one in told["left_out"]} <= {name for name, part in PARTS.items() if part.files}
