"""One real Kafka node for this machine: its configuration, its command line, and whether it is ready."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import uuid
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from stream.local.errors import LocalError

LOOPBACK = "127.0.0.1"
_SMALL = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOGGING = (
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)
# ApiVersions, version 0, correlation 1, no client id. A TCP accept alone comes before the broker can answer.
_API_VERSIONS = bytes.fromhex("0000000a0012000000000001ffff")


@dataclass(frozen=True, slots=True)
class LocalKafka:
    """One KRaft node on the loopback address; its data stay between starts.

    Attributes
    ----------
    home
        Folder of the node: ``server.properties`` and ``data``.
    port
        Port of the clients.
    java, jars
        The Java executable and the folder of the verified jars.
    heap_mb
        Largest heap of the JVM in MiB; the process takes about 200 MB when idle.
    """

    home: Path
    port: int
    java: Path
    jars: Path
    heap_mb: int = 512

    @property
    def bootstrap(self) -> str:
        """Address that clients are given."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def controller_port(self) -> int:
        """Port of the controller in the same process: the next after the clients'."""
        return self.port + 1

    @property
    def properties(self) -> Path:
        """The configuration file that `prepare` writes."""
        return self.home / "server.properties"

    def prepare(self) -> None:
        """Write the configuration and format the storage, the latter once in the life of the folder.

        Raises
        ------
        LocalError
            When the storage tool refuses; with its last line.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        text = resources.files("stream.local").joinpath("server.properties").read_text()
        data = (self.home / "data").resolve()
        self.properties.write_text(text.format(port=self.port, controller_port=self.controller_port, data=data))
        if not (data / "meta.properties").exists():
            self._format()

    def command(self) -> list[str]:
        """Return the command line of the broker, to run after `prepare`."""
        heap = (f"-Xms{min(256, self.heap_mb)}m", f"-Xmx{self.heap_mb}m", "-Xss512k")
        off_heap = (
            "-XX:MaxMetaspaceSize=128m",
            "-XX:ReservedCodeCacheSize=64m",
            "-XX:MaxDirectMemorySize=128m",
            "-XX:+ExitOnOutOfMemoryError",
        )
        return self._java((*heap, *_SMALL, *off_heap), "kafka.Kafka", str(self.properties))

    async def ready(self) -> bool:
        """Ask the broker for its API versions; true when it answers."""
        return await answers(LOOPBACK, self.port)

    def _java(self, options: tuple[str, ...], *arguments: str) -> list[str]:
        return [str(self.java), *options, *_LOGGING, "-cp", f"{self.jars}/*", *arguments]

    def _format(self) -> None:
        # An id that begins with "-" would be read as an option.
        cluster = "s" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        tool = ("kafka.tools.StorageTool", "format", "-g", "-t", cluster, "-c", str(self.properties))
        done = subprocess.run(  # noqa: S603
            self._java(("-Xmx128m", *_SMALL), *tool), capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise LocalError(
                f"Kafka's storage in {self.home} could not be formatted: {said[-1]}",
                "Check that the folder is writable and not full; an incomplete one may be deleted.",
            )


async def answers(host: str, port: int, timeout_s: float = 1.0) -> bool:
    """Whether a Kafka broker answers at this address within `timeout_s` seconds."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(_API_VERSIONS)
                head = await reader.readexactly(10)  # size, correlation id, error code
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
    return head[4:10] == b"\0\0\0\1\0\0"
