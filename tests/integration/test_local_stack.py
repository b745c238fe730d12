"""Kafka, ClickHouse and the migrations under the supervisor: real ones, killed and stopped."""

import asyncio
import os
import signal

import pytest

from stream.local import ports
from stream.local.parts import build
from stream.local.stack import Stack
from stream.local.state import Phase, read_state
from stream.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path):
    given = Settings(home=tmp_path / "home")
    kafka = given.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{ports.free_ports(2)}"})
    clickhouse = given.clickhouse.model_copy(update={"url": f"http://127.0.0.1:{ports.free_ports()}"})
    return given.model_copy(update={"kafka": kafka, "clickhouse": clickhouse})


async def test_servers_that_are_killed_come_back_and_none_is_left_behind(settings, jars):
    servers = build(settings)[:3]
    assert [part.name for part in servers] == ["kafka", "clickhouse", "migrate"]
    async with asyncio.timeout(150), Stack(settings, servers) as stack:
        assert stack.states()[2].phase is Phase.DONE
        before = stack.pids()
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        for name, pid in before.items():
            while stack.pid(name) in (0, pid):  # noqa: ASYNC110 - what is waited for is another process
                await asyncio.sleep(0.05)
            await stack.wait_ready(name)
            assert stack.restarts(name) == 1
        pids = stack.pids()
    assert all(part.phase in (Phase.STOPPED, Phase.DONE) for part in read_state(settings.home).parts)
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
