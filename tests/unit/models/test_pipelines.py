from __future__ import annotations

import pickle

import numpy as np
import pytest
from river import base
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from models.encoder import Encoder
from models.metrics import auc, losses
from models.pipelines import Row, river_default, scorer

FEATURES = {"distance": "number", "hour": "number", "carrier": "category"}


def flights(n: int, seed: int = 1) -> tuple[list[Row], np.ndarray]:
    rng = np.random.default_rng(seed)
    distance, hour, carrier = rng.gamma(2, 500, n), rng.integers(5, 23, n), rng.integers(0, 6, n)
    logit = 0.25 * (hour - 14) + np.array([-1, 0.5, 0, 1.5, -0.5, 0])[carrier] - 0.5
    labels = rng.random(n) < 1 / (1 + np.exp(-logit))
    rows = [
        {"distance": float(d), "hour": int(h), "carrier": f"C{c}"}
        for d, h, c in zip(distance, hour, carrier, strict=True)
    ]
    return rows, labels


def test_logistic_regression_comes_near_sklearn_in_one_pass():
    rows, labels = flights(20_000)
    train, test = rows[:16_000], rows[16_000:]
    pipeline = river_default("binary", FEATURES)
    for row, label in zip(train, labels, strict=False):
        pipeline.learn_one(row, bool(label))
    score = scorer("binary", pipeline)
    ours = np.array([score(row) for row in test])

    encoder = Encoder(FEATURES)
    for row in train:
        encoder.learn_one(row)
    vectors = DictVectorizer()
    x = vectors.fit_transform([encoder.transform_one(row) for row in train])
    oracle = LogisticRegression(max_iter=200).fit(x, labels[:16_000])
    theirs = oracle.predict_proba(vectors.transform([encoder.transform_one(row) for row in test]))[:, 1]

    truth = labels[16_000:].astype(float)
    assert losses("binary", truth, ours).mean() < losses("binary", truth, theirs).mean() + 0.01
    assert auc(truth, ours) > auc(truth, theirs) - 0.01
    assert np.corrcoef(ours, theirs)[0, 1] > 0.98


def test_linear_regression_finds_the_line_of_a_target_far_from_zero():
    rng = np.random.default_rng(2)
    rows = [{"a": float(a), "b": float(b)} for a, b in rng.normal([5, 50], [1, 100], (8_000, 2))]
    target = [1_000 + 30 * row["a"] - 2 * row["b"] for row in rows]
    pipeline = river_default("regression", {"a": "number", "b": "number"})
    for row, value in zip(rows[:7_000], target, strict=False):
        pipeline.learn_one(row, value)
    score = scorer("regression", pipeline)
    errors = [abs(score(row) - value) for row, value in zip(rows[7_000:], target[7_000:], strict=True)]
    assert np.mean(errors) < 0.02 * np.std(target)


def test_a_pipeline_is_a_river_pipeline_and_a_transformer():
    pipeline = river_default("binary", FEATURES)
    assert isinstance(pipeline, base.Estimator)
    assert isinstance(pipeline["Encoder"], base.Transformer)
    assert pipeline.clone().predict_proba_one({}) == pipeline.predict_proba_one({})


def test_serving_learns_nothing():
    rows, labels = flights(500)
    pipeline = river_default("binary", FEATURES)
    for row, label in zip(rows, labels, strict=True):
        pipeline.learn_one(row, bool(label))
    before = pickle.dumps(pipeline)
    score = scorer("binary", pipeline)
    for row in [*rows, {"carrier": "never seen"}, {"distance": float("nan")}, {}]:
        score(row)
    assert pickle.dumps(pipeline) == before


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "a text", "12"])
def test_what_is_no_finite_number_is_missing(value):
    encoder = Encoder({"distance": "number"})
    for distance in (1.0, 2.0, value, 3.0):
        encoder.learn_one({"distance": distance})
    assert encoder.transform_one({"distance": value}) == {"distance?": 1.0}
    assert encoder.transform_one({"distance": 2.0}) == {"distance": 0.0}


def test_a_category_is_the_same_as_number_text_and_boolean_of_the_store():
    encoder = Encoder({"weekday": "category"})
    encoder.learn_one({"weekday": 3.0})
    assert encoder.transform_one({"weekday": 3}) == encoder.transform_one({"weekday": 3.0}) == {"weekday=3": 1.0}
    assert encoder.transform_one({"weekday": True}) == {"weekday=__other__": 1.0}


def test_a_constant_and_a_huge_number_stay_finite():
    encoder = Encoder({"a": "number", "b": "number"})
    for b in (0.0, 1.0, 1e308):
        encoder.learn_one({"a": 5.0, "b": b})
    entries = encoder.transform_one({"a": 5.0, "b": -1e308})
    assert all(np.isfinite(value) and abs(value) <= 8 for value in entries.values())


def test_levels_are_bounded():
    encoder = Encoder({"id": "category"}, max_levels=2)
    for level in "abc":
        encoder.learn_one({"id": level})
    assert encoder.transform_one({"id": "c"}) == {"id=__other__": 1.0}


@pytest.mark.parametrize(
    ("task", "features", "sentence"),
    [
        ("multiclass", FEATURES, "got task 'multiclass'"),
        ("binary", {}, "at least one feature"),
        ("binary", {"a": "text"}, "'a' must be a number or a category, got 'text'"),
    ],
)
def test_a_wrong_pipeline_is_refused_with_what_was_received(task, features, sentence):
    with pytest.raises(ValueError, match=sentence):
        river_default(task, features)
