"""``streamgauge migrate``: the topics and the database as this version wants them."""

from __future__ import annotations

import typer


def migrate() -> None:
    """Create the topics that are missing and bring the database up to date; safe to run at any time."""
    from stream.clickhouse.migrate import migrate_database
    from stream.settings import load
    from stream.topics import ensure_topics

    settings = load()
    ensure_topics(settings)
    for migration in migrate_database(settings.clickhouse):
        typer.echo(f"applied {migration.title}")
    typer.echo("Topics and database are up to date.")
