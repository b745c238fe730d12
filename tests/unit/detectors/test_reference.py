import msgspec
import numpy as np
import pytest
from sklearn import metrics

from detectors import artifact
from detectors.reference import Answers, decode, encode, fit_reference, sha256

MINUTE_MS = 60_000


def panes_of(panes, rows):
    return np.repeat(1_357_000_000_000 // MINUTE_MS * MINUTE_MS + np.arange(panes) * MINUTE_MS, rows)


def fitted(panes=60, rows=100, **more):
    g = np.random.default_rng(1)
    columns = {
        "x": g.standard_normal(panes * rows),
        "carrier": g.choice(np.array(["UA", "AA", None], object), panes * rows),
    }
    kinds = {"carrier": "category", "x": "number"}
    return fit_reference(columns, kinds, panes_of(panes, rows), pane_ms=MINUTE_MS, **more)


def test_it_says_what_it_covers():
    reference = fitted(segments=["carrier"])

    assert reference.panel.names == ("carrier", "x")
    assert (reference.panes, reference.rows, reference.rows_per_pane) == (60, 6_000, 100.0)
    assert reference.to_ms - reference.from_ms == 60 * MINUTE_MS
    assert sorted(reference.segments["carrier"]) == ["AA", "UA"]


def test_shares_are_positive_and_sum_to_one():
    reference = fitted()
    for bins, shares, counts in zip(reference.bins, reference.panel.shares, reference.counts, strict=True):
        assert shares[: bins.width].min() > 0
        assert shares.sum() == pytest.approx(1)
        assert counts.sum() == reference.rows == 6_000


def test_the_artifact_is_the_same_bytes_for_the_same_rows():
    assert encode(fitted()) == encode(fitted())
    assert sha256(encode(fitted())) == sha256(encode(fitted()))
    assert len(sha256(b"")) == 64


def test_it_survives_its_artifact():
    reference = fitted(segments=["carrier"], label_ages_ms=np.arange(6_000))

    assert encode(decode(encode(reference))) == encode(reference)


def test_it_survives_its_artifact_where_missing_values_follow_the_cycle():
    hours, rows = np.arange(96) % 24, 100
    night = np.repeat(hours < 6, rows)
    g = np.random.default_rng(2)
    x = np.where(night & (g.random(len(night)) < 0.3), np.nan, g.standard_normal(len(night)))
    at = np.repeat(np.arange(96) * 3_600_000, rows)
    reference = fit_reference({"x": x}, {"x": "number"}, at, pane_ms=3_600_000, cycle_ms=86_400_000)
    kept = decode(encode(reference)).health.quality.shares

    assert kept.by_phase
    assert (kept.expected == reference.health.quality.shares.expected).all()


@pytest.mark.parametrize("data", [b"", b"no", msgspec.msgpack.encode({"schema": artifact.SCHEMA})])
def test_what_is_no_artifact_is_refused(data):
    with pytest.raises(ValueError, match="not a reference"):
        decode(data)


def test_another_schema_is_refused(monkeypatch):
    monkeypatch.setattr(artifact, "SCHEMA", 99)

    with pytest.raises(ValueError, match="has schema 99, this version reads 1: build it again"):
        decode_as_one(monkeypatch, encode(fitted()))


def decode_as_one(monkeypatch, data):
    monkeypatch.setattr(artifact, "SCHEMA", 1)
    return decode(data)


def test_few_panes_do_not_alarm_and_say_why():
    reference = fitted(panes=44)

    assert not reference.can_alarm
    assert reference.warnings[0] == "44 panes: too few to alarm, 60 needed, 200 wanted"


def test_enough_panes_alarm():
    assert fitted(panes=60).can_alarm
    assert fitted(panes=60).warnings == ("60 panes: enough to alarm, 200 wanted",)
    assert fitted(panes=200).warnings == ()


def test_label_ages():
    ages = np.where(np.arange(6_000) % 4 == 0, -1, np.arange(6_000))

    reference = fitted(label_ages_ms=ages)

    assert reference.label_share == 0.75
    assert reference.label_age_p95_ms == np.quantile(ages[ages >= 0], 0.95, method="inverted_cdf")
    assert (fitted().label_age_p95_ms, fitted().label_share) == (-1, 0.0)


def test_a_reference_that_drifts_says_so():
    g = np.random.default_rng(3)
    values = g.standard_normal(200 * 200) + np.repeat(np.linspace(0, 3, 200), 200)

    reference = fit_reference({"x": values}, {"x": "number"}, panes_of(200, 200), pane_ms=MINUTE_MS)

    assert reference.panel.effective_panes[0] < 12
    assert "itself drifts" in reference.warnings[0]


def test_a_feature_without_values_says_so():
    reference = fit_reference({}, {"x": "number", "c": "category"}, panes_of(60, 10), pane_ms=MINUTE_MS)

    assert reference.warnings[:2] == ("x: missing in every row", "c: missing in every row")


def test_dependence_costs_panes_and_rows():
    g = np.random.default_rng(4)
    noise = g.standard_normal(200 * 200)
    walk = np.repeat(np.convolve(g.standard_normal(209), np.ones(10), "valid") * 0.1, 200)

    reference = fit_reference(
        {"iid": noise, "slow": noise + walk},
        {"iid": "number", "slow": "number"},
        panes_of(200, 200),
        pane_ms=MINUTE_MS,
    )
    panel = reference.panel

    assert panel.design_effects[0] < 1.5
    assert panel.design_effects[1] > 5
    assert panel.effective_panes[1] < 60 < panel.effective_panes[0]


def test_levels_are_ordered_by_the_score_that_they_carry():
    g = np.random.default_rng(5)
    carriers = g.choice(np.array(["A", "B", "C"], object), 20_000, p=[0.5, 0.3, 0.2])
    carried = np.select([carriers == "A", carriers == "B"], [0.1, 0.9], 0.4) + 0.01 * g.random(20_000)

    panel = fit_reference(
        {"c": carriers},
        {"c": "category"},
        panes_of(100, 200),
        pane_ms=MINUTE_MS,
        answers=Answers("binary", carried),
    ).panel
    a, b, c = (panel.scores[0, int(panel.bins[0].level_codes([level])[0]), 0] for level in "ABC")

    assert a < c < b or b < c < a


@pytest.mark.parametrize(
    ("columns", "kinds", "says"),
    [
        ({"x": [1.0]}, {"x": "number"}, "x has 1 values for 2 rows"),
        ({"x": [1.0, 2.0]}, {"x": "date"}, "kind of x must be number or category"),
    ],
)
def test_what_does_not_fit_is_refused(columns, kinds, says):
    with pytest.raises(ValueError, match=says):
        fit_reference(columns, kinds, [0, 0], pane_ms=1)


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="needs rows"):
        fit_reference({"x": []}, {"x": "number"}, [], pane_ms=1)


def test_a_segment_that_is_a_number_is_refused():
    with pytest.raises(ValueError, match="segment x must be a category"):
        fitted(segments=["x"])


def test_pandas_missing_texts_are_missing():
    texts = np.array(["a", float("nan"), None, "b"], object)

    reference = fit_reference({"c": texts}, {"c": "category"}, [0, 0, 1, 1], pane_ms=1)

    assert reference.counts.tolist() == [[2, 0, 1, 1]]


def test_what_the_model_answers_is_a_feature_and_its_losses_are_promised():
    g = np.random.default_rng(6)
    score = g.random(6_000)
    truth = (g.random(6_000) < score).astype(float)
    reference = fitted(segments=["carrier"], answers=Answers("binary", score, truth))

    assert reference.panel.names[-reference.outputs :] == ("__score__",)
    promised = reference.promise.losses["log_loss"]
    assert promised.total[0] == pytest.approx(metrics.log_loss(truth, score) * 6_000)
    assert set(promised.n[1:]) == set(reference.counts[0, 2:4].tolist())
    assert reference.promise.groups[0] == ("", "")
    assert {value for name, value in reference.promise.groups if name} == {"AA", "UA"}


def test_answers_that_never_came_are_no_feature():
    reference = fitted(answers=Answers("regression", np.full(6_000, np.nan), np.zeros(6_000)))

    assert (reference.outputs, reference.promise) == (0, None)


def test_features_are_watched_in_pairs_up_to_fifty():
    g = np.random.default_rng(7)
    columns = {f"x{i}": g.standard_normal(600) for i in range(51)}
    panes = panes_of(60, 10)
    few, many = (
        fit_reference(dict(some), dict.fromkeys(dict(some), "number"), panes, pane_ms=MINUTE_MS)
        for some in (list(columns.items())[:50], columns.items())
    )

    assert len(few.panel.joint.features) == 50
    assert len(few.outliers.precision) == 50 * 51 // 2
    assert many.panel.joint is many.outliers is None
