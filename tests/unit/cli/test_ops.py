"""Commands for operators: what they print, and what their exit codes mean."""

import json

import pytest

from stream.ops.lag import Behind
from stream.ops.unread import Unread


@pytest.fixture(autouse=True)
def _kafka_answers(monkeypatch):
    monkeypatch.setattr("stream.ops.controls.require_kafka", lambda _: None)
    monkeypatch.setattr("stream.ops.unread.unread", lambda _: [])


@pytest.mark.parametrize(("limit", "code"), [((), 0), (("--max-seconds", "60"), 1), (("--max-seconds", "71"), 0)])
def test_the_exit_code_of_lag_is_1_above_the_limit(run, monkeypatch, limit, code):
    found = [Behind("measure", "ledger", 0, 8, 8, 0, 0.0), Behind("store", "ledger", 1, 5, 8, 3, 70.0)]
    monkeypatch.setattr("stream.ops.lag.lag", lambda _settings, _folds: found)

    for form in ((), ("--partitions",)):
        result = run("lag", *limit, *form)
        assert result.exit_code == code
        assert ("store, ledger/1: 70.0 s behind (3 records)" in result.output) == bool(code)
        assert result.output.splitlines()[2].split()[-2:] == ["3", "70.0"]
    told = json.loads(run("lag", "--json", *limit).stdout)
    assert told["ok"] == (not code)
    assert told["lag"][1]["seconds"] == 70.0


def test_a_partition_that_nobody_reads_is_told_with_the_mend(run, monkeypatch):
    monkeypatch.setattr("stream.ops.lag.lag", lambda _settings, _folds: [])
    monkeypatch.setattr("stream.ops.unread.unread", lambda _: [Unread("predictions", (2, 3), 4)])

    result = run("lag")
    assert result.exit_code == 1
    assert (
        "no intake worker reads predictions/2, predictions/3 (of 4): until one does, watermarks stand still and "
        in (result.output)
    )
    assert "start a worker: `streamgauge up`" in result.output
    told = json.loads(run("lag", "--json").stdout)
    assert (told["ok"], told["unread"]) == (False, [{"topic": "predictions", "partitions": [2, 3], "of": 4}])
    assert run("lag", "--fold", "store").exit_code == 0


def test_a_fold_that_does_not_exist_is_wrong_usage(run):
    result = run("lag", "--fold", "stor")
    assert result.exit_code == 2
    assert "there is no fold 'stor'; there are score, " in result.output


def test_the_documented_queries_are_listed_with_their_parameters(run):
    lines = [line.split("\t") for line in run("query", "ls").output.splitlines()]
    assert lines[0] == ["name", "question", "parameters"]
    assert ["drift_top", "Which inputs drifted most?", "model, [from], [to]"] in lines
    assert json.loads(run("query", "ls", "--json").output)[0]["parameters"]["model"]["default"] is None
    assert run("query", "ls", "--csv").output.splitlines()[0] == "name,question,parameters"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["drift_top"], "drift_top needs a value for 'model': Model"),
        (["drift_top", "model=m", "modell=m"], "drift_top has no parameter 'modell'; it has model, from, to"),
        (["drift_top", "m"], "a parameter is written NAME=VALUE, got 'm'"),
        (["drift"], "there is no query 'drift'; there are performance_by_day"),
        (["ls", "--json", "--csv"], "give --json or --csv, not both"),
    ],
)
def test_a_wrong_query_is_refused_before_clickhouse_is_asked(run, given, said):
    result = run("query", *given)
    assert result.exit_code == 2
    assert said in result.output


def test_a_query_without_clickhouse_is_a_sentence(run):
    result = run("query", "drift_top", "model=m")
    assert result.exit_code == 3
    assert "ClickHouse does not answer at http://127.0.0.1:" in result.output


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["retry"], "say which: ids, options, or --all for all of them"),
        (["retry", "--all", "--model", "m"], "--all goes alone"),
        (["retry", "labels/1"], "'labels/1' is no id of a dead letter; one is TOPIC/PARTITION/OFFSET[/LINE]"),
        (["ls", "--since", "soon"], "'soon' is no length of time; write a number with its unit"),
        (["discard"], "say which: --older-than, --up-to, or --all alone"),
        (["purge", "--all", "--older-than", "1d"], "say which"),
        (["discard", "--all", "--json"], "--json does not ask: give --yes too"),
        (["discard", "--up-to", "12"], "--up-to is PARTITION/OFFSET, as 0/1200, got '12'"),
    ],
)
def test_a_command_on_dead_letters_that_is_not_clear_does_nothing(run, given, said):
    result = run("dead-letters", *given)
    assert result.exit_code == 2
    assert said in result.output


def test_a_trace_wants_one_id_and_clickhouse(run, monkeypatch):
    assert run("trace", "model", "an", "id").exit_code == 2
    monkeypatch.setattr("stream.ops.trace.lag", lambda *_: [])
    result = run("trace", "id")
    assert result.exit_code == 3
    assert "ClickHouse does not answer at http://127.0.0.1:" in result.output
