"""What an explanation makes of verdicts that the fold wrote, and of verdicts that are not there."""

import json
import math

import msgspec
import numpy as np
import pytest
from streamgauge.spec import MonitorSpec

from stream.folds.decide.gauges import plan_of
from stream.folds.monitor import monitor_of
from stream.folds.rows import VerdictRow
from stream.ops import explain as explaining
from stream.ops.explain import Silence, UnknownError, target, verdict
from stream.ops.explain_keys import keys_of, warning_days
from stream.ops.explain_words import why
from tests.loop import DAY_MS, SPEC, day_of_events, reference_of, spec_record, watched

DAYS = 90


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(0)
    days = [day_of_events(rng, day, 500, version="1") for day in range(DAYS)]
    return reference_of([e for events, _ in days for e in events], labels=[x for _, some in days for x in some])


@pytest.fixture(scope="module")
def told(reference):
    """All verdicts of quiet days, then of days with a shift and with values that are missing."""
    loop, rng = watched(reference), np.random.default_rng(1)
    for day in range(DAYS, DAYS + 16):
        events, labels = day_of_events(rng, day, 500, version="1", shift=0.5 * (day > DAYS + 7))
        for event in events[: 80 * (day == DAYS + 3)]:
            event["features"].pop("x")
        loop.send("predictions", events)
        loop.send("labels", labels)
        loop.tick(2)
        loop.run()
    return loop.of(VerdictRow)


def row_of(found):
    """The row of view ``verdicts``."""
    row = {name: getattr(found, name) for name in VerdictRow.__struct_fields__} | {"window_s": found.pane_s}
    return {name: None if isinstance(x, float) and not math.isfinite(x) else x for name, x in row.items()}


class Stored:
    """What ClickHouse is said to hold."""

    def __init__(self, verdicts=(), lineages=None, finals=(0, 0)):
        lineage = {
            "lineage": "L",
            "monitor": "m",
            "model": "m",
            "reference": "",
            "start_ms": 0,
            "spec": json.dumps(SPEC),
        }
        self.rows, self.lineages, self.panes = [row_of(v) for v in verdicts], lineages or [lineage], finals

    def __call__(self, _client, sql, **given):
        if "FROM verdicts" in sql and "id" in given:
            return [row for row in self.rows if row["id"].startswith(given["id"])][:2]
        if "FROM verdicts" in sql:
            mine = [
                r for r in self.rows if given["target"] in (r["target"], r["kind"]) and r["pane_ms"] <= given["at_ms"]
            ]
            return sorted(mine, key=lambda row: -row["pane_ms"])[: given["most"]]
        if "FROM lineages" in sql:
            return [x for x in self.lineages if given["model"] in ("", x["model"])]
        if "FROM all_lineages" in sql:
            return [self.lineages[0]]
        if "FROM panes_rows" in sql:
            return [{"panes": self.panes[0], "rows": self.panes[1], "first_ms": 0, "last_ms": 0}]
        return []


@pytest.fixture
def stored(monkeypatch):
    def hold(*arguments, **named):
        monkeypatch.setattr(explaining.reads, "query", Stored(*arguments, **named))

    return hold


def test_what_the_budget_is_shared_over_follows_from_what_is_stored(told, reference):
    plan, spec = (
        plan_of(monitor_of(msgspec.json.encode(spec_record(reference=reference)))),
        MonitorSpec.model_validate(SPEC),
    )
    shares = dict(zip(plan.names, 1 / (plan.shares[:-1] * plan.budget_part), strict=True))
    of_features = [
        row for row in told if row.target in shares and row.kind == "drift" and not row.segment_key and row.n_eff > 400
    ]
    assert {row.status for row in of_features} >= {"stable", "drift"}
    for row in of_features:
        keys = keys_of(row_of(row), spec)
        assert keys.shared_over == pytest.approx(shares[row.target])
        # The mark of a warning is the same by evidence over time and by single windows: both keys are days.
        assert keys.is_sure == (keys.evidence_days >= warning_days(DAY_MS))
        if row.status == "stable":
            assert not (keys.log_evidence >= keys.log_threshold and keys.is_much) or keys.is_sure
        if row.status in ("warning", "drift"):
            assert keys.is_sure
            assert keys.is_much


def test_a_loss_shares_the_budget_with_the_segments_that_are_judged(told):
    spec = MonitorSpec.model_validate(SPEC)
    found = [keys_of(row_of(row), spec) for row in told if row.kind == "performance" and row.status == "stable"]
    assert found
    assert {round(keys.shared_over, 6) for keys in found} == {4}  # all rows, and three levels of the segment


def test_a_window_is_believed_alone_at_the_p_value_that_is_named(told):
    spec = MonitorSpec.model_validate(SPEC)
    for row in told:
        keys = keys_of(row_of(row), spec)
        if row.kind == "drift" and keys.p is not None and keys.p_needed is not None and row.status != "insufficient":
            assert keys.is_sure or keys.p > keys.p_needed


def test_a_fault_s_tests_are_told_and_its_p_value_is_small_enough(told):
    spec = MonitorSpec.model_validate(SPEC)
    faults = [keys_of(row_of(row), spec) for row in told if row.status == "fault"]
    assert faults
    assert all(
        keys.shared_over == pytest.approx(round(keys.shared_over)) and keys.p <= keys.p_needed for keys in faults
    )


def test_every_verdict_is_explained_with_both_keys(told, stored):
    stored(told)
    for row in told:
        found = verdict(None, row.id)
        assert found.reason == row.reason
        assert found.to_ms == row.pane_ms + DAY_MS
        assert found.to_ms - found.from_ms == row.pane_s * 1_000
        assert found.course[-1]["id"] == row.id
        assert all(sentence.endswith(".") for sentence in found.sentences)
        if row.status in ("stable", "warning", "drift", "fault"):
            assert [s.split(":")[0] for s in found.sentences[:2]] == ["Sure", "Much"]


def test_a_non_verdict_says_what_it_would_have_taken(told, stored):
    stored(told)
    found = target(None, "m", "x", (DAYS + 2) * DAY_MS)
    assert (found.status, found.kind) == ("stable", "drift")
    assert found.sentences[2].startswith("No alarm: ")
    assert found.sentences[3].startswith("It would have taken: log evidence ")
    assert "it is" in found.sentences[3]


def test_the_pane_that_is_asked_for_is_explained(told, stored):
    stored(told)
    found = target(None, "m", "x", (DAYS + 5) * DAY_MS)
    assert found.to_ms == (DAYS + 6) * DAY_MS
    assert target(None, "m", "x").status in ("warning", "drift", "stable")


@pytest.mark.parametrize(
    ("model", "name", "finals", "reference", "says"),
    [
        ("n", "x", (0, 0), "", "no monitor watches a model 'n'; did you mean"),
        ("m", "y", (0, 0), "", "'y' is nothing that is judged of m"),
        ("m", "x", (0, 0), "", "learning: no pane of monitor m is final yet"),
        ("m", "x", (7, 70), "", "7 final panes with 70 rows so far, 60 panes are needed to alarm, 200 wanted"),
        ("m", "x", (7, 70), "sha", "no window is full yet: 7 final panes with 70 rows"),
        ("m", "log_loss", (7, 70), "sha", "no pane is mature yet"),
        ("m", "volume", (7, 70), "sha", "hard checks speak only when they find something"),
        ("m", "attribution", (7, 70), "sha", "a version that was trained here"),
        ("m", "river:ADWIN", (7, 70), "sha", "it has heard no value yet: 7 final panes"),
        ("m", "river:DDM", (7, 70), "sha", "'river:DDM' is nothing that is judged of m"),
    ],
)
def test_without_a_verdict_the_reason_is_a_sentence(stored, model, name, finals, reference, says):
    spec = SPEC | {"detectors": [{"name": "ADWIN", "on": "missing", "feature": "x"}]}
    lineage = {"lineage": "L", "monitor": "m", "model": "m", "reference": reference, "spec": json.dumps(spec)}
    other = lineage | {"model": "nn"}
    stored(lineages=[lineage] if model == "m" else [other], finals=finals)
    found = target(None, model, name)
    assert isinstance(found, Silence)
    assert says in found.sentences[0]


def test_an_id_that_nothing_or_too_much_begins_with_is_refused(told, stored):
    stored(told)
    with pytest.raises(UnknownError, match="no verdict has an id that begins with 'vd-zz'"):
        verdict(None, "vd-zz")
    with pytest.raises(UnknownError, match="both begin with 'vd-'"):
        verdict(None, "vd-")


@pytest.mark.parametrize("status", ["learning", "insufficient", "no-labels"])
def test_what_was_not_judged_says_why(told, status):
    assert why("drift", status, keys_of(row_of(told[0]), MonitorSpec.model_validate(SPEC)))[0].startswith("Nothing was")
