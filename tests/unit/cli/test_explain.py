"""``streamgauge explain``: what it prints, and what its exit codes mean."""

import json
from contextlib import nullcontext

import pytest

from stream.ops import explain_reads
from tests.loop import DAY_MS, SPEC

ROW = {
    "id": "vd-7f3a91000000", "model": "m", "lineage": "L", "monitor": "m", "pane_ms": DAY_MS, "segment_key": "",
    "segment_value": "", "target": "x", "kind": "drift", "window_s": 86_400, "status": "stable", "statistic": 1.5,
    "threshold": 9.9, "p": 0.04, "n": 2_291, "n_eff": 1_870.0, "evidence_days": 0.25, "budget_days": 90.0,
    "effect": 0.02, "effect_name": "js", "floor": 0.05, "lo": None, "hi": None,
    "reason": "x: its distribution moved", "known_ms": 0,
}  # fmt: skip
INCIDENT = {
    "id": "INC-1", "model": "m", "lineage": "L", "monitor": "m", "kind": "drift", "level": "warn",
    "title": "m: x drifted", "features": ["x"], "opened_ms": 2 * DAY_MS, "closed_ms": 0, "since_ms": DAY_MS,
    "is_open": True, "verdicts": ["vd-7f3a91000000"], "evidence_days": 400.0, "budget_days": 90.0, "known_ms": 0,
}  # fmt: skip
EVENT = {"at_ms": DAY_MS, "event": "opened", "level": "warn", "actor": "decide", "text": "m: x drifted"}


@pytest.fixture(autouse=True)
def _stored(monkeypatch):
    def answer(_client, sql, **given):
        if "FROM verdicts" in sql:
            return [ROW] if given.get("model", "m") == "m" and given.get("target", "x") == "x" else []
        if "FROM incidents" in sql:
            return [INCIDENT]
        if "FROM incident_events" in sql:
            return [EVENT]
        lineage = {"lineage": "L", "monitor": "m", "model": "m", "reference": "s", "spec": json.dumps(SPEC)}
        if "lineages" in sql:
            return [lineage] if given.get("model", "m") in ("", "m") else []
        return [{"panes": 0, "rows": 0, "first_ms": 0, "last_ms": 0}]

    monkeypatch.setattr("stream.ops.reader.reader", lambda _: nullcontext())
    monkeypatch.setattr(explain_reads, "query", answer)
    monkeypatch.setattr("stream.ops.blame.of_incident", lambda _client, _incident: [])


def test_a_verdict_is_explained_by_the_begin_of_its_id(run):
    result = run("explain", "vd-7f3a")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == ("vd-7f3a91000000  x of m, 1970-01-02 00:00:00Z to 1970-01-03 00:00:00Z: stable (drift)")
    assert "Sure: no. By chance, once in 6 hours (an alarm from 500 d on, proven at the budget from 90 d" in (
        result.output
    )
    assert "Much: no. js 0.02, floor 0.05." in result.output
    assert "p 0.04 of this window alone" in result.output


def test_a_feature_is_explained_though_nothing_was_wrong(run):
    told = json.loads(run("explain", "m", "x", "--json").stdout)
    assert (told["found"], told["status"], told["keys"]["is_sure"]) == ("verdict", "stable", False)
    assert any(sentence.startswith("It would have taken: ") for sentence in told["sentences"])


def test_a_model_alone_lists_its_targets(run):
    assert run("explain", "m").output.startswith("x  vd-7f3a91000000  pane 1970-01-02")


def test_an_incident_says_what_it_rests_on_and_what_happened(run):
    result = run("explain", "INC-1")
    assert result.exit_code == 0
    assert "By chance, once in 13 months; the budget: once in 90 d." in result.output
    assert "vd-7f3a91000000  x: its distribution moved" in result.output
    assert "opened (warn, decide): m: x drifted" in result.output


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["n"], 1, "no monitor watches a model 'n'"),
        (["m", "z"], 1, "'z' is nothing that is judged of m"),
        (["m", "x", "y"], 2, "give an id, or a model and a feature or metric"),
    ],
)
def test_what_is_not_known_is_a_sentence(run, words, code, says):
    result = run("explain", *words)
    assert result.exit_code == code
    assert says in result.output
