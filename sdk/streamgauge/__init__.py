"""streamgauge: what producers and owners of models import to be watched.

Events (`FeatureEvent`, `PredictionEvent`, `LabelEvent`), the Kafka `Producer` that loses nothing in silence,
the `MonitorSpec` that says what to watch, and the wire formats.
"""
