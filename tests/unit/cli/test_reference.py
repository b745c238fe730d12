"""`streamgauge reference build`: the range is checked first, and what was built is told."""

import pytest

import stream.ops.controls
import stream.ops.reference
from stream.folds.monitor import SpecRecord
from stream.ops.reference import Built, ReferenceError

SPEC = {"monitor": "m", "model": "m", "task": "binary", "features": {"x": {"type": "number"}}}
QUARTER = (1_356_998_400_000, 1_364_774_400_000)


@pytest.fixture
def asked(monkeypatch):
    """Give the ranges that were asked for, on a monitor whose spec names none."""
    ranges = []

    def build(_settings, _monitor, *range_ms):
        ranges.append(range_ms)
        return Built("abc", 2, 12_345, 90, ("90 panes: enough to alarm, 200 wanted",))

    monkeypatch.setattr(stream.ops.controls, "require_kafka", lambda _: None)
    monkeypatch.setattr(stream.ops.controls, "newest_spec", lambda *_: SpecRecord("m", 1, SPEC))
    monkeypatch.setattr(stream.ops.reference, "build_and_apply", build)
    return ranges


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--from", "2013-01-01"), "give both --from and --to"),
        (("--to", "2013-01-01"), "give both --from and --to"),
        (("--from", "2013-04-01", "--to", "2013-01-01T06:00:00Z"), "2013-04-01 is not before --to 2013-01-01T06:00:00"),
        (("--from", "2013-04-01", "--to", "2013-04-01"), "is not before"),
    ],
)
def test_a_range_that_is_none_is_a_sentence_before_kafka_is_asked(run, options, sentence):
    result = run("reference", "build", "m", *options)
    assert (result.exit_code, sentence in result.output) == (2, True)


@pytest.mark.parametrize("end", ["2013-04-01", "2013-04-01T00:00:00", "2013-04-01T00:00:00Z"])
def test_times_are_utc_with_or_without_a_z_and_what_was_built_is_told(run, asked, end):
    result = run("reference", "build", "m", "--from", "2013-01-01T00:00:00Z", "--to", end)
    assert (result.exit_code, asked) == (0, [QUARTER])
    for said in ("revision 2", "12,345 rows in 90 panes", "warning: 90 panes", "first final pane"):
        assert said in result.output


def test_the_range_of_the_spec_is_the_default(run, asked, monkeypatch):
    assert run("reference", "build", "m").exit_code == 2
    spec = SPEC | {"reference": {"from": "2013-01-01", "to": "2013-04-01"}}
    monkeypatch.setattr(stream.ops.controls, "newest_spec", lambda *_: SpecRecord("m", 1, spec))
    assert run("reference", "build", "m").exit_code == 0
    assert asked == [QUARTER]


def test_a_range_without_rows_is_a_sentence_with_exit_code_1(run, asked, monkeypatch):
    def build(*_):
        raise ReferenceError("no row of model 'm' between 2013-01-01 and 2013-04-01 (event time)")

    monkeypatch.setattr(stream.ops.reference, "build_and_apply", build)
    result = run("reference", "build", "m", "--from", "2013-01-01", "--to", "2013-04-01")
    assert (result.exit_code, "between 2013-01-01 and" in result.output) == (1, True)


def test_a_monitor_that_is_not_in_force_is_told(run, asked, monkeypatch):
    monkeypatch.setattr(stream.ops.controls, "newest_spec", lambda *_: None)
    assert run("reference", "build", "m").exit_code == 1
