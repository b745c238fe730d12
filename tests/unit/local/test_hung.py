"""A part that runs but does not work any more is started again."""

import asyncio
import sys

import pytest

from stream.health import Health, announce, works
from stream.local.part import Backoff, Part
from stream.local.supervisor import Supervisor
from stream.settings import Settings

SLEEP = [sys.executable, "-I", "-c", "import signal; signal.pause()"]


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(0.02)


@pytest.fixture
async def supervised(tmp_path):
    """Starts one part that is asked whether it works; stops it at the end."""
    started = []

    async def start(answer):
        (tmp_path / "run").mkdir()
        part = Part("it", SLEEP, works=answer, hung_s=0.3)
        started.append(Supervisor([part], tmp_path, Backoff(first_s=0.02)))
        await started[0].start()
        return started[0]

    yield start
    await started[0].stop()


async def test_a_part_that_does_not_work_for_too_long_is_started_again(supervised):
    answers = [True, False]

    async def answer():
        return answers.pop(0) if len(answers) > 1 else answers[0]

    supervisor = await supervised(answer)
    before = supervisor.state("it").pid
    await until(lambda: supervisor.state("it").restarts == 1)
    answers[:] = [True]
    await until(lambda: supervisor.state("it").phase == "ready")
    assert supervisor.state("it").pid != before
    assert supervisor.state("it").exit_code == -9


async def test_a_part_that_answers_no_once_is_left_alone(supervised):
    asked = []

    async def answer():
        asked.append(None)
        return len(asked) % 2 == 0

    supervisor = await supervised(answer)
    await until(lambda: len(asked) > 20)
    assert supervisor.state("it").restarts == 0


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (Health("ok"), True), (Health("starting", "waits for its partitions"), True),
        (Health("stalled", "results wait", "kafka"), True),  # a restart would not help
        (Health("stalled", "no poll for 40 s"), False), (Health("silent", "does not answer"), False),
    ],
)  # fmt: skip
async def test_a_worker_is_only_called_hung_when_a_restart_may_help(tmp_path, monkeypatch, health, expected):
    assert await works(tmp_path, "measure")  # has not said yet where it answers
    announce(tmp_path, "measure", "measure", "http://127.0.0.1:1")
    monkeypatch.setattr("stream.health.ask", lambda _address, _timeout: health)
    assert await works(tmp_path, "measure") == expected
    assert await works(tmp_path, "store")


def test_doctor_names_partitions_that_nobody_reads(monkeypatch):
    from stream.ops import doctor
    from stream.ops.unread import Unread

    monkeypatch.setattr("stream.ops.unread.unread", lambda _: [Unread("labels", (0,), 2)])
    (check,) = doctor._unread(Settings())
    assert (check.name, check.ok, check.mend[:15]) == ("Intake of labels", False, "Start a worker:")
    assert check.found.startswith("no intake worker reads labels/0 (of 2): until one does, labels are not joined")


def test_doctor_asks_the_workers_of_its_home(tmp_path, monkeypatch):
    from stream.ops import doctor

    announce(tmp_path, "measure", "measure", "http://127.0.0.1:1")
    monkeypatch.setattr(doctor, "ask", lambda _address: Health("stalled", "no poll for 40 s"))
    (check,) = doctor._workers(Settings(home=tmp_path))
    assert (check.name, check.ok, check.reaches) == ("Worker measure", False, False)
    assert check.found == "stalled: no poll for 40 s, http://127.0.0.1:1"
