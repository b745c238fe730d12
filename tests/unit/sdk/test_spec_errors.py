"""Every wrong spec is told in whole sentences: the field as one writes it, the value, and the mend."""

# ruff: noqa: E501 — a table of whole sentences

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, SecretStr, ValidationError
from streamgauge import MonitorSpec, SpecError
from streamgauge.shown import shown
from streamgauge.spec_errors import problems_of

GOOD = "monitor: m\nmodel: m\ntask: binary\n"
FEATURES = "features: {x3: {type: number}, origin: {type: category}}\n"


def said(text: str) -> list[str]:
    """Return the sentences about a spec."""
    with pytest.raises(SpecError) as caught:
        MonitorSpec.from_yaml(text)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("outliers: distanc", "outliers: 'distanc' is not known (did you mean distance? known are distance, trees, none)"),
        ("outliers: mahalanobis", "outliers: 'mahalanobis' is not known (write one of distance, trees, none)"),
        ("outliers: TREES", "outliers: 'TREES' is not known (did you mean trees? known are distance, trees, none)"),
        ("performance: {metric: logloss, tolerance: 1}", "performance.metric: 'logloss' is not known (did you mean log_loss?)"),
        ("performance: {metric: log_loss, tolerance: '.02'}", "performance.tolerance: '.02' is not a number (write .02 without quotes)"),
        ("performance: {metric: log_loss, tolerance: much}", "performance.tolerance: 'much' is not a number (write a number: how much worse than the reference is tolerated, in the metric's unit)"),
        ("performance: {metric: log_loss, tolerance: 0}", "performance.tolerance: 0 is not above 0 (write more than 0)"),
        ("performance: {metric: log_loss, tolerance: .nan}", "performance.tolerance: nan is not a finite number (write a finite number: how much worse than the reference is tolerated, in the metric's unit)"),
        ("performance: {metric: log_loss}", "performance.tolerance: is missing (how much worse than the reference is tolerated, in the metric's unit)"),
        ("performance: {metric: log_loss, tolerance: 1, segments: 'yes'}", "performance.segments: 'yes' is not true or false (write true or false: judge each segment too)"),
        ("performance: log_loss", "performance: 'log_loss' is not a mapping of keys (its keys are metric, tolerance, segments)"),
        ("pane: 1ms", "pane: 1ms is below 1s (write at least 1s)"),
        ("pane: 60d", "pane: 60d is above 31d (write at most 31d)"),
        ("pane: 7h", "pane: 7h neither divides a day nor is whole days; write 6h or 8h"),
        ("pane: 36h", "pane: 1d12h neither divides a day nor is whole days; write 1d or 2d"),
        ("budget: {false_pages: 30, per: 1d}", "budget: 30 false pages in 1d, which holds 24 panes of 1h; write fewer, or a longer per"),
        ("pane: 60", "pane: a length of time needs a unit, as in 90s, 10m, 1h, 7d; got 60"),
        ("pane:", "pane: is empty (length of a pane: divides a day, or days)"),
        ("retrain: {every: 1m}", "retrain.every: '1m' is below 1h (write at least 1h)"),
        ("retrain: {on: drift}", "retrain.on: 'drift' is not a list (write [drift])"),
        ("reference: {first: 0 panes}", "reference.first: '0 panes' is below 1 panes (write at least 1 panes)"),
        ("reference: {first: 200}", "reference.first: write a number of panes, as in 200 panes; got 200"),
        ("reference: {from: 2013-13-01, to: 2014-01-01}", "reference.from: '2013-13-01' is no date and no time; write 2013-01-01, or 2013-01-01T06:00:00Z"),
        ("reference: {from: 2013-01-01T06:00:00, to: 2014-01-01}", "reference.from: 2013-01-01T06:00:00 needs a zone: write 2013-01-01T06:00:00Z for UTC"),
        ("reference: {from: 2013-01-01}", "reference: from is given without to; write both"),
        ("reference: {file: a.csv, first: 9 panes}", "reference: file, first is given; write exactly one of: from and to, file, model_version, first"),
        ("reference: {model_version: 3}", "reference.model_version: 3 is not a text (write '3' in quotes)"),
        ("limits: {versions: 1.5}", "limits.versions: 1.5 is not a whole number (write a whole number: versions of the model within the label horizon; others count under __other__)"),
        ("limits: {pending: 10}", "limits.pending: 10 is below 1,000 (write at least 1,000)"),
        ("limits: {rows: 5}", "limits.rows: unknown key (known are versions, open_panes, pending)"),
        ("segmnts: [origin]", "segmnts: unknown key (did you mean segments?)"),
        ("horizon: 7d", "horizon: unknown key (write it under labels)"),
        ("Pane: 1h", "Pane: unknown key (did you mean pane?)"),
        ("1: x", "1: unknown key (known are monitor, model, task, pane, lateness, idle_timeout, cycle, features, outliers, segments, protected, labels, limits, reference, performance, value, budget, detectors, notify, retrain)"),
        ("segments: origin", "segments: 'origin' is not a list (write [origin])"),
        ("segments: [1]", "segments.0: 1 is not a text (write '1' in quotes)"),
        ("notify: [a, b, a]", "notify: named twice: a; name each once"),
        ("segments: [a, b, c, d, e, f, g, h, i]", "segments: ['a', 'b', 'c', 'd', 'e', 'f', ...] has 9 entries (write at most 8)"),
        ("value: {costs: {1: {a: 2}}}", "value.costs: the name 1 is not a text (write '1' in quotes)"),
        ("value: {tp: '1'}", "value.tp: '1' is not a number (write 1 without quotes)"),
        ("value: {tp: 1.0e+13}", "value.tp: 10000000000000.0 is above 1,000,000,000,000 (write at most 1,000,000,000,000)"),
        ("detectors: [{name: Adwin, on: rows}]", "detectors.0.name: 'Adwin' is none of river's detectors that can be named here: did you mean ADWIN? (ADWIN, PageHinkley, KSWIN, DDM, EDDM, HDDM_A, HDDM_W)"),
        ("detectors: [{name: ADWIN, on: rows, params: {delta: [1]}}]", "detectors.0.params.delta: [1] is not a single value; write a number, a text, true or false"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_one_sentence(line: str, sentence: str) -> None:
    assert said(GOOD + FEATURES + line) == [sentence]


@pytest.mark.parametrize(
    ("features", "sentence"),
    [
        ("{x3: {type: numeric}}", "features.x3.type: 'numeric' is not known (did you mean number? known are number, category)"),
        ("{x3: {typ: number}}", "features.x3.typ: unknown key (did you mean type?)"),
        ("{type: {typ: number}}", "features.type.typ: unknown key (did you mean type?)"),
        ("{x3: number}", "features.x3: 'number' is not a mapping of keys (its keys are type)"),
        ("{x3: }", "features.x3: is empty (features by name)"),
        ("[x3]", "features: ['x3'] is not a mapping of keys (write a mapping of keys: features by name)"),
        ("{}", "features: {} has 0 entries (write at least 1)"),
        ("{'': {type: number}}", "features: the name '' has 0 characters (write at least 1)"),
        ("{3: {type: number}}", "features: the name 3 is not a text (write '3' in quotes)"),
        ("{__score__: {type: number}}", "features.__score__: the name '__score__' is kept for what streamgauge watches itself; write another, as 'score'"),
        ("{__pairs__: {type: number}}", "features.__pairs__: the name '__pairs__' is kept for what streamgauge watches itself; write another, as 'pairs'"),
        ("{____: {type: number}}", "features.____: the name '____' is kept for what streamgauge watches itself; write another"),
    ],
)  # fmt: skip
def test_a_wrong_feature_is_named(features: str, sentence: str) -> None:
    assert sentence in said(f"{GOOD}features: {features}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the spec: is empty; a spec is a mapping of keys, as in `monitor: my-model`"),
        ("- monitor: m", "the spec: holds a list; a spec is a mapping of keys, as in `monitor: my-model`"),
        ("{a: [1, 2}", "the spec: not YAML: line 1, column 10: expected ',' or ']', but got '}': '{a: [1, 2}' (close the bracket that was opened)"),
        ("a: b: c", "the spec: not YAML: line 1, column 5: mapping values are not allowed here: 'a: b: c' (write text that holds a colon in quotes, and keys of one part below each other)"),
        ("a:\n\tb: 1", "the spec: not YAML: line 2, column 1: found character '\\t' that cannot start any token: 'b: 1' (indent by spaces, not by tabs)"),
        ("a: 1\na: 2", "the spec: not YAML: line 1, column 1: a is written twice: 'a: 1' (write it once)"),
        ("a: 'b", "the spec: not YAML: line 1, column 6: found unexpected end of stream: \"a: 'b\" (close the quote that was opened)"),
        ("a: *b", "the spec: not YAML: line 1, column 4: found undefined alias 'b': 'a: *b' (write text that begins with * in quotes)"),
        ("a: !!python/name:os.system", "leave the tag out"),
        ("a: \0", "the spec: not YAML: unacceptable character #x0000: special characters are not allowed (leave this character out)"),
        ("[" * 10_000, "the spec: not YAML: nested too deeply (close brackets that were opened)"),
        ("a: " + "1" * 5_000, "the spec: not YAML: Exceeds the limit"),
        ("a: " + "b" * 1_000_000, "the spec: has 1,000,003 characters (write at most 1,000,000)"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_spec_is_one_sentence(text: str, sentence: str) -> None:
    (only,) = said(text)
    assert sentence in only


def test_a_segment_has_no_name_of_streamgauges_own_either() -> None:
    said_of_it = "features.__other__: the name '__other__' is kept for what streamgauge watches itself; write another, as 'other'"
    assert said(f"{GOOD}{FEATURES}segments: [__other__]") == [said_of_it]


def test_a_spec_made_of_values_has_the_same_words_as_one_of_a_file() -> None:
    values = {"monitor": "m", "model": "m", "task": "binary", "features": {"x": {"type": "number"}}}
    assert MonitorSpec(**values, pane="1h").pane_ms == 3_600_000
    for changes in (
        {"pane": 60},
        {"segmnts": ["x"]},
        {"task": "tertiary"},
        {"features": {"__score__": {"type": "number"}}},
    ):
        with pytest.raises(SpecError) as called:
            MonitorSpec(**(values | changes))
        with pytest.raises(SpecError) as read:
            MonitorSpec.from_json(json.dumps(values | changes))
        assert called.value.problems == read.value.problems


def test_each_problem_is_a_line() -> None:
    assert said("monitor: a b\ntask: tertiary\nfeatures: {x: {type: number}}") == [
        "monitor: 'a b' does not fit (the monitor's name: letters, digits and . _ -, at most 128 characters)",
        "model: is missing (the model's name as events carry it; without a slash)",
        "task: 'tertiary' is not known (write one of binary, multiclass, regression)",
    ]


def test_no_value_is_shown_above_60_characters() -> None:
    (line,) = said(f"{GOOD}{FEATURES}outliers: {'x' * 5_000}")
    assert len(line) < 140
    assert max(map(len, map(shown, ("a" * 99, list(range(99)), 10**99, {"a": "b" * 99, "c": "d" * 99})))) <= 60


def test_json_that_cannot_be_read_is_a_sentence() -> None:
    with pytest.raises(SpecError) as caught:
        MonitorSpec.from_json('{"monitor": ')
    assert "Invalid" not in str(caught.value)
    assert str(caught.value).startswith("the spec: not JSON: ")


class _Login(BaseModel):
    password: SecretStr


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(ValidationError) as caught:
        _Login.model_validate({"password": 12345})
    (problem,) = problems_of(caught.value, _Login)
    assert str(problem) == "password: this value is not a text (write a text)"
