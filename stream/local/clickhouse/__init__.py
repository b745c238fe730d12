"""The ClickHouse engine (chDB) as a server process of its own, behind ClickHouse's HTTP interface."""
