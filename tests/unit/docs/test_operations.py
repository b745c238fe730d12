"""The page for operators is up to date."""

from pathlib import Path

from streamgauge.spec_parts import Limits

from stream.local.maven import KAFKA
from stream.settings import settings_table

PAGE = Path(__file__).parents[3] / "docs" / "operations.md"


def test_the_table_of_settings_is_the_settings_own():
    _, _, rest = PAGE.read_text().partition("<!-- settings -->\n")
    table, _, _ = rest.partition("\n<!-- /settings -->")
    assert table == settings_table()


def test_it_names_the_version_of_kafka():
    assert f"Apache Kafka {KAFKA}" in PAGE.read_text()


def test_the_table_of_limits_is_that_of_the_spec():
    _, _, rest = PAGE.read_text().partition("<!-- limits -->\n")
    table, _, _ = rest.partition("\n<!-- /limits -->")
    rows = [f"| `limits.{name}` | {f.default:,} | {f.description} |" for name, f in Limits.model_fields.items()]
    assert table.splitlines()[2:] == rows
