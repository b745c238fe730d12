"""kafka-python, imported quietly: 3.0.12 reads its schemas by a call that Python 3.11 and 3.12 deprecate."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
    from kafka.errors import KafkaError
    from kafka.partitioner.default import murmur2

__all__ = ["KafkaAdminClient", "KafkaConsumer", "KafkaError", "KafkaProducer", "TopicPartition", "murmur2"]
