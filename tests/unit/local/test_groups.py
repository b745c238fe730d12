"""A worker counts as at work when it has joined its group, not when Kafka still names the one before it."""

import pytest

from stream.local import groups


@pytest.fixture
def kafka(monkeypatch):
    """What Kafka says, and the clock."""
    told = {"members": frozenset(), "now": 0.0}

    async def members(_bootstrap, _group):
        return told["members"]

    monkeypatch.setattr(groups, "members_at_work", members)
    monkeypatch.setattr(groups.time, "monotonic", lambda: told["now"])
    return told


async def test_it_is_at_work_when_a_member_has_joined(kafka):
    workers = groups.Workers("", "group", 6)
    assert not await workers.at_work()
    kafka["members"] = frozenset({"a"})
    assert await workers.at_work()


async def test_a_member_that_has_gone_does_not_count_until_a_new_one_comes(kafka):
    kafka["members"] = frozenset({"old"})
    workers = groups.Workers("", "group", 6)
    assert not await workers.at_work()
    kafka["members"] = frozenset()
    assert not await workers.at_work()
    kafka["members"] = frozenset({"new"})
    assert await workers.at_work()
    assert not await workers.at_work()  # the next start is asked about anew


async def test_a_member_that_outlives_a_session_is_alive(kafka):
    kafka["members"] = frozenset({"quick"})
    workers = groups.Workers("", "group", 6)
    assert not await workers.at_work()
    kafka["now"] = 6.5
    assert await workers.at_work()


async def test_a_broker_that_is_silent_tells_nothing(kafka):
    kafka["members"] = None
    assert not await groups.Workers("", "group", 6).at_work()


async def test_nothing_answers_on_an_empty_port():
    assert await groups.members_at_work("127.0.0.1:1", "group") is None
