"""Ask Kafka whether the workers of a consumer group are at work."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError


async def at_work(bootstrap: str, group: str) -> bool:
    """Whether a group has members and has divided its partitions among them."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5_000)
    try:
        await client.start()
        answers = await client.describe_consumer_groups([group])
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()
    # error code, group, state, protocol type, protocol, members, ...
    found = [described for answer in answers for described in answer.groups]
    return bool(found) and all(described[2] == "Stable" and described[5] for described in found)
