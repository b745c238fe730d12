"""Settings of a system of one's own: a fresh folder, ports that nobody has."""

from stream.local.ports import free_ports
from stream.settings import Settings


def free_settings(folder) -> Settings:
    """Settings with a home in `folder` and free ports."""
    given = Settings(home=folder / "home")
    kafka = given.kafka.model_copy(update={"bootstrap": f"127.0.0.1:{free_ports(2)}"})
    clickhouse = given.clickhouse.model_copy(update={"url": f"http://127.0.0.1:{free_ports()}"})
    return given.model_copy(update={"kafka": kafka, "clickhouse": clickhouse})
