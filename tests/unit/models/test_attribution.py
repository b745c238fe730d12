import math

import numpy as np
import pytest

from models.attribution import Curve, attribution, is_linear
from models.pipelines import river_default, scorer

FEATURES = {"x": "number", "y": "number", "c": "category"}


def rows_of(seed, n=800):
    rng = np.random.default_rng(seed)
    levels = [None, "a", "b", "c"]
    return [
        {"x": float(x), "y": float(y), "c": levels[k]}
        for x, y, k in zip(rng.uniform(-1, 1, n), rng.uniform(2, 4, n), rng.integers(0, 4, n), strict=True)
    ]


def trained(task):
    pipeline = river_default(task, FEATURES)
    rng = np.random.default_rng(5)
    for row in rows_of(1):
        drawn = 2 * row["x"] - row["y"] + (row["c"] == "a") + rng.normal()
        pipeline.learn_one(row, drawn > -3 if task == "binary" else drawn)
    return pipeline


class Foreign:
    """A model of somebody's own."""

    def __init__(self, answer):
        self.predict_one = answer


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_contributions_of_a_linear_model_add_up_to_its_answers(task):
    pipeline, rows = trained(task), rows_of(1)

    curves = attribution(task, pipeline, FEATURES, rows)

    score = scorer(task, pipeline)
    answers = np.array([math.log(p / (1 - p)) if task == "binary" else p for p in map(score, rows)])
    sums = np.array([sum(curves[name].at(row[name]) for name in FEATURES) for row in rows])
    np.testing.assert_allclose(sums - sums.mean(), answers - answers.mean(), atol=1e-9)
    np.testing.assert_allclose(sums.mean(), 0, atol=1e-9)


def test_a_contribution_is_the_weight_times_what_the_encoder_makes_of_the_value_less_its_mean():
    pipeline, rows = trained("binary"), rows_of(1)
    encoder, logistic = pipeline.steps.values()

    curve = attribution("binary", pipeline, FEATURES, rows)["x"]

    entries = [encoder.transform_one(row)["x"] for row in rows]
    exact = logistic.weights["x"] * (np.array(entries) - np.mean(entries))
    np.testing.assert_allclose([curve.at(row["x"]) for row in rows], exact, atol=1e-9)


def test_ablation_of_a_product_says_what_holds_in_the_mean_of_the_other_factor():
    product = Foreign(lambda row: (row["x"] or 0) * (row["y"] or 0))

    curves = attribution("regression", product, FEATURES, rows_of(2, 2_000))

    assert curves["x"].at(0.5) - curves["x"].at(-0.5) == pytest.approx(3.0, abs=0.4)
    assert set(curves["c"].levels.values()) == {0.0}


def test_ablation_of_an_additive_model_is_exact():
    def answer(row):
        return 3 * (row["x"] or 0.0) + (row["c"] == "a")

    curves = attribution("regression", Foreign(answer), FEATURES, rows_of(3))

    assert curves["x"].at(0.5) - curves["x"].at(-0.25) == pytest.approx(2.25)
    assert curves["c"].at("a") - curves["c"].at("b") == pytest.approx(1.0)
    assert curves["y"].at(2.5) == pytest.approx(0.0)


def test_the_order_of_rows_changes_nothing():
    pipeline, rows = Foreign(lambda row: (row["x"] or 0) * (row["y"] or 0)), rows_of(4)

    assert attribution("regression", pipeline, FEATURES, rows) == attribution(
        "regression", pipeline, FEATURES, rows[::-1]
    )


@pytest.mark.parametrize("answer", [lambda _: math.nan, lambda row: math.log(-1), lambda row: 10.0**400])
def test_a_model_that_does_not_answer_has_no_attribution(answer):
    assert attribution("regression", Foreign(answer), FEATURES, rows_of(5, 50)) == {}


def test_without_rows_there_is_none():
    assert attribution("binary", trained("binary"), FEATURES, []) == {}


def test_features_without_values_and_values_without_sense_are_missing():
    rows = [{"x": None, "y": math.inf, "c": None}, {"x": math.nan, "c": 5.0}]

    curves = attribution("binary", trained("binary"), FEATURES, rows)

    assert all(math.isfinite(curve.missing) for curve in curves.values())
    assert curves["c"].levels.keys() == {"5"}


def test_only_linear_models_of_own_entries_are_linear():
    assert is_linear(trained("binary"))
    assert is_linear(trained("regression"))
    assert not is_linear(Foreign(lambda _: 0.0))


def test_a_curve_stays_beyond_its_ends():
    curve = Curve((0.0, 1.0), (0.0, 4.0), missing=-1.0)

    assert [curve.at(value) for value in (-9.0, 9.0, None, math.nan, "no number")] == [0.0, 4.0, -1.0, -1.0, -1.0]
