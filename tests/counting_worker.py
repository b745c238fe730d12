"""A worker of the counting fold, as a process of its own: BOOTSTRAP PREFIX HOME NAME CHECKPOINT_S PAUSE_S."""

import asyncio
import signal
import sys
from pathlib import Path

from stream.folds.base import Output, Record
from stream.logs import configure
from stream.runtime.checkpoint import CheckpointStore
from stream.runtime.faust_port import FaustPort
from stream.runtime.kafka_log import BrokerView, KafkaPointers
from stream.runtime.publisher import KafkaPublisher
from stream.runtime.stateful_host import StatefulHost
from stream.settings import KafkaSettings, RuntimeSettings, Settings
from tests.counting import Counting


def settings_for(bootstrap: str, prefix: str, home: Path) -> Settings:
    return Settings(
        home=home,
        kafka=KafkaSettings(bootstrap=bootstrap, prefix=prefix),
        runtime=RuntimeSettings(max_poll_records=500, session_timeout_s=2),
    )


class Slow(Counting):
    """Takes its time, so that a kill comes in the middle."""

    def __init__(self, partition: int, pause_s: float) -> None:
        super().__init__(100, partition)
        self.pause_s = pause_s

    def step(self, state: list[int], run: list[Record]) -> list[Output]:
        import time

        time.sleep(self.pause_s)
        return super().step(state, run)


async def main(bootstrap: str, prefix: str, home: Path, name: str, checkpoint_s: float, pause_s: float) -> None:
    settings = settings_for(bootstrap, prefix, home)
    async with KafkaPublisher(bootstrap, prefix) as publisher, BrokerView(settings, "measure") as view:
        port = FaustPort(settings, "measure", view, name if name != "-" else None)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, port.stop)
        folder = home / "checkpoints" / "measure"
        store = CheckpointStore(prefix, "measure", folder, KafkaPointers(settings, publisher))
        await port.run(StatefulHost(lambda p: Slow(p, pause_s), port, publisher, store, checkpoint_s))


if __name__ == "__main__":
    bootstrap, prefix, home, name, checkpoint_s, pause_s = sys.argv[1:]
    configure("info", worker=name)
    asyncio.run(main(bootstrap, prefix, Path(home), name, float(checkpoint_s), float(pause_s)))
