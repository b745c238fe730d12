"""Real Kafka and the real ClickHouse engine on one machine, and the supervisor that keeps them running."""
