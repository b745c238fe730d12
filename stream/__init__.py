"""The shell and its folds: Kafka in, ClickHouse out, everything that runs."""
