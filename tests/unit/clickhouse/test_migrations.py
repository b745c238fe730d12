"""Rules that every migration keeps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stream.clickhouse.migrate import MigrationError, migrations, statements
from stream.clickhouse.queries import FOLDER, QUERIES
from stream.folds.rows import Result
from stream.folds.store.results import columns_of, table_of

SAFE = re.compile(
    r"CREATE (TABLE|MATERIALIZED VIEW) IF NOT EXISTS |CREATE OR REPLACE VIEW |"
    r"ALTER TABLE \w+ (ADD COLUMN IF NOT EXISTS|MODIFY) "
)
STATEMENTS = [statement for migration in migrations() for statement in migration.statements]
TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+) \(\n(.*?)\n\) ENGINE", re.DOTALL)
VIEW = re.compile(r"CREATE OR REPLACE VIEW (\w+) \(\n(.*?)\n\) AS\n", re.DOTALL)
DEFINED = {match[1]: match[2] for text in STATEMENTS for match in [TABLE.match(text) or VIEW.match(text)] if match}


def columns(name: str) -> list[str]:
    """Return the columns of a table, those that a later migration adds where it puts them."""
    found = [line.split()[0].strip("`") for line in DEFINED[name].splitlines() if re.match(r"    [a-z`]", line)]
    for statement in STATEMENTS:
        if statement.startswith(f"ALTER TABLE {name} "):
            for column, before in re.findall(r"ADD COLUMN IF NOT EXISTS (\w+) .* AFTER (\w+)", statement):
                found.insert(found.index(before) + 1, column)
    return found


def test_migrations_are_numbered_without_gaps(tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("SELECT 1;\n")
    (tmp_path / "0003_c.sql").write_text("SELECT 1;\n")
    with pytest.raises(MigrationError, match="numbered 1, 2, 3"):
        migrations(tmp_path)


def test_a_migration_is_named_by_number_and_title(tmp_path: Path) -> None:
    (tmp_path / "first.sql").write_text("SELECT 1;\n")
    with pytest.raises(MigrationError, match="NNNN_title"):
        migrations(tmp_path)


def test_a_semicolon_inside_a_line_ends_nothing() -> None:
    assert statements("SELECT 'a;b' AS x,\n 1;\n\n-- a; comment;\nSELECT 2;") == ("SELECT 'a;b' AS x,\n 1", "SELECT 2")


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_can_be_run_again(statement: str) -> None:
    assert SAFE.match(statement)


@pytest.mark.parametrize("name", DEFINED)
def test_every_column_and_table_says_what_it_means(name: str) -> None:
    entries = re.split(r",\n(?=    \S)", DEFINED[name])
    without = [entry for entry in entries if "COMMENT '" not in entry and not entry.strip().startswith("INDEX")]
    assert without == []
    defining = [text for text in STATEMENTS if re.match(rf"CREATE .* {name} \(", text.splitlines()[0])]
    assert all(re.search(r"\nCOMMENT '.+'$", statement) for statement in defining)


@pytest.mark.parametrize("kind", Result.__args__)
def test_a_result_table_has_the_fields_of_its_struct(kind: type) -> None:
    assert columns(table_of(kind)) == [column for _, column, _ in columns_of(kind)]


def test_every_named_query_has_a_file_and_every_file_a_query() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.sql")) == sorted(QUERIES)


@pytest.mark.parametrize("name", QUERIES)
def test_a_named_query_takes_the_parameters_that_it_lists(name: str) -> None:
    assert set(re.findall(r"\{(\w+):", QUERIES[name].sql)) == set(QUERIES[name].parameters)
