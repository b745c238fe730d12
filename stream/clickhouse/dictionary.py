"""The data dictionary: all public views and columns with unit and meaning, from the comments in the migrations.

``python -m stream.clickhouse.dictionary`` writes ``docs/data-dictionary.md`` from a migrated database.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stream.clickhouse.client import connect
from stream.settings import load

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

DOCUMENT = Path(__file__).parents[2] / "docs" / "data-dictionary.md"

_HEAD = """# Data dictionary

Views of database `streamgauge`. They are the contract; the tables behind them are not. The same list is in SQL:
`SELECT * FROM streamgauge.dictionary`. This page is generated from the comments of the columns
(`python -m stream.clickhouse.dictionary`).

* Times are UTC. A **pane** is a stretch of event time, named by its start.
* What is not defined is `NULL`, never NaN.
* Of the lineages of a monitor each pane shows one: a lineage from its first rows on, until the next one has rows; where
  somebody switched to a shadow lineage (a replay of the log), that one.
* As known at an instant: `performance_panes_known(known = '2013-05-01 00:00:00')` and `feature_panes_known(…)` have the
  columns of `performance_panes` and `feature_panes`.
* Views marked *large*, and all views with panes, want a filter by model and time.
"""

_ABOUT = "SELECT name, comment FROM system.tables WHERE database = currentDatabase()"


class Entry(NamedTuple):
    """One column of one view, with the view's own meaning."""

    view: str
    about: str
    column: str
    type: str
    unit: str
    meaning: str


def read(client: Client) -> list[Entry]:
    """Return the columns of all public views, views by name, columns in order."""
    about = {row["name"]: row["comment"] for row in client.query_arrow(_ABOUT, use_strings=True).to_pylist()}
    rows = client.query_arrow("SELECT * FROM dictionary", use_strings=True).to_pylist()
    return [Entry(about=about[row["view"]], **row) for row in rows]


def markdown(entries: list[Entry]) -> str:
    """Return the page of the docs."""
    parts = [_HEAD]
    for view, columns in groupby(entries, key=lambda entry: (entry.view, entry.about)):
        rows = [f"| `{c.column}` | `{c.type}` | {c.unit} | {c.meaning} |" for c in columns]
        parts.append(
            "\n".join(
                [
                    f"## {view[0]}\n",
                    f"{view[1]}.\n",
                    "| column | type | unit | meaning |",
                    "|---|---|---|---|",
                    *rows,
                    "",
                ]
            )
        )
    return "\n".join(parts)


def main() -> None:
    """Write the page."""
    client = connect(load().clickhouse)
    DOCUMENT.write_text(markdown(read(client)))
    client.close()


if __name__ == "__main__":
    main()
