from __future__ import annotations

import hashlib
import pickle

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from detectors.performance import task_sums
from models.metrics import JUDGED, auc, losses, metrics
from models.pipelines import scorer
from models.training import Champion, Job, TrainingSet, UnusableError, train

FEATURES = {"x": "number", "c": "category"}
JOB = Job("binary", FEATURES, progress_rows=500)


def data(n: int = 2_000, seed: int = 3, weight: float = 2.0) -> TrainingSet:
    rng = np.random.default_rng(seed)
    x, c = rng.normal(size=n), rng.integers(0, 3, n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-weight * x - c + 1))).astype(float)
    rows = [{"x": float(a), "c": str(b)} for a, b in zip(x, c, strict=True)]
    return TrainingSet(rows, labels, np.arange(n, dtype=np.int64) * 1_000)


def test_training_is_deterministic():
    first, second = (train(JOB, data(), None) for _ in range(2))
    hashes = {hashlib.sha256(pickle.dumps(t.pipeline)).digest() for t in (first, second)}
    assert len(hashes) == 1
    assert first.validation == second.validation


def test_the_newest_fifth_validates_and_is_learnt_only_then():
    trained = train(JOB, data(), None)
    assert trained.validation.rows == 400
    truth = data().labels[1_600:]
    before = train(Job("binary", FEATURES, validation_share=0.001), data_until(1_600), None)
    score = np.array([before.pipeline.predict_proba_one(row)[True] for row in data().rows[1_600:]])
    assert trained.validation.metrics["log_loss"] == pytest.approx(log_loss(truth, score))
    assert trained.validation.metrics["auc"] == pytest.approx(roc_auc_score(truth, score))
    assert trained.validation.losses.mean == trained.validation.metrics["log_loss"]


def data_until(n: int) -> TrainingSet:
    whole = data()
    return TrainingSet(whole.rows[:n], whole.labels[:n], whole.event_ms[:n])


def test_a_model_that_knows_something_passes_with_a_reason():
    trained = train(JOB, data(), None)
    assert trained.passed
    assert "is below" in trained.why


def test_a_model_that_knows_nothing_fails_with_a_reason():
    noise = data()
    rng = np.random.default_rng(1)
    shuffled = TrainingSet(noise.rows, rng.permutation(noise.labels), noise.event_ms)
    trained = train(JOB, shuffled, None)
    assert not trained.passed
    assert "always the same answer" in trained.why


def test_the_champion_is_measured_on_rows_that_it_had_not_learnt():
    champion = train(JOB, data(), None).pipeline
    newer = data().event_ms[1_800]
    trained = train(JOB, data(), Champion("7", champion, int(newer) - 1))
    assert "on 200 rows that neither had learnt" in trained.why
    assert trained.validation.champion.version == "7"


def test_with_too_few_new_rows_the_comparison_says_so():
    champion = train(JOB, data(), None).pipeline
    trained = train(JOB, data(), Champion("7", champion, 10**12))
    assert "some of which the champion had learnt" in trained.why


def test_a_version_that_is_worse_than_the_champion_fails():
    champion = train(JOB, data(40_000), None).pipeline
    blinder = Job("binary", {"c": "category"}, tolerance=0.02)
    trained = train(blinder, data(10_000), Champion("7", champion, -1))
    assert not trained.passed
    assert "of champion 7 on 2000 rows that neither had learnt: more than" in trained.why


def test_a_champion_that_cannot_score_is_not_compared_with():
    class Broken:
        def predict_proba_one(self, x):
            return {True: float("nan")}

    trained = train(JOB, data(), Champion("7", Broken(), -1))
    assert trained.passed
    assert trained.validation.champion is None
    assert "champion 7 could not be compared" in trained.why


def test_progress_is_told_and_ends_at_the_end():
    told: list[tuple[int, int]] = []
    train(JOB, data(), None, lambda done, total: told.append((done, total)))
    assert told == [(500, 2_000), (1_000, 2_000), (1_500, 2_000), (2_000, 2_000)]


def test_too_few_rows_one_class_and_an_unknown_trainer_are_unusable():
    with pytest.raises(UnusableError, match="499 labelled rows are fewer than 500"):
        train(JOB, data(499), None)
    one = data()
    with pytest.raises(UnusableError, match="same label"):
        train(JOB, TrainingSet(one.rows, np.zeros(2_000), one.event_ms), None)
    with pytest.raises(UnusableError, match="there is no trainer 'mine'; there are: river-default"):
        train(Job("binary", FEATURES, trainer="mine"), data(), None)
    with pytest.raises(UnusableError, match="2000 labels are not finite"):
        train(JOB, TrainingSet(one.rows, np.full(2_000, np.nan), one.event_ms), None)


def test_a_regression_is_judged_by_squared_error():
    base = data()
    target = np.array([3 * row["x"] + 100 for row in base.rows])
    trained = train(Job("regression", FEATURES), TrainingSet(base.rows, target, base.event_ms), None)
    assert trained.passed
    assert set(trained.validation.metrics) == {"mae", "rmse"}
    assert trained.validation.losses.mean == pytest.approx(trained.validation.metrics["rmse"] ** 2)


def regression_data() -> TrainingSet:
    base, noise = data(), np.random.default_rng(6).normal(size=2_000)
    target = np.array([3 * row["x"] + 100 for row in base.rows]) + noise
    return TrainingSet(base.rows, target, base.event_ms)


EACH_JUDGED = [(task, metric) for task in JUDGED for metric in task_sums(task).judged]


def judged_losses(task: str, metric: str, truth: np.ndarray, score: np.ndarray) -> tuple[float, float, float]:
    """Return number, mean and deviation of losses as served rows are judged."""
    sums = task_sums(task)
    ints, floats = sums.tables(1)
    sums.label(ints, floats, np.zeros(len(truth), np.int64), score, truth)
    return sums.losses(ints[0], floats[0], metric)


@pytest.mark.parametrize(("task", "metric"), EACH_JUDGED)
def test_what_the_validation_promises_is_what_served_rows_are_judged_by(task, metric):
    whole = data() if task == "binary" else regression_data()
    older = TrainingSet(whole.rows[:1_600], whole.labels[:1_600], whole.event_ms[:1_600])
    score_of = scorer(task, train(Job(task, FEATURES), older, None).pipeline)
    score = np.array([score_of(row) for row in whole.rows[1_600:]])

    validation = train(Job(task, FEATURES, metric=metric), whole, None).validation

    told = validation.losses
    assert validation.metric == metric
    assert (told.n, told.mean, told.sd) == pytest.approx(judged_losses(task, metric, whole.labels[1_600:], score))
    assert told.sd > 0


@pytest.mark.parametrize(("task", "metric"), EACH_JUDGED)
def test_losses_of_extreme_rows_are_those_that_served_rows_are_judged_by(task, metric):
    score = np.array([0.0, 1.0, 0.0, 1.0, 0.5, 0.5, 1e-9, 0.3])
    truth = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    if task == "regression":
        score = score * 1e308 - truth[::-1] * 1e308
    loss = losses(task, truth, score, metric)
    assert (8, loss.mean(), loss.std(ddof=1)) == pytest.approx(judged_losses(task, metric, truth, score))


@pytest.mark.parametrize("task", JUDGED)
def test_the_metrics_of_a_task_that_can_be_promised_are_those_that_are_judged(task):
    assert set(JUDGED[task]) == set(task_sums(task).judged)
    assert set(JUDGED[task]) <= set(metrics(task, np.ones(1), np.ones(1)))


@pytest.mark.parametrize(("task", "metric"), [("binary", "log_loss"), ("regression", "rmse")])
def test_without_a_metric_the_tasks_first_is_promised(task, metric):
    whole = data() if task == "binary" else regression_data()
    first = train(Job(task, FEATURES), whole, None).validation
    assert first.metric == metric
    assert first == train(Job(task, FEATURES, metric=metric), whole, None).validation


@pytest.mark.parametrize(("task", "metric"), [("binary", "auc"), ("binary", "rmse"), ("regression", "brier")])
def test_a_metric_that_is_not_judged_cannot_be_promised(task, metric):
    with pytest.raises(UnusableError, match=f"no version can promise '{metric}' in a {task} task; judged are: "):
        train(Job(task, FEATURES, metric=metric), data(), None)
    with pytest.raises(ValueError, match=f"metric must be one of .* got '{metric}'"):
        losses(task, np.ones(1), np.ones(1), metric)


def test_auc_is_sklearns_with_ties():
    rng = np.random.default_rng(4)
    truth, score = (rng.random(500) < 0.3).astype(float), rng.integers(0, 9, 500) / 9
    assert auc(truth, score) == pytest.approx(roc_auc_score(truth, score))
    assert auc(np.ones(3), np.ones(3)) is None


def test_metrics_without_rows_are_none():
    assert metrics("binary", np.array([]), np.array([])) == dict.fromkeys(("log_loss", "auc", "accuracy", "brier"))


def test_a_challenger_on_changed_data_need_only_not_be_worse():
    calm, wild = data(), data(seed=4, weight=1.0)
    noise = np.random.default_rng(5).permutation(wild.labels)
    labels = np.r_[calm.labels[:1_600], noise[1_600:1_800], wild.labels[1_800:]]
    changed = TrainingSet(calm.rows[:1_600] + wild.rows[1_600:], labels, calm.event_ms)
    champion = train(JOB, calm, None).pipeline

    assert not train(JOB, changed, None).passed
    assert "of champion 7" in train(JOB, changed, Champion("7", champion, -1)).why
