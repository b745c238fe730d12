"""Commands for operators: what they print, and what their exit codes mean."""

import json

import pytest

from stream.ops.lag import Behind


@pytest.fixture(autouse=True)
def _kafka_answers(monkeypatch):
    monkeypatch.setattr("stream.ops.controls.require_kafka", lambda _: None)


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


def test_a_fold_that_does_not_exist_is_wrong_usage(run):
    result = run("lag", "--fold", "stor")
    assert result.exit_code == 2
    assert "there is no fold 'stor'; there are score, intake" in result.output
