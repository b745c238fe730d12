"""``streamgauge incident``: what is open, and what a person does with it."""

import json
from contextlib import nullcontext

import pytest

from stream.ops import explain_reads
from stream.ops.blame_cause import Carried, Cause
from stream.ops.blame_first import First
from stream.ops.blame_words import sentence
from tests.loop import DAY_MS, SPEC

OPEN = {
    "id": "INC-142", "model": "m", "lineage": "L", "monitor": "m", "kind": "drift", "level": "warn",
    "title": "m: x drifted", "features": ["x"], "opened_ms": 9 * DAY_MS, "closed_ms": 0, "since_ms": 8 * DAY_MS,
    "is_open": True, "verdicts": [], "evidence_days": 400.0, "budget_days": 90.0, "known_ms": 0,
}  # fmt: skip
CLOSED = OPEN | {"id": "INC-99", "is_open": False, "closed_ms": 20 * DAY_MS}
BUDGET = {
    "model": "m", "monitor": "m", "budget_d": 90.0, "exposure_d": 180.0, "allowed": 2.0, "pages": 2, "real": 1,
    "not_worth": 0, "false_pages": 1, "unanswered": 0, "warnings": 3, "rate": 0.5, "rate_lo": 0.01, "rate_hi": 2.8,
}  # fmt: skip


@pytest.fixture
def sent(monkeypatch):
    """What was published; `panes` are those since the onset."""
    stored = {"incidents": [OPEN], "panes": 12, "records": []}

    def answer(_client, sql, **given):
        if "FROM incidents" in sql:
            return [row for row in stored["incidents"] if row["id"].startswith(given.get("id", ""))]
        if "FROM budget" in sql:
            return [BUDGET]
        if "all_lineages" in sql:
            return [{"lineage": "L", "monitor": "m", "model": "m", "reference": "s", "spec": json.dumps(SPEC)}]
        return [{"panes": stored["panes"], "last_ms": 70 * DAY_MS}] if "FROM panes_rows" in sql else []

    monkeypatch.setattr("stream.ops.reader.reader", lambda _: nullcontext())
    monkeypatch.setattr("stream.ops.controls.require_kafka", lambda _: None)
    monkeypatch.setattr(explain_reads, "query", answer)
    monkeypatch.setattr("stream.ops.incident_act.publish", lambda _settings, *record: stored["records"].append(record))
    return stored


def test_open_incidents_are_listed_with_the_false_pages_beside_those_allowed(run, sent):
    result = run("incident", "ls")
    assert result.exit_code == 1
    first, budget = result.output.splitlines()
    assert first.split()[:4] == ["INC-142", "warn", "drift", "open"]
    assert budget == (
        "m: watched for 180 d, 2 pages (1 real, 0 not worth one, 1 false, 0 not answered); allowed: 1 false page in "
        "90 d; realised 0.5 (95 %: 0.01 to 2.8)."
    )
    sent["incidents"] = []
    assert run("incident", "ls").exit_code == 0
    assert json.loads(run("incident", "ls", "--json").stdout)["budgets"] == [BUDGET]


@pytest.mark.parametrize("answer", ["real", "not-worth", "false"])
def test_what_a_person_says_is_a_command_in_the_log(run, sent, answer):
    result = run("incident", "feedback", "INC-14", answer, "--note", "a test")
    assert result.exit_code == 0
    [(topic, key, record)] = sent["records"]
    assert (topic, key, record["command"], record["model"]) == ("commands", "m", "feedback", "m")
    assert record["args"] == {"incident": "INC-142", "answer": answer, "note": "a test"}
    assert record["who"]


def test_another_answer_is_wrong_usage(run, sent):
    assert run("incident", "feedback", "INC-142", "maybe").exit_code == 2
    assert run("incident", "resolve", "INC-142").exit_code == 2
    assert run("incident", "resolve", "INC-142", "--fixed", "--false").exit_code == 2
    assert sent["records"] == []


def test_an_open_incident_is_resolved_and_a_closed_one_is_not(run, sent):
    assert run("incident", "resolve", "INC-142", "--fixed").exit_code == 0
    assert sent["records"][0][2]["args"] == {"incident": "INC-142", "how": "fixed", "note": ""}
    sent["incidents"] = [CLOSED]
    result = run("incident", "resolve", "INC-99", "--false")
    assert result.exit_code == 1
    assert "INC-99 is closed since 1970-01-21" in result.output
    assert run("incident", "resolve", "INC-99", "--accepted").exit_code == 1


def test_what_is_accepted_needs_panes_for_a_reference_and_nothing_changes_without(run, sent):
    result = run("incident", "resolve", "INC-142", "--accepted")
    assert result.exit_code == 1
    assert "12 panes of 1d since 1970-01-09 00:00:00Z: too few for a reference, 60 needed, 200 wanted" in result.output
    assert "from 1970-03-10 00:00:00Z on" in result.output
    assert sent["records"] == []


def test_what_is_accepted_becomes_the_reference_before_the_incident_ends(run, sent, monkeypatch):
    from stream.ops.reference import Built

    class Made:
        panes = 62

    wanted = []
    monkeypatch.setattr(
        "stream.ops.reference.build_and_apply",
        lambda _settings, monitor, rows, who: wanted.append((monitor, rows)) or Built("abcdef" * 6, 4, Made(), 1, ()),
    )
    sent["panes"] = 62
    result = run("incident", "resolve", "INC-142", "--accepted")
    assert result.exit_code == 0, result.output
    [(monitor, rows)] = wanted
    assert (monitor, rows.from_ms, rows.to_ms) == ("m", 8 * DAY_MS, 71 * DAY_MS)
    assert "Reference abcdefabcdef of 62 panes is in force, revision 4." in result.output
    assert sent["records"][0][2]["args"]["how"] == "accepted"


def test_an_incident_that_nobody_knows_is_a_sentence(run, sent):
    result = run("incident", "show", "INC-7")
    assert result.exit_code == 1
    assert "no incident has an id that begins with 'INC-7'" in result.output


def test_a_cause_is_a_sentence():
    first = First("UA1545", 0, "feed-2", "predictions", 3, 812, 4, 1, 99)
    carriers = (
        Carried({"source": "feed-2", "origin": "ORD"}, 0.97, 60.0, 420, "above 2704", 0.001, 0.61, 0.002),
        Carried({"source": ""}, 0.02, 8.0, 90, "above 2704", 0.0, 0.1, 0.0),
    )
    cause = Cause("distance", 8_000, 2_291, "above 2704", 0.001, 0.114, 1_000.0, 1_500.0, carriers, first)
    assert sentence(cause) == (
        "distance: above 2704 are 11.4% of 2,291 rows, before 0.1%; its mean was 1000 and is 1500. 97% of the change "
        "comes from producer feed-2 and origin ORD: above 2704 are 61.0% of its 420 rows, before 0.1%, elsewhere 0.2%. "
        "Then producer (no name) (2%). It began with UA1545 (predictions/3, offset 812, line 4; ledger/1, offset 99)."
    )
