"""Which lineages the views show, on the real engine: shadows are hidden, shown by one row, hidden again."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver.client import Client

from stream.folds.base import Record
from stream.folds.rows import IncidentRow, LineageRow, PaneRow, Result, VerdictRow, encode_rows
from stream.ops import lineages
from stream.ops.lineages import LineageError
from stream.ops.replays import Replay, note
from stream.settings import ClickHouseSettings
from tests.integration.clickhouse_database import empty, rows_of, write

pytestmark = pytest.mark.integration

HOUR = 3_600_000
T0 = 1_357_084_800_000  # 2013-01-02T00:00Z


@pytest.fixture
def client(database: Client, settings: ClickHouseSettings) -> Client:
    """Two live lineages: L1 for hours 0 and 1, L2 from hour 2 on. A shadow S of hours 1 to 3."""
    empty(database)
    live = [lineage("L1", 1), *panes("L1", 0, 2), lineage("L2", 2, start_ms=T0 + 2 * HOUR), *panes("L2", 2, 6)]
    judged = [*(verdict("L1", h) for h in (0, 1)), *(verdict("L2", h) for h in range(2, 6))]
    write(settings, ("panes", 0, record(*live, *judged)))
    shadow(database, settings, "S", 1, 4)
    return database


def record(*rows: Result) -> list[Record]:
    return [Record(0, T0, encode_rows(list(rows)))]


def lineage(name: str, revision: int, start_ms: int = 0, monitor: str = "mon") -> LineageRow:
    return LineageRow(
        lineage=name, monitor=monitor, model="m", revision=revision, reference="", spec="{}", start_ms=start_ms,
        known_ms=T0 + revision, position=revision,
    )  # fmt: skip


def panes(name: str, first: int, end: int, n: int = 10, length: int = HOUR) -> list[PaneRow]:
    return [
        PaneRow(
            lineage=name, monitor="mon", model="m", model_version="1", segment_key="", segment_value="",
            pane_ms=T0 + h * length, arrival_ms=T0 + h * length, pane_s=length // 1000, n=n, duplicates=0, invalid=0,
            outliers=-1,
            labels=0, latency_p50_ms=float("nan"), latency_p95_ms=3.0, merged=(), known_ms=T0, position=5,
        )
        for h in range(first, end)
    ]  # fmt: skip


def verdict(name: str, hour: int) -> VerdictRow:
    return VerdictRow(
        id=f"vd-{name}-{hour}", lineage=name, monitor="mon", model="m", pane_ms=T0 + hour * HOUR, pane_s=3600,
        segment_key="", segment_value="", target="x", kind="drift", status="stable", statistic=1.0, threshold=5.0,
        p=0.5,
        n=10, n_eff=9.0, evidence_days=0.1, budget_days=90.0,
        effect=0.1,
        effect_name="psi", floor=0.1, lo=0.0, hi=1.0, reason=name, known_ms=T0, position=5,
    )  # fmt: skip


def incident(name: str, an_id: str, hour: int, closed: bool = True, kind: str = "drift") -> IncidentRow:
    return IncidentRow(
        id=an_id, lineage=name, monitor="mon", model="m", kind=kind, level="info", title=name, features=("x",),
        opened_ms=T0 + hour * HOUR, closed_ms=T0 + (hour + 1) * HOUR if closed else 0, since_ms=T0 + (hour - 2) * HOUR,
        verdicts=(), evidence_days=0.1, budget_days=90.0, known_ms=T0 + hour, position=hour,
    )  # fmt: skip


def shadow(
    client: Client,
    settings: ClickHouseSettings,
    name: str,
    first: int,
    end: int,
    length: int = HOUR,
    state: str = "done",
) -> None:
    """A shadow of 7 rows an hour, with a verdict for each hour."""
    span = (T0 + first * length, T0 + end * length)
    note(client, Replay(name, f"r{name}", "q", "mon", "m", state, "ann", T0, {0: (0, 9)}, 70, *span))
    rows = [lineage(name, 2), *panes(name, first, end, 7, length), *(verdict(name, h) for h in range(first, end))]
    write(settings, ("panes", 0, record(*rows)))


def shown(client: Client, sql: str = "SELECT lineage FROM volume_panes ORDER BY pane, lineage") -> str:
    return " ".join(str(row["lineage"]) for row in rows_of(client, sql))


VERDICTS = "SELECT lineage FROM verdicts ORDER BY pane, lineage"


def test_a_shadow_is_hidden_and_nothing_else_changes(client: Client) -> None:
    assert shown(client) == shown(client, VERDICTS) == "L1 L1 L2 L2 L2 L2"
    [live] = rows_of(client, "SELECT * FROM lineages WHERE is_live")
    assert (live["lineage"], live["monitor"]) == ("L2", "mon")
    assert [row["lineage"] for row in rows_of(client, "SELECT * FROM lineages ORDER BY 1")] == ["L1", "L2"]
    listed = {one.lineage: one for one in lineages.ls(client)}
    assert (listed["S"].is_shadow, listed["S"].is_shown, listed["S"].rows, listed["S"].who) == (True, False, 21, "ann")
    assert (listed["L2"].is_shadow, listed["L2"].is_shown, listed["L2"].rows) == (False, True, 40)


def test_a_switch_shows_it_in_place_of_the_live_ones_for_its_panes_and_back_undoes_it(client: Client) -> None:
    made = lineages.switch(client, "mon", "S", "bob")
    assert (made.from_ms, made.to_ms, set(made.hidden)) == (T0 + HOUR, T0 + 4 * HOUR, {"L1", "L2"})
    assert shown(client) == shown(client, VERDICTS) == "L1 S S S L2 L2"
    assert shown(client, "SELECT lineage FROM lineages WHERE is_live") == "L2"
    [switched] = rows_of(client, "SELECT who, action, is_now FROM lineage_switches")
    assert switched == {"who": "bob", "action": "switch", "is_now": True}
    assert {one.lineage for one in lineages.ls(client) if one.is_shown} == {"L1", "L2", "S"}

    lineages.back(client, "mon", "ann")
    assert shown(client) == shown(client, VERDICTS) == "L1 L1 L2 L2 L2 L2"
    assert [s.who for s in lineages.switches(client, "mon")] == ["bob", "ann"]
    with pytest.raises(LineageError, match="nothing to go back from"):
        lineages.back(client, "mon", "ann")


def test_back_returns_to_the_shadow_before_and_passes_over_a_dropped_one(
    client: Client, settings: ClickHouseSettings
) -> None:
    shadow(client, settings, "T", 0, 2)
    shadow(client, settings, "U", 4, 6)
    for name in "STU":
        lineages.switch(client, "mon", name, "ann")
    assert shown(client) == "L1 L1 L2 L2 U U"
    lineages.drop(client, "T")
    assert lineages.back(client, "mon", "ann").lineage == "S"
    assert shown(client) == "L1 S S S L2 L2"
    assert lineages.back(client, "mon", "ann").lineage == ""


def test_a_lineage_that_comes_to_life_after_a_switch_is_shown(client: Client, settings: ClickHouseSettings) -> None:
    lineages.switch(client, "mon", "S", "ann")
    new = [lineage("L3", 3, start_ms=T0 + 5 * HOUR), *panes("L3", 5, 8)]
    write(settings, ("panes", 0, record(*new)))
    assert shown(client) == "L1 S S S L2 L3 L3 L3"
    assert shown(client, "SELECT lineage FROM lineages WHERE is_live") == "L3"
    within = [lineage("L4", 4, start_ms=T0 + 3 * HOUR), *panes("L4", 3, 5), verdict("L4", 3)]
    write(settings, ("panes", 0, record(*within)))
    assert shown(client) == "L1 S S L4 L4"
    assert shown(client, VERDICTS) == "L1 S S L4 L2 L2"


def test_panes_of_another_length_are_shown_only_where_they_fit(client: Client, settings: ClickHouseSettings) -> None:
    shadow(client, settings, "H", 1, 7, HOUR // 2)  # from 00:30 to 03:30
    made = lineages.switch(client, "mon", "H", "ann")
    assert (made.from_ms, made.to_ms) == (T0 + HOUR, T0 + 3 * HOUR)
    assert shown(client) == "L1 H H H H L2 L2 L2"
    shadow(client, settings, "I", 1, 2, HOUR // 2)
    with pytest.raises(LineageError, match="no whole pane"):
        lineages.switch(client, "mon", "I", "ann")


def test_incidents_follow_their_panes_but_what_is_open_stays(client: Client, settings: ClickHouseSettings) -> None:
    live = incident("L2", "over", 3), incident("L2", "open", 3, False), incident("L1", "early", 1)
    others = incident("L2", "workers", 3, kind="pipeline"), incident("S", "shadow's", 3)
    write(settings, ("verdicts", 0, record(*live, *others)))

    def ids(view: str) -> set[object]:
        return {row["id"] for row in rows_of(client, f"SELECT id FROM {view}")}

    for view in ("incidents", "incident_events"):
        assert ids(view) == {"over", "open", "early", "workers"}
    lineages.switch(client, "mon", "S", "ann")
    for view in ("incidents", "incident_events"):
        assert ids(view) == {"shadow's", "open", "early", "workers"}


def test_other_monitors_are_not_touched(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, record(lineage("O", 1, monitor="other"), *panes("O", 0, 2))))
    lineages.switch(client, "mon", "S", "ann")
    assert shown(client) == "L1 O O S S S L2 L2"
    with pytest.raises(LineageError, match="no lineage 'S'"):
        lineages.switch(client, "other", "S", "ann")


def test_only_a_whole_shadow_can_be_switched_to(client: Client, settings: ClickHouseSettings) -> None:
    shadow(client, settings, "Broken", 0, 2, state="stopped")
    for name, why in (("Broken", "is stopped"), ("L2", "live lineage"), ("none", "no lineage"), ("L", "may be any of")):
        with pytest.raises(LineageError, match=why):
            lineages.switch(client, "mon", name, "ann")


def test_a_drop_deletes_a_shadow_and_never_a_live_lineage(client: Client, settings: ClickHouseSettings) -> None:
    before = shown(client)
    lineages.switch(client, "mon", "S", "ann")
    for name, why in (("S", "is shown"), ("L1", "live lineage")):
        with pytest.raises(LineageError, match=why):
            lineages.drop(client, name)
    lineages.back(client, "mon", "ann")
    shadow(client, settings, "R", 1, 4, state="running")
    with pytest.raises(LineageError, match="stop it first"):
        lineages.drop(client, "R")
    assert lineages.drop(client, "S").lineage == "S"
    for table in (*lineages.LINEAGE_TABLES, "lineage_panes", "replay_rows"):
        assert rows_of(client, f"SELECT * FROM {table} FINAL WHERE lineage = 'S'") == []
    assert shown(client) == shown(client, VERDICTS) == before
    shadow(client, settings, "S", 1, 4)  # the same replay again
    lineages.switch(client, "mon", "S", "ann")
    assert shown(client) == "L1 S S S L2 L2"


def test_a_monitor_that_was_never_live_can_be_shown(client: Client, settings: ClickHouseSettings) -> None:
    empty(client)
    shadow(client, settings, "S", 1, 4)
    assert shown(client) == ""
    lineages.switch(client, "mon", "S", "ann")
    assert shown(client) == "S S S"
    write(settings, ("panes", 0, record(lineage("L1", 1), *panes("L1", 3, 6))))
    assert shown(client) == "S S L1 L1 L1"
