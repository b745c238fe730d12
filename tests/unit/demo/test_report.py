import io
import json
import math
from dataclasses import replace

import pytest
from rich.console import Console

from stream.demo.findings import Alert, Findings, Flow, Month, Retrain, Version
from stream.demo.report import QUESTIONS, Place, write

PLACE = Place("127.0.0.1:21400", "http://127.0.0.1:21401", "/data/demo", "", is_up=True)
FLOW = Flow(336_776, 336_780, 336_776, 4, 0, 0, 0, 0)
FOUND = Findings(
    kafka_version="4.3.1",
    clickhouse_version="26.9.2.1",
    flights_by_fate={"labelled": 327_346, "never_labelled": 9_430, "lost": 0},
    predictions=FLOW,
    labels=Flow(327_346, 327_346, 327_300, 0, 46, 0, 0, 0),
    panes={"days": 366, "rows": 1_464},
    statistics={"rows": 17_568},
    alerts=(
        Alert("i1", "drift", "info", "2013-05-02T00:00Z", "2013-05-09T00:00Z", ("temp",), "temp drifted"),
        Alert("i2", "performance", "page", "2013-06-11T00:00:00Z", "", (), "flight-delay lost 0.056"),
    ),
    retrains=(
        Retrain("r1", "2013-04-01T00:00:00Z", "manual", "asked by demo", {}, "promoted", "1", "the first"),
        Retrain(
            "r2", "2013-06-11T00:00:00Z", "performance", "lost 0.056", {"verdicts": ["v1"]}, "rejected", "2",
            "no better than version 1",
        ),
    ),
    versions=(Version("1", "2013-01-01", "2013-04-01", 78_000, {"log_loss": 0.5}, "champion", "2013-04-01"),),
    champion="1",
    months=(
        Month("2013-01", 27_004, 26_398, 6_001, {}),
        Month("2013-04", 28_330, 27_564, 7_700, {"1": (0.562, 27_564)}),
        Month("2013-06", 28_243, 27_075, 8_340, {"1": (0.7, 7_075), "2": (0.6, 20_000)}),
    ),
    digest="ab" * 32,
    audit_differences=0,
    audit_compared={"panes": 1_464, "statistics": 17_568},
    seconds=151.2,
    rss_mb=2_345.6,
)  # fmt: skip


def report(found: Findings = FOUND, place: Place = PLACE) -> str:
    out = io.StringIO()
    write(found, place, Console(file=out, width=80))
    return out.getvalue()


def test_it_fits_eighty_columns_and_has_no_colour_when_piped():
    text = report()
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\x1b" not in text


def test_it_says_what_happened_to_all_flights():
    text = " ".join(report().split())
    assert "327,346 predicted, and judged by their landing" in text
    assert "9,430 predicted; cancelled or diverted" in text
    assert "336,776 flights" in text
    assert "336,780 received = 336,776 used + 4 duplicate; 0 lost" in text
    assert "19,032 stored results were computed again from the log; 0 differ" in text


def test_the_chart_has_a_row_a_month_with_what_happened_in_it():
    lines = {
        line.split()[0]: line for line in report().splitlines() if line.strip().startswith("2013-0") and "%" in line
    }
    assert "█" not in lines["2013-01"]
    assert "0.562" in lines["2013-04"]
    assert "v1 serves" in lines["2013-04"]
    assert "0.626" in lines["2013-06"]
    assert "retrain" not in lines["2013-04"]
    assert "1 retrain, 1 page" in lines["2013-06"]


def test_what_asks_for_a_person_comes_first():
    text = report()
    assert text.index("lost 0.056") < text.index("temp drifted")


def test_a_retrain_that_did_not_help_is_said_so():
    text = " ".join(report().split())
    assert "lost 0.056 → version 2: no better than version 1" in text
    assert "asked for a retrain once: 1 made none that was better than what served." in text


def test_a_retrain_without_an_answer_is_not_called_a_failure():
    waiting = replace(FOUND.retrains[1], step="shadow", verdict="compared with version 1 on the same rows")
    text = " ".join(report(replace(FOUND, retrains=(FOUND.retrains[0], waiting))).split())
    assert "1 had no answer yet when the year ended" in text
    assert "better than" not in text.split("asked for a retrain")[1].split("Did every")[0]


def test_each_version_has_what_it_promised_and_what_it_did():
    (line,) = [line for line in report().splitlines() if line.strip().startswith("1 ") and "champion" in line]
    assert line.split() == ["1", "2013-01-01", "to", "04-01", "78,000", "0.500", "0.590", "34,639", "champion"]


def test_a_year_without_events_is_said_in_words():
    text = " ".join(report(replace(FOUND, alerts=(), retrains=(), versions=(), months=())).split())
    assert "Nothing was retrained." in text
    assert "Nothing that asked for a person" in text
    assert "No model served" in text


def test_each_query_is_a_command_that_can_be_copied():
    text = "".join(report().split())
    for question in QUESTIONS:
        assert "".join(question.command("").split()) in text
    assert "streamgauge sql" not in report(place=replace(PLACE, is_up=False))


def test_what_is_unaccounted_for_is_shouted():
    broken = replace(FOUND, predictions=replace(FLOW, used=336_770))
    assert "6 UNACCOUNTED FOR" in " ".join(report(broken).split())
    assert not broken.holds
    assert not broken.is_sound


@pytest.mark.parametrize("change", [{"sent": 336_777}, {"received": 336_779}, {"duplicate": 5}])
def test_it_holds_only_if_each_sent_event_has_one_fate(change):
    assert FOUND.holds
    assert not replace(FOUND, predictions=replace(FLOW, **change)).holds


def test_json_has_the_keys_of_the_contract_and_no_number_that_is_none():
    found = json.loads(replace(FOUND, rss_mb=math.nan).as_json())
    assert {
        "kafka_version", "clickhouse_version", "events", "conservation", "panes", "statistics", "alerts",
        "retrains", "versions", "champion", "digest", "audit_differences", "seconds", "rss_mb",
    } <= set(found)  # fmt: skip
    assert found["rss_mb"] is None
    assert found["events"]["flights"] == 336_776
    assert found["conservation"]["holds"] is True
    assert found["conservation"]["lost"] == 0
    assert found["conservation"]["labels"]["late_used"] == 46
    assert set(found["alerts"][0]) == {"id", "kind", "severity", "opened", "closed", "features", "sentence"}
    assert {"id", "reason", "evidence", "version", "verdict"} <= set(found["retrains"][0])
