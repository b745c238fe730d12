"""`streamgauge sql`: rows in the form that suits where they go."""

import io

import pytest
from rich.console import Console

from stream.cli.sql import show, tab_separated

NAMES = ["model", "rows"]
ROWS = [["flight-delay", 12], ["[bold]other", None]]


def shown(width, names=NAMES, rows=ROWS):
    console = Console(file=io.StringIO(), width=width)
    show(console, names, rows)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("statement", ["", "  \n", ";"])
def test_an_empty_statement_is_refused(run, statement):
    result = run("sql", statement)
    assert result.exit_code == 2
    assert "The statement is empty." in result.output


def test_tab_separated_values_have_a_header_and_no_limit_of_width():
    lines = tab_separated(["a", "b"], [["x" * 500, None], ["two\nlines\tand a \\", 0.5]]).split("\n")
    assert lines == ["a\tb", "x" * 500 + "\t\\N", "two\\nlines\\tand a \\\\\t0.5"]


def test_a_table_that_fits_is_a_table():
    assert [line.split() for line in shown(40)] == [["model", "rows"], ["flight-delay", "12"], ["[bold]other"]]


def test_a_table_that_does_not_fit_has_one_column_a_line():
    lines = shown(12)
    assert [line.split()[0] for line in lines] == ["row", "model", "rows", "row", "model", "rows"]
    assert lines[1].split() == ["model", "flight-delay"]


def test_a_wide_table_without_rows_still_names_its_columns():
    assert "a" in "".join(shown(12, ["a" * 10, "b" * 10], []))
