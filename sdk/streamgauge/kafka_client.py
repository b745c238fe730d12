"""kafka-python, imported quietly: 3.0.12 reads its schemas by a call that Python 3.11 and 3.12 deprecate."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

__all__ = ["KafkaError", "KafkaProducer"]
