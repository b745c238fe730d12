from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from stream.ops import audit
from stream.ops.recompute import Recomputed

COMPUTED = Recomputed({q: [] for q in range(4)}, dict.fromkeys(range(4), -1), dict.fromkeys(range(4), 99))
SETTINGS = SimpleNamespace(runtime=SimpleNamespace(partials_partitions=4))


@pytest.fixture
def stored(monkeypatch):
    """Rows that the tables hold, by table."""
    held = {}
    monkeypatch.setattr(audit, "_stored", lambda _client, table, _scope: held.get(table, {}))
    return held


@pytest.mark.parametrize("table", ["alert_rows", "verdicts_rows", "panes_rows", "conservation_rows"])
def test_rows_of_a_table_that_the_ledger_says_is_empty_are_differences(stored, table):
    stored[table] = {("m", "x"): {"model": "m", "id": "x", "position": 99}}
    report = audit._compare(SETTINGS, None, COMPUTED, audit.EVERYTHING)

    assert report.differences == 1
    assert report.examples == (f"{table} ('m', 'x'): stored, but the ledger does not say so",)


def test_rows_of_another_model_are_not_looked_at(stored):
    stored["verdicts_rows"] = {("n", "x"): {"model": "n", "id": "x", "position": 99}}

    assert audit._compare(SETTINGS, None, COMPUTED, audit.Scope("m")).differences == 0


def test_rows_that_were_stored_since_are_no_differences(stored):
    stored["verdicts_rows"] = {("m", "x"): {"model": "m", "id": "x", "position": 100}}

    assert audit._compare(SETTINGS, None, COMPUTED, audit.EVERYTHING).differences == 0


def test_rows_from_before_the_checkpoint_are_not_expected(stored):
    later = Recomputed({q: [] for q in range(4)}, dict.fromkeys(range(4), 50), dict.fromkeys(range(4), 99))
    stored["verdicts_rows"] = {("m", at): {"model": "m", "id": str(at), "position": at} for at in (50, 51)}

    report = audit._compare(SETTINGS, None, later, audit.EVERYTHING)
    assert report.examples == ("verdicts_rows ('m', 51): stored, but the ledger does not say so",)
    assert report.begins == dict.fromkeys(range(4), 50)


def test_only_panes_of_the_span_are_looked_at(stored):
    days = {day: datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)}
    stored["panes_rows"] = {("m", day): {"model": "m", "pane": at, "position": 9} for day, at in days.items()}
    scope = audit.Scope(None, days[2], days[3])

    report = audit._compare(SETTINGS, None, COMPUTED, scope)
    assert report.examples == ("panes_rows ('m', 2): stored, but the ledger does not say so",)


def test_all_result_tables_are_compared(stored):
    report = audit._compare(SETTINGS, None, COMPUTED, audit.EVERYTHING)

    assert stored == {}
    assert set(report.compared) == {"messages", *audit.TABLES}
    assert {"panes_rows", "incidents_rows", "fates_rows", "lineages_rows", "alert_rows"} <= set(audit.TABLES)


def test_what_a_worker_said_when_it_had_to_stop_is_no_difference(stored):
    alert = {"model": "", "monitor": "", "kind": "pipeline", "dedup": "INC-1/open"}
    stored["alert_rows"] = {("", "INC-1/open"): alert}

    assert audit._compare(SETTINGS, None, COMPUTED, audit.EVERYTHING).differences == 0
