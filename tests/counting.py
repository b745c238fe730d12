"""The simplest fold with state: it counts records, and says so at every hundredth."""

import hashlib
import zlib
from collections.abc import Sequence

from stream.folds.base import OpenFile, Output, Record, Snapshot


class Counting:
    """Counts, and sums crc32 times position, so that order, gaps and repeats all show."""

    def __init__(self, every: int = 100, partition: int = 0) -> None:
        self.every, self.partition = every, partition

    def start(self) -> list[int]:
        return [0, 0]

    def step(self, state: list[int], run: Sequence[Record]) -> list[Output]:
        outputs = []
        for record in run:
            state[0] += 1
            state[1] = (state[1] + zlib.crc32(record.value) * (record.position + 1)) % (1 << 61)
            if state[0] % self.every == 0:
                value = b"%d %d %d" % (record.position, state[0], state[1])
                outputs.append(Output("partials", value, b"%d" % self.partition, partition=0))
        return outputs

    def encode(self, state: list[int]) -> Snapshot:
        """Keep the sum in a file of its own, so that files are tried wherever the fold is."""
        total = b"%d" % state[1]
        name = hashlib.sha256(total).hexdigest()
        return Snapshot(b"%d %s" % (state[0], name.encode()), {name: total})

    def decode(self, data: bytes, open_file: OpenFile) -> list[int]:
        count, name = data.split()
        total = bytes(open_file(name.decode()))
        return [int(count), int(total)]
