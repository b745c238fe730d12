"""ClickHouse: numbered migrations, the sink that writes, the reads and named queries of others."""
