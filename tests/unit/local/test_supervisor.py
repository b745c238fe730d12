"""Parts start in order, come back when they die, end in order, and none is left behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from stream.local.errors import LocalError
from stream.local.part import Backoff, Part, levels
from stream.local.stack import Stack
from stream.local.state import Phase, alone, read_state, supervisor_pid
from stream.settings import Settings

QUICK = Backoff(first_s=0.02, most_s=0.1, healthy_s=30, attempts=3)
SERVE = "import signal, pathlib, time; pathlib.Path({0!r}).write_text('up'); signal.pause()"


def python(name, code, **more):
    return Part(name, [sys.executable, "-I", "-c", textwrap.dedent(code)], **more)


def server(name, folder, **more):
    """A part that says that it is up by a file."""
    file = folder / f"{name}.up"

    async def ready():
        return file.exists()

    return python(name, SERVE.format(str(file)), ready=ready, **more)


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


def alive(pid):
    try:
        return "zombie" not in (Path(f"/proc/{pid}/status").read_text())
    except FileNotFoundError:
        return False


def wait_until(condition, timeout_s=10):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.02)


async def until(condition, timeout_s=10):
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is other processes
            await asyncio.sleep(0.02)


async def test_parts_start_after_those_they_need_and_stop_before_them(tmp_path, settings):
    seen = []
    first = server("first", tmp_path)
    step = python("step", "print('done')", after=["first"], once=True)
    second = server("second", tmp_path, after=["step"])
    async with Stack(settings, [first, step, second], watch=lambda state: seen.append((state.name, state.phase))):
        assert read_state(settings.home).ready
    ready = list(dict.fromkeys(name for name, phase in seen if phase in (Phase.READY, Phase.DONE)))
    stopped = [name for name, phase in seen if phase is Phase.STOPPED]
    assert (ready, stopped) == (["first", "step", "second"], ["second", "first"])


async def test_a_part_that_dies_comes_back(tmp_path, settings):
    async with Stack(settings, [server("first", tmp_path), server("second", tmp_path)], backoff=QUICK) as stack:
        before = stack.pid("first")
        os.kill(before, signal.SIGKILL)
        await until(lambda: stack.pid("first") not in (0, before))
        await stack.wait_ready("first")
        assert (stack.restarts("first"), stack.restarts("second")) == (1, 0)
        assert stack.states()[0].exit_code == -signal.SIGKILL
        told = json.loads((settings.home / "run" / "state.json").read_text())
        assert told["parts"][0]["pid"] == stack.pid("first")
        assert told["parts"][0]["restarts"] == 1


async def test_what_a_dead_part_had_started_ends_with_it(tmp_path, settings):
    code = f"""
    import pathlib, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(600)"])
    pathlib.Path({str(tmp_path / "child")!r}).write_text(str(child.pid))
    time.sleep(600)
    """
    child = tmp_path / "child"
    async with Stack(settings, [python("parent", code)], backoff=QUICK) as stack:
        await until(lambda: child.exists() and child.read_text())
        first = int(child.read_text())
        os.kill(stack.pid("parent"), signal.SIGKILL)
        await until(lambda: not alive(first))
        await until(lambda: int(child.read_text() or first) != first)
        second = int(child.read_text())
    await until(lambda: not alive(second))


def test_waits_between_deaths_double_up_to_a_bound():
    waits = [Backoff().wait_s(deaths) for deaths in range(1, 9)]
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


async def test_deaths_in_a_row_wait_longer_and_health_resets_them(settings):
    count = "import time; time.sleep(0.01)"
    stack = Stack(settings, [python("weak", count)], backoff=Backoff(0.05, 0.4, healthy_s=30, attempts=99))
    async with stack:
        started = time.monotonic()
        await until(lambda: stack.restarts("weak") >= 4)
        assert time.monotonic() - started >= 0.05 + 0.1 + 0.2
    patient = Stack(settings, [python("weak", count)], backoff=Backoff(0.01, 60, healthy_s=0, attempts=99))
    async with patient:
        await until(lambda: patient.restarts("weak") >= 12)  # doubling would take 0.01 * 2 ** 12 = 41 s


async def test_a_part_that_never_gets_ready_fails_the_start_with_the_end_of_its_log(tmp_path, settings):
    broken = python("broken", "raise SystemExit('no disk, for example')", once=True)
    with pytest.raises(LocalError, match=r"broken ended with exit code 1 3 times: no disk, for example"):
        async with Stack(settings, [server("first", tmp_path), broken], backoff=QUICK):
            pytest.fail("it must not start")
    assert [part.phase for part in read_state(settings.home).parts] == [Phase.STOPPED] * 2
    assert supervisor_pid(settings.home) == 0


async def test_a_part_that_hangs_at_its_start_fails_the_start(settings):
    async def never():
        return False

    with pytest.raises(LocalError, match="was not ready after"):
        async with Stack(settings, [python("slow", "import time; time.sleep(60)", ready=never, start_s=0.2)]):
            pytest.fail("it must not start")


async def test_a_part_that_ignores_the_request_to_end_is_killed(settings):
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"

    async def ready():
        return "deaf" in (settings.home / "logs" / "deaf.log").read_text()

    async with Stack(settings, [python("deaf", deaf, grace_s=0.1, ready=ready)]) as stack:
        pid = stack.pid("deaf")
    assert not alive(pid)
    assert "deaf" in (settings.home / "logs" / "deaf.log").read_text()


async def test_one_home_has_one_supervisor(settings):
    with alone(settings.home):
        assert supervisor_pid(settings.home) == os.getpid()
        with pytest.raises(LocalError, match=f"Process {os.getpid()} supervises"):
            async with Stack(settings, []):
                pytest.fail("it must not start")
    assert supervisor_pid(settings.home) == 0


def test_parts_that_do_not_need_each_other_share_a_level():
    parts = [Part("a", ["a"]), Part("b", ["b"]), Part("c", ["c"], after=["a", "b"]), Part("d", ["d"], after=["c"])]
    assert [[part.name for part in level] for level in levels(parts)] == [["a", "b"], ["c"], ["d"]]


SUPERVISE = """
import asyncio, pathlib, signal, sys
from stream.local.part import Part
from stream.local.stack import Stack
from stream.settings import Settings

CHILD = '''
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
'''

signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs the tests may ignore it

async def main():
    home = pathlib.Path(sys.argv[1])
    async with Stack(Settings(home=home), [Part("parent", [sys.executable, "-I", "-c", CHILD])]) as stack:
        print(stack.pid("parent"), flush=True)
        await stack.forever()

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_orphan_is_left_when_the_supervisor_ends(tmp_path, number):
    home = tmp_path / "home"
    log = home / "logs" / "parent.log"
    with subprocess.Popen([sys.executable, "-c", SUPERVISE, str(home)], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL) as supervisor:  # fmt: skip
        parent = int(supervisor.stdout.readline())
        wait_until(lambda: log.exists() and log.read_text().strip().isdigit())
        grandchild = int(log.read_text())
        assert alive(parent)
        assert alive(grandchild)
        supervisor.send_signal(number)
        supervisor.wait(20)
    wait_until(lambda: not alive(parent) and not alive(grandchild))
    state = read_state(home)
    assert state.pid == 0
    assert state.parts[0].phase is Phase.STOPPED
