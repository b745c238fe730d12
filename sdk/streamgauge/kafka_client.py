"""kafka-python, imported quietly: 3.0.12 reads its schemas by a call that Python 3.11 and 3.12 deprecate.

Its checksums are those of google-crc32c: its own choice is a library under the LGPL, without which it counts in Python.
"""

import warnings

import google_crc32c

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.errors import KafkaError
    from kafka.partitioner.default import murmur2
    from kafka.record import util


def _crc32c(data: bytes | bytearray | memoryview) -> int:
    found: int = google_crc32c.value(bytes(data))
    return found


util.calc_crc32c.__defaults__ = (_crc32c,)

__all__ = ["KafkaAdminClient", "KafkaConsumer", "KafkaError", "KafkaProducer", "TopicPartition", "murmur2"]
