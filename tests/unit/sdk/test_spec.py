"""A spec says exactly what is meant, and each error where it is and what would mend it."""

from __future__ import annotations

import pytest
from streamgauge import MonitorSpec, SpecError

WHOLE = """
monitor: flight-delay
model: flight-delay
task: binary
pane: 1h
lateness: 10m
features:
  distance: {type: number}
  origin:  {type: category}
segments: [origin]
labels: {horizon: 7d}
reference: {from: 2013-01-01, to: 2013-04-01}
performance: {metric: log_loss, tolerance: 0.02, segments: true}
budget: {false_pages: 1, per: 90d}
notify: [ops-slack]
retrain: {on: [performance], every: 30d, trainer: river-default, approval: auto}
idle_timeout: 60s
"""


def changed(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new)


def test_the_whole_form_is_read():
    spec = MonitorSpec.from_yaml(WHOLE)
    assert (spec.pane_ms, spec.lateness_ms, spec.idle_timeout_ms) == (3_600_000, 600_000, 60_000)
    assert spec.reference is not None
    assert spec.reference.range_ms == (1_356_998_400_000, 1_364_774_400_000)
    assert spec.retrain is not None
    assert spec.retrain.every_ms == 30 * 86_400_000
    assert MonitorSpec.from_json(spec.to_json()) == spec
    assert spec.to_values()["pane"] == "1h"


def test_a_cycle_is_a_length_of_time():
    spec = MonitorSpec.from_yaml(changed("pane: 1h", "pane: 30m\ncycle: week"))
    assert (spec.cycle, spec.cycle_ms) == ("week", 7 * 86_400_000)
    assert MonitorSpec.from_json(spec.to_json()) == spec
    assert MonitorSpec.from_yaml(WHOLE).cycle_ms == 0


@pytest.mark.parametrize(
    ("text", "kind"),
    [("{file: ref.parquet}", "file"), ('{model_version: "3"}', "model_version"), ("{first: 200 panes}", "first")],
)
def test_a_reference_has_four_forms(text, kind):
    spec = MonitorSpec.from_yaml(changed("{from: 2013-01-01, to: 2013-04-01}", text))
    assert spec.reference is not None
    assert spec.reference.kind == kind
    assert MonitorSpec.from_json(spec.to_json()) == spec
    with pytest.raises(ValueError, match="not a range"):
        _ = spec.reference.range_ms


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("lateness: 10m", "latness: 10m", "latness: unknown key (did you mean lateness?)"),
        ("{type: number}", "{typ: number}", "features.distance.typ: unknown key (did you mean type?)"),
        ("horizon: 7d", "horizn: 7d", "labels.horizn: unknown key (did you mean horizon?)"),
        ("{type: number}", "{type: text}", "features.distance.type: 'text' is not known"),
        ("task: binary", "", "task: is missing"),
        ("pane: 1h", "pane: 60", "pane: a length of time needs a unit"),
        ("pane: 1h", "pane: 1 hour", "pane: '1 hour' is no length of time"),
        ("pane: 1h", "pane: 7h", "pane: 7h neither divides a day nor is whole days"),
        ("pane: 1h", "pane: 1h\ncycle: month", "cycle: 'month' is not known"),
        ("pane: 1h", "pane: 1d\ncycle: day", "cycle: a pane of 1d is a whole day: leave cycle out"),
        ("pane: 1h", "pane: 2d\ncycle: week", "cycle: a week is no whole number of panes of 2d"),
        ("pane: 1h", "pane: 1m\ncycle: day", "has 1,440 panes of 1m, 336 at most: write pane: 5m or more"),
        ("lateness: 10m", "lateness: 8d", "lateness: 8d is not below the label horizon, 7d"),
        ("segments: [origin]", "segments: [distance]", "segments: distance is a number; a segment is a category"),
        ("idle_timeout: 60s", "value: {over: 2.5}", "value.over: 2.5 is not for task binary; it has tp, fp, fn, tn"),
        ("idle_timeout: 60s", "value: {}", "value: says nothing; write value: {tp: 1, fp: -1}"),
        ("idle_timeout: 60s", "value: {tp: .inf}", "value.tp: inf is not a finite number"),
        ("idle_timeout: 60s", "value: {tn: '1'}", "value.tn: '1' is not a number"),
        (
            "metric: log_loss",
            "metric: cost_per_row",
            "performance.metric: cost_per_row needs to know what answers are worth; write value: {tp: 1, fp: -1}",
        ),
        (
            "segments: [origin]",
            "segments: [origin]\nprotected: [sex]",
            "protected: sex is none of the segments; write segments: [origin, sex]",
        ),
        ("segments: [origin]", "segments: [origin, origin]", "segments: named twice: origin"),
        ("metric: log_loss", "metric: rmse", "performance.metric: rmse is not for task binary"),
        ("from: 2013-01-01", "from: 2013-01-01T00:00:00", "reference.from: 2013-01-01T00:00:00 needs a zone"),
        ("from: 2013-01-01", "from: 2014-01-01", "is not before to"),
        (", to: 2013-04-01", "", "reference: from is given without to; write both"),
        (", to: 2013-04-01", ", to: 2013-04-01, file: x", "reference: from, to, file is given; write exactly one of"),
        ("tolerance: 0.02", "tolerance: 0", "performance.tolerance: 0 is not above 0"),
        ("tolerance: 0.02", "tolerance: .nan", "performance.tolerance: nan is not a finite number"),
        ("tolerance: 0.02", "tolerance: '0.02'", "performance.tolerance: '0.02' is not a number"),
        ("on: [performance]", "on: [drift]", "retrain.on.0: 'drift' is not known"),
        ("model: flight-delay", "model: flight/delay", "model: "),
        ("monitor: flight-delay", f"monitor: {'x' * 129}", "monitor: "),
        ("pane: 1h", "pane: 1h\npane: 2h", "pane is written twice"),
        ("pane: 1h", "pane: [", "not YAML: line"),
    ],
)  # fmt: skip
def test_each_error_names_its_field_and_the_mend(old, new, said):
    with pytest.raises(SpecError) as caught:
        MonitorSpec.from_yaml(changed(old, new))
    assert said in str(caught.value)


def test_a_segment_that_is_no_feature_is_watched_as_a_category():
    spec = MonitorSpec.from_yaml(changed("segments: [origin]", "segments: [dest]"))
    assert spec.features["dest"].type == "category"
    assert MonitorSpec.from_json(spec.to_json()) == spec


def test_all_errors_are_listed_at_once():
    with pytest.raises(SpecError) as caught:
        MonitorSpec.from_yaml("monitor: m\ntask: tertiary\n")
    assert [problem.field for problem in caught.value.problems] == ["model", "task", "features"]


def test_a_text_that_is_no_mapping_is_said():
    with pytest.raises(SpecError):
        MonitorSpec.from_yaml("just words")


def test_retraining_on_performance_needs_a_metric():
    with pytest.raises(SpecError, match="add performance"):
        MonitorSpec.from_yaml(changed("performance: {metric: log_loss, tolerance: 0.02, segments: true}\n", ""))


def test_every_field_is_described():
    schema = MonitorSpec.model_json_schema(by_alias=True)
    for part in [schema, *schema["$defs"].values()]:
        for name, field in part["properties"].items():
            assert field.get("description"), name


def test_limits_have_defaults_that_the_ledger_is_told():
    spec = MonitorSpec.from_yaml(WHOLE)

    assert spec.to_values()["limits"] == {"versions": 64, "open_panes": 100_000, "pending": 50_000_000}
    assert MonitorSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("limits", ["{versions: 0}", "{pending: 10}", "{open_panes: 1.5}", "{rows: 5}"])
def test_a_limit_that_cannot_be_is_refused_with_its_name(limits):
    with pytest.raises(SpecError, match="limits"):
        MonitorSpec.from_yaml(WHOLE + f"limits: {limits}\n")
