"""`streamgauge spec`: a wrong file is told in sentences, one problem a line."""

import json
import re

import msgspec
import pytest
from streamgauge.spec import MonitorSpec

from stream.folds.monitor import SpecRecord
from stream.ops.spec import apply
from stream.settings import Settings

GOOD = "monitor: m\nmodel: m\ntask: binary\nfeatures: {x: {type: number}}\n"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "spec.yaml"


def test_each_problem_of_a_spec_is_a_line_and_the_exit_code_is_2(run, file):
    file.write_text("monitor: m\ntask: tertiary\nfeaturs: {}\n")
    result = run("spec", "apply", str(file))
    assert result.exit_code == 2
    lines = result.output.strip().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["model", "task", "features", "featurs"]
    assert "did you mean features?" in lines[-1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty; a spec is a mapping of keys"),
        (b"# nothing yet\n", "is empty; a spec is a mapping of keys"),
        (b"- a\n- b\n", "holds a list; a spec is a mapping of keys"),
        (b"just words", "holds a text; a spec is a mapping of keys"),
        (b"monitor: \xff\xfe", "not UTF-8 (byte 9)"),
        (b"monitor: [", "not YAML: line 1"),
    ],
)
def test_a_file_that_is_no_spec_is_a_sentence(run, file, content, sentence):
    file.write_bytes(content)
    result = run("spec", "apply", str(file))
    assert result.exit_code == 2
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_the_schema_says_lengths_of_time_as_one_writes_them(run):
    schema = json.loads(run("spec", "schema").stdout)
    parts = {name: part["properties"] for name, part in schema["$defs"].items()}
    pane, horizon, per = schema["properties"]["pane"], parts["Labels"]["horizon"], parts["Budget"]["per"]
    assert [field["type"] for field in (pane, horizon, per)] == ["string"] * 3
    assert [field["default"] for field in (pane, horizon, per)] == ["1h", "7d", "90d"]
    assert all(re.fullmatch(pane["pattern"], text) for text in ("7d", "1h30m", "250ms"))
    assert not any(re.fullmatch(pane["pattern"], text) for text in ("7", "7 d", "3600000", "d"))
    every, first = parts["Retrain"]["every"]["anyOf"][0], parts["Reference"]["first"]["anyOf"][0]
    assert every.keys() == first.keys() == {"type", "pattern", "examples"}
    assert parts["Reference"]["from"]["anyOf"][0]["examples"][0] == "2013-01-01"


@pytest.fixture
def log(monkeypatch):
    """Keep what is published, and find the newest of it again."""
    records = []
    monkeypatch.setattr("stream.ops.controls.require_kafka", lambda _: None)
    monkeypatch.setattr("stream.ops.spec.newest_spec", lambda *_: records[-1] if records else None)
    monkeypatch.setattr("stream.ops.spec.publish", lambda *args: records.append(msgspec.convert(args[-1], SpecRecord)))
    return records


def test_an_identical_spec_stays_the_revision_that_it_is(run, file, log):
    file.write_text(GOOD)
    first, again = run("spec", "apply", str(file)), run("spec", "apply", str(file))
    assert "revision 1 is in force for model m" in first.output
    assert "unchanged: revision 1 stays in force" in again.output
    assert len(log) == 1
    for result in (first, again):
        assert "streamgauge reference build m --from DATE --to DATE" in result.output


def test_another_spec_is_a_new_revision_and_keeps_the_reference_of_the_same_features(run, file, log):
    apply(Settings(), MonitorSpec.from_yaml(GOOD), b"artifact")
    file.write_text(GOOD + "lateness: 1m\n")
    result = run("spec", "apply", str(file))
    assert "revision 2 is in force" in result.output
    assert "learning" not in result.output
    assert log[1].reference_sha == log[0].reference_sha
    file.write_text(GOOD.replace("x:", "y:"))
    assert "learning until it has a reference" in run("spec", "apply", str(file)).output
    assert log[2].reference is None


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("{from: 2013-01-01, to: 2013-04-01}", "learning until it has a reference: streamgauge reference build m\n"),
        ('{model_version: "3"}', "learning until it has a reference: streamgauge reference build m\n"),
        ("{first: 200 panes}", "learning until its first 200 panes are final: the reference is then built of them"),
    ],
)
def test_a_spec_says_how_its_reference_comes_to_be(run, file, log, reference, said):
    file.write_text(GOOD + f"reference: {reference}\n")
    assert said in run("spec", "apply", str(file)).output


def test_the_file_of_a_reference_is_relative_to_the_spec(run, file, log):
    file.write_text(GOOD + "reference: {file: rows/january.csv}\n")
    output = run("spec", "apply", str(file)).output
    assert f"streamgauge reference build m --file {file.parent / 'rows/january.csv'}" in output


def test_a_spec_that_names_other_rows_keeps_its_reference_and_says_so(run, file, log):
    apply(Settings(), MonitorSpec.from_yaml(GOOD), b"artifact")
    file.write_text(GOOD + "reference: {from: 2013-01-01, to: 2013-04-01}\n")
    output = run("spec", "apply", str(file)).output
    assert "its reference stays as it was; to make it of what the spec names now: streamgauge reference build" in output
    assert "reference stays" not in run("spec", "apply", str(file)).output


@pytest.mark.parametrize("change", ["pane: 2h\n", "cycle: day\n"])
def test_a_reference_of_other_panes_or_phases_does_not_stay(run, file, log, change):
    apply(Settings(), MonitorSpec.from_yaml(GOOD), b"artifact")
    file.write_text(GOOD + change)
    assert "learning until it has a reference" in run("spec", "apply", str(file)).output
    assert log[1].reference is None


def test_another_reference_for_the_same_spec_is_a_new_revision(log):
    spec = MonitorSpec.from_yaml(GOOD)
    revisions = [apply(Settings(), spec, artifact).revision for artifact in (None, b"a", b"a", b"b", None)]
    assert revisions == [1, 2, 2, 3, 3]
    assert len(log) == 3
