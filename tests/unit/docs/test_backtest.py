"""The page on backtests names every column and every key."""

import re
from pathlib import Path

from stream.backtest.alerts import AlertReport
from stream.backtest.columns import LABEL_FIELDS, ROW_FIELDS
from stream.backtest.report import ReferenceReport, Report, SweepRow

PAGE = (Path(__file__).parents[3] / "docs" / "backtest.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")]
FIRST = {name for row in ROWS for name in re.findall(r"`(\w+)`", row[0])}


def named(fields):
    return {name.rstrip("_") for name in fields}


def test_every_column_has_a_line():
    assert set(ROW_FIELDS) <= FIRST
    assert all(f"`{name}`" in PAGE for name in LABEL_FIELDS)


def test_every_key_of_the_result_and_of_an_alert_has_a_line():
    assert named(Report.__dataclass_fields__) | named(AlertReport.__dataclass_fields__) <= FIRST


def test_the_keys_of_its_parts_are_named():
    parts = (ReferenceReport, SweepRow)
    assert all(f"`{name}`" in PAGE for part in parts for name in named(part.__dataclass_fields__))
