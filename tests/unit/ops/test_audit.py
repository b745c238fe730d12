from types import SimpleNamespace

import pytest

from stream.ops import audit
from stream.ops.recompute import Recomputed

SETTINGS = SimpleNamespace(runtime=SimpleNamespace(partials_partitions=4))


@pytest.fixture
def stored(monkeypatch):
    """Rows that the tables hold, by table."""
    held = {}
    monkeypatch.setattr(audit, "_stored", lambda _client, table, _ends: held.get(table, {}))
    return held


@pytest.mark.parametrize("table", ["alert_rows", "verdicts_rows", "panes_rows", "conservation_rows"])
def test_rows_of_a_table_that_the_ledger_says_is_empty_are_differences(stored, table):
    stored[table] = {("m", "x"): {"model": "m", "id": "x"}}
    report = audit._compare(SETTINGS, None, Recomputed({0: []}, {0: -1}), None)

    assert report.differences == 1
    assert report.examples == (f"{table} ('m', 'x'): stored, but the ledger does not say so",)


def test_rows_of_another_model_are_not_looked_at(stored):
    stored["verdicts_rows"] = {("n", "x"): {"model": "n", "id": "x"}}

    assert audit._compare(SETTINGS, None, Recomputed({0: []}, {0: -1}), "m").differences == 0


def test_all_result_tables_are_compared(stored):
    report = audit._compare(SETTINGS, None, Recomputed({0: []}, {0: -1}), None)

    assert stored == {}
    assert set(report.compared) == {"messages", *audit.TABLES}
    assert {"panes_rows", "incidents_rows", "fates_rows", "lineages_rows", "alert_rows"} <= set(audit.TABLES)
