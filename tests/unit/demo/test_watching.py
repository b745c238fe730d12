"""Chaos, memory, progress, and what an answer is."""

import io
import signal
import subprocess
import sys

import pytest
from rich.console import Console

from stream.demo.chaos import Chaos
from stream.demo.memory import PeakMemory
from stream.demo.progress import Progress

DAYS = [day * 86_400_000 for day in range(100)]
WORKERS = ("intake", "measure", "decide")


def test_chaos_kills_each_worker_once_on_days_that_the_seed_chooses():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        chaos = Chaos(7, WORKERS, DAYS, lambda: {"measure": victim.pid})
        struck = [name for day in DAYS if (name := chaos.strike(day))]
        assert struck == ["measure"]
        assert victim.wait() == -signal.SIGKILL
    assert sorted(chaos.plan.values()) == sorted(WORKERS)
    assert chaos.plan == Chaos(7, WORKERS, DAYS, dict).plan
    assert chaos.plan != Chaos(8, WORKERS, DAYS, dict).plan


def test_chaos_needs_a_day_for_each_worker():
    with pytest.raises(ValueError, match="3 workers"):
        Chaos(1, WORKERS, DAYS[:2], dict)


def test_the_peak_holds_this_process_and_its_children():
    with PeakMemory(every_s=0.01) as memory, subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1) as child:
        while not any(name.startswith(f"{child.pid} ") for name in memory.of_peak):
            assert child.poll() is None
        child.kill()
    assert memory.peak_mb > 10
    assert memory.peak_mb == pytest.approx(sum(memory.of_peak.values()))


def test_progress_is_a_line_a_week_where_nobody_watches():
    out = io.StringIO()
    with Progress(Console(file=out, width=80)) as progress:
        progress.day(1_357_000_000_000, 1_207)
        progress.shows(7, 1, "")
        progress.week()
        progress.shows(14, 0, "2")
        progress.doing("retrain r1: training")
        progress.week()
    lines = " ".join(out.getvalue().split())
    assert "Tue 01 Jan 2013: 1,207 events" in lines
    assert "7 panes, 1 incident, no model yet" in lines
    assert "14 panes, 0 incidents, v2 serves, retrain r1: training" in lines
    assert "\x1b" not in lines


def test_progress_draws_in_a_terminal():
    out = io.StringIO()
    with Progress(Console(file=out, width=80, force_terminal=True)) as progress:
        progress.day(1_357_000_000_000, 1_207)
    assert "01 Jan 2013" in out.getvalue() or "starting" in out.getvalue()
