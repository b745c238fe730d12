"""`streamgauge reference`: what is asked for is checked first, what was built is told, listed and drawn."""

import base64
import json

import msgspec
import pytest

import stream.ops.controls
import stream.ops.reference
import stream.ops.references
from detectors.reference import encode, sha256
from stream.folds.monitor import SpecRecord
from stream.ops.reference import Built, ReferenceError
from stream.ops.reference_sources import InFile, InFirst, InLedger, InRange, InTraining
from stream.ops.references import chosen, kept
from stream.settings import Settings
from tests.references import reference_of, rows_of, spec_of

QUARTER = InRange(1_356_998_400_000, 1_364_774_400_000)


@pytest.fixture(scope="module")
def short():
    """A reference of 44 panes."""
    return reference_of(rows=rows_of(panes=44, each=600))


@pytest.fixture
def asked(monkeypatch, short):
    """Give what was asked for."""
    wanted = []

    def build(_settings, _monitor, what):
        wanted.append(what)
        return Built("abc", 2, short, 50_000, stream.ops.reference.advice(short))

    monkeypatch.setattr(stream.ops.controls, "require_kafka", lambda _: None)
    monkeypatch.setattr(stream.ops.reference, "build_and_apply", build)
    return wanted


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--from", "2013-01-01"), "give both --from and --to"),
        (("--to", "2013-01-01"), "give both --from and --to"),
        (("--from", "2013-04-01", "--to", "2013-01-01T06:00:00Z"), "2013-04-01 is not before --to 2013-01-01T06:00:00"),
        (("--from", "2013-04-01", "--to", "2013-04-01"), "is not before"),
        (("--ledger", "yesterday"), "--ledger 'yesterday': write two times"),
        (("--ledger", "2013-01-02..2013-01-01"), "ends before it begins"),
        (
            ("--file", "x.parquet", "--first", "60"),
            "give one of: --from and --to, --file, --version, --first, --ledger",
        ),
    ],
)
def test_what_names_nothing_is_a_sentence_before_kafka_is_asked(run, options, sentence):
    result = run("reference", "build", "m", *options)
    assert (result.exit_code, sentence in result.output) == (2, True)


@pytest.mark.parametrize("end", ["2013-04-01", "2013-04-01T00:00:00", "2013-04-01T00:00:00Z"])
def test_times_are_utc_with_or_without_a_z(run, asked, end):
    result = run("reference", "build", "m", "--from", "2013-01-01T00:00:00Z", "--to", end)
    assert (result.exit_code, asked) == (0, [QUARTER])


def test_each_way_to_name_rows_is_understood(run, asked):
    ways = {
        "--file": "a/january.csv",
        "--version": "3",
        "--first": "200",
        "--ledger": "2013-01-01..2013-04-01T00:00:00Z",
    }
    assert [run("reference", "build", "m", *way).exit_code for way in ways.items()] == [0] * 4
    assert run("reference", "build", "m").exit_code == 0
    file, *others = asked
    assert (type(file), str(file.path)) == (InFile, "a/january.csv")
    assert others == [InTraining("3"), InFirst(200), InLedger(QUARTER.from_ms, QUARTER.to_ms), None]


def test_what_was_built_is_told_with_what_speaks_against_it_and_the_mend(run, asked):
    result = run("reference", "build", "m")
    for said in (
        "revision 2 is in force with reference abc",
        "26,400 rows in 44 panes of 1h: rows of 2013-01-01 to 2013-01-04",
        "44 panes: too few to alarm, 60 needed, 200 wanted",
        "a pane of 10m would give 264 panes of 100 rows",
        "figures come with the first final pane",
    ):
        assert said in result.output
    assert json.loads(run("reference", "build", "m", "--json").stdout)["panes"] == 44


def test_a_reference_that_drifts_itself_is_told_at_once_and_is_no_error(run, monkeypatch, asked):
    rows = rows_of(panes=80)
    rows.columns["x"] = rows.columns["x"] + rows.event_ms / rows.event_ms.max() * 40_000
    drifting = reference_of(rows=rows)
    monkeypatch.setattr(stream.ops.reference, "build_and_apply", lambda *_: Built("abc", 2, drifting, 1, ()))
    result = run("reference", "build", "m")
    assert result.exit_code == 0
    assert result.output.startswith("The reference itself drifts: what is judged by it is worth little.")


@pytest.mark.parametrize("error", [ReferenceError("no row of model 'm' between 2013-01-01 and 2013-04-01")])
def test_where_nothing_can_be_made_it_is_a_sentence_with_exit_code_1(run, asked, monkeypatch, error):
    def build(*_):
        raise error

    monkeypatch.setattr(stream.ops.reference, "build_and_apply", build)
    result = run("reference", "build", "m", "--from", "2013-01-01", "--to", "2013-04-01")
    assert (result.exit_code, str(error) in result.output) == (1, True)


@pytest.fixture
def topic(monkeypatch, short):
    """The topic of specs: monitor m with two references, the older one of 44 panes; other, with none."""
    artifacts = [encode(short), encode(reference_of(rows=rows_of(panes=240)))]
    document = spec_of().to_values()

    def record(monitor, revision, artifact):
        fields = {"monitor": monitor, "revision": revision, "spec": document, "who": "test", "at_ms": 10**12}
        if artifact is not None:
            fields |= {"reference": base64.b64encode(artifact).decode(), "reference_sha": sha256(artifact)}
        return msgspec.json.encode(SpecRecord(**fields))

    values = [
        record("m", 1, None), record("m", 2, artifacts[0]), record("m", 3, artifacts[0]), record("m", 4, artifacts[1]),
        record("other", 1, None), record("old", 1, b"\x81\xa6schema\x01"),
    ]  # fmt: skip
    monkeypatch.setattr(stream.ops.controls, "require_kafka", lambda _: None)
    monkeypatch.setattr(stream.ops.references, "read_values", lambda *_: values)
    return [sha256(artifact) for artifact in artifacts]


def test_all_references_are_listed_and_which_is_in_force(run, topic):
    result = run("reference", "list")
    assert result.exit_code == 0
    old, new, unread = (line for line in result.output.splitlines()[1:] if line.strip())
    assert old.split()[:5] == [topic[0][:12], "m", "2", "to", "3"]
    assert "in force" not in old
    assert "no" in old.split()
    assert (topic[1][:12] in new, "4, in force" in new, "yes" in new.split()) == (True, True, True)
    assert "reference has schema 1, this version reads" in unread
    found = json.loads(run("reference", "list", "--json").stdout)["references"]
    assert [(one["sha"], one["is_in_force"], one.get("panes")) for one in found][:2] == [
        (topic[0], False, 44),
        (topic[1], True, 240),
    ]
    assert len(json.loads(run("reference", "list", "--monitor", "m", "--json").stdout)["references"]) == 2


def test_a_reference_is_drawn(run, topic):
    result = run("reference", "show", "m")
    assert result.exit_code == 0
    for said in (
        topic[1], "in force", "rows of 2013-01-01 to 2013-01-04", "24,000 rows in 240 panes of 1h, 100 rows each",
        "can alarm: 3 of 3 features are judged", "windows", "100.0 % of the rows got one, 95 % of these within 1h",
        "__score__ (answer)", "a 70 %, b 30 %", "promise   of version 1", "log_loss", "c = ", "█",
        "outliers", "of the rows, by the distance from the middle; judged in windows of",
    ):  # fmt: skip
        assert said in result.output, said


def test_an_older_one_is_drawn_by_its_sha(run, topic):
    result = run("reference", "show", topic[0][:8])
    assert result.exit_code == 0
    for said in ("was in force with revisions 2 to 3", "44 panes: too few to alarm", "learning", "264 panes of 100"):
        assert said in result.output
    shown = json.loads(run("reference", "show", topic[0], "--json").stdout)
    assert (shown["sha"], shown["panes"], shown["can_alarm"]) == (topic[0], 44, False)
    assert [feature["name"] for feature in shown["features"]] == ["x", "c", "__score__"]
    assert shown["outliers"].keys() == {"by", "share", "window"}
    assert shown["promise"][0].keys() == {"metric", "segment", "level", "value", "labels", "effective_labels"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("other", "no monitor 'other' has a reference, and no artifact is called so"),
        ("zzzz", "no monitor 'zzzz' has a reference"),
        ("", "which one: m, old?"),
        ("old", "cannot be shown: reference has schema 1"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(run, topic, name, sentence):
    result = run("reference", "show", name)
    assert (result.exit_code, sentence in result.output) == (1, True)


def test_nothing_to_list_says_how_to_build(run, monkeypatch, topic):
    monkeypatch.setattr(stream.ops.references, "read_values", lambda *_: [])
    assert "streamgauge reference build MONITOR" in run("reference", "list").output
    assert "there is no reference yet" in run("reference", "show", "m").output
    with pytest.raises(ReferenceError):
        chosen(kept(Settings()), "m")
