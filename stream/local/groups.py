"""Ask Kafka whether the workers of a consumer group are at work."""

from __future__ import annotations

import time

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError


class Workers:
    """The members of one consumer group, asked again and again while a worker starts.

    Kafka goes on naming members of a process that has gone until their session ends. So a group counts as at work
    when it has a member that was not there at the first question, or when the same members have outlived a session.

    Parameters
    ----------
    bootstrap
        Address of the broker.
    group
        Name of the group.
    session_s
        Session timeout of its members, seconds.
    """

    def __init__(self, bootstrap: str, group: str, session_s: float) -> None:
        self._bootstrap, self._group, self._session_s = bootstrap, group, session_s
        self._first: frozenset[str] | None = None
        self._since = 0.0

    async def at_work(self) -> bool:
        """Whether a worker that was started before the first question has joined; after a yes, all begins anew."""
        members = await members_at_work(self._bootstrap, self._group)
        if members is None:
            return False
        if self._first is None:
            self._first, self._since = members, time.monotonic()
        outlived = time.monotonic() - self._since > self._session_s
        joined = bool(members) and (bool(members - self._first) or outlived)
        if joined:
            self._first = None
        return joined


async def members_at_work(bootstrap: str, group: str) -> frozenset[str] | None:
    """Return the ids of a group's members once they have divided the partitions; else none of them.

    ``None`` when the broker does not say.
    """
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await client.start()
        answers = await client.describe_consumer_groups([group])
    except (KafkaError, OSError):
        return None
    finally:
        await client.close()
    # error code, group, state, protocol type, protocol, members (each begins with its id), ...
    groups = [described for answer in answers for described in answer.groups]
    return frozenset(member[0] for described in groups if described[2] == "Stable" for member in described[5])
