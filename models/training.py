"""Training: rows in time order to a pipeline that was validated on rows that it had not seen.

The oldest part is learnt, the newest part is predicted by the model as it then stands, as it would be in
serving; the champion predicts the same rows. Then the newest part is learnt too. So each row is passed
over once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.metrics import JUDGED, Floats, Metrics, losses, metrics
from models.pipelines import TRAINERS, FeatureType, Pipeline, Row, Task, scorer
from models.registry import ChampionMetrics, Losses, Validation

Progress = Callable[[int, int], None]


class UnusableError(ValueError):
    """A training set or a request from which no model can be made, with the reason."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to train, and what is good enough.

    Attributes
    ----------
    trainer
        A name in `models.pipelines.TRAINERS`.
    metric
        Which metric the validation promises, one of `models.metrics.JUDGED`; empty for the task's first.
    tolerance
        How much worse than the champion a new version may be and still pass: mean log loss, or for a
        regression a share of the champion's mean squared error. 0 or more.
    min_rows
        Labelled rows below which nothing is trained.
    validation_share
        Newest share of the rows that validates, above 0 and below 1.
    progress_rows
        Rows between two calls of the progress callback.
    """

    task: Task
    features: dict[str, FeatureType]
    trainer: str = "river-default"
    metric: str = ""
    seed: int = 0
    tolerance: float = 0.02
    min_rows: int = 500
    validation_share: float = 0.2
    progress_rows: int = 5_000

    def __post_init__(self) -> None:
        if not 0 < self.validation_share < 1:
            raise ValueError(f"validation_share must be between 0 and 1, got {self.validation_share}")
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance must be 0 or more, got {self.tolerance}")


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Labelled rows in time order: `rows` and arrays of length ``n``; labels are 0 and 1 in a binary task."""

    rows: Sequence[Row]
    labels: Floats
    event_ms: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.rows) == len(self.labels) == len(self.event_ms):
            lengths = len(self.rows), len(self.labels), len(self.event_ms)
            raise ValueError(f"rows, labels and times must have one length, got {lengths}")


@dataclass(frozen=True, slots=True)
class Champion:
    """The serving version, frozen, and the newest event time that it has learnt."""

    version: str
    pipeline: Pipeline
    trained_to_ms: int


@dataclass(frozen=True, slots=True)
class Trained:
    """A pipeline fit on all rows, how it did before it knew the newest, and whether that is good enough."""

    pipeline: Pipeline
    validation: Validation
    passed: bool
    why: str


def train(
    job: Job, data: TrainingSet, champion: Champion | None, progress: Progress = lambda _done, _of: None
) -> Trained:
    """Train, validate and judge; the same arguments give the same result.

    Parameters
    ----------
    champion
        What serves now; its metrics are those of validation rows that are newer than its training, unless
        there are fewer than 100 of them: then of all validation rows, and the reason says so.
    progress
        Called with the rows that are done and their total.

    Raises
    ------
    UnusableError
        Fewer than `min_rows` rows, one class only, a trainer that does not exist or does not do this task, a
        metric that is not judged in it, or scores that are not finite.
    """
    _check(job, data)
    n = len(data.rows)
    cut = n - max(1, round(n * job.validation_share))
    pipeline = _untrained(job)
    step = _Steps(n, job.progress_rows, progress)
    _learn(job.task, pipeline, data, range(cut), step)
    truth = data.labels[cut:]
    score = _scores(job.task, pipeline, data.rows[cut:])
    rival, remark = _rival_or_remark(job, data, cut, champion)
    passed, why = _judge(job, data.labels[:cut], truth, score, rival)
    _learn(job.task, pipeline, data, range(cut, n), step)
    return Trained(pipeline, _validation(job, truth, score, rival), passed, why + remark)


def _check(job: Job, data: TrainingSet) -> None:
    if job.trainer not in TRAINERS:
        raise UnusableError(f"there is no trainer {job.trainer!r}; there are: {', '.join(sorted(TRAINERS))}")
    if job.metric and job.metric not in JUDGED[job.task]:
        judged = ", ".join(JUDGED[job.task])
        raise UnusableError(f"no version can promise {job.metric!r} in a {job.task} task; judged are: {judged}")
    if len(data.rows) < job.min_rows:
        raise UnusableError(f"{len(data.rows)} labelled rows are fewer than {job.min_rows}")
    if not np.isfinite(data.labels).all():
        raise UnusableError(f"{int((~np.isfinite(data.labels)).sum())} labels are not finite numbers")
    cut = len(data.rows) - max(1, round(len(data.rows) * job.validation_share))
    if job.task == "binary" and len(np.unique(data.labels[:cut] > 0)) < 2:
        raise UnusableError(f"all {cut} rows to learn from have the same label")


def _untrained(job: Job) -> Pipeline:
    try:
        return TRAINERS[job.trainer](job.task, job.features, job.seed)
    except ValueError as error:
        raise UnusableError(str(error)) from error


class _Steps:
    """Counts rows and reports every so many, and the last."""

    def __init__(self, total: int, every: int, report: Progress) -> None:
        self.total, self.every, self.report, self.done = total, every, report, 0

    def __call__(self) -> None:
        self.done += 1
        if self.done % self.every == 0 or self.done == self.total:
            self.report(self.done, self.total)


def _learn(task: Task, pipeline: Pipeline, data: TrainingSet, rows: range, step: _Steps) -> None:
    labels: list[float] = (data.labels > 0).tolist() if task == "binary" else data.labels.tolist()
    learn = pipeline.learn_one
    for row in rows:
        learn(data.rows[row], labels[row])
        step()


def _scores(task: Task, pipeline: Pipeline, rows: Sequence[Row]) -> Floats:
    score = scorer(task, pipeline)
    try:
        return np.array([score(row) for row in rows], np.float64)
    except (ValueError, OverflowError) as error:
        raise UnusableError(f"the model gives no finite score: {error}") from error


@dataclass(frozen=True, slots=True)
class _Rival:
    """The champion on validation rows: which of them it is measured on, and how it scores them."""

    version: str
    measured: NDArray[np.bool_]
    truth: Floats
    score: Floats
    remark: str

    def metrics(self, task: Task) -> Metrics:
        return metrics(task, self.truth, self.score)


def _rival_or_remark(job: Job, data: TrainingSet, cut: int, champion: Champion | None) -> tuple[_Rival | None, str]:
    if champion is None:
        return None, ""
    try:
        return _rival(job, data, cut, champion), ""
    except UnusableError as error:
        return None, f"; champion {champion.version} could not be compared: {error}"


def _rival(job: Job, data: TrainingSet, cut: int, champion: Champion) -> _Rival:
    measured = data.event_ms[cut:] > champion.trained_to_ms
    remark = f"on {int(measured.sum())} rows that neither had learnt"
    if measured.sum() < 100:
        measured = np.ones(len(measured), np.bool_)
        remark = f"on {len(measured)} rows, some of which the champion had learnt"
    rows = [data.rows[cut + row] for row in np.flatnonzero(measured).tolist()]
    score = _scores(job.task, champion.pipeline, rows)
    return _Rival(champion.version, measured, data.labels[cut:][measured], score, remark)


def _judge(job: Job, learnt: Floats, truth: Floats, score: Floats, rival: _Rival | None) -> tuple[bool, str]:
    name = "log loss" if job.task == "binary" else "squared error"
    loss = losses(job.task, truth, score)
    gain = losses(job.task, truth, np.full(len(truth), learnt.mean())) - loss
    base, mean = float(gain.mean() + loss.mean()), float(loss.mean())
    than = f"{base:.4g}, that of always the same answer"
    # Two standard errors: a model of noise gets below by chance half of the time.
    error = 2 * float(gain.std()) / np.sqrt(len(gain))
    if rival is None:
        passed = bool(gain.mean() > error)
        return passed, f"{name} {mean:.4g} is {'' if passed else 'not clearly '}below {than}"
    # A challenger was asked for since the data changed, and what it is validated on is newer than what it learnt; it
    # need only not be worse. Whether it is better is proven in shadow, on rows that nobody has learnt.
    if gain.mean() < -error:
        return False, f"{name} {mean:.4g} is clearly above {than}"
    ours = float(loss[rival.measured].mean())
    theirs = float(losses(job.task, rival.truth, rival.score).mean())
    allowed = theirs + job.tolerance if job.task == "binary" else theirs * (1 + job.tolerance)
    compared = f"{name} {ours:.4g} against {theirs:.4g} of champion {rival.version} {rival.remark}"
    passed = ours <= allowed
    return passed, compared if passed else f"{compared}: more than {allowed:.4g} is not tolerated"


def _validation(job: Job, truth: Floats, score: Floats, rival: _Rival | None) -> Validation:
    metric = job.metric or JUDGED[job.task][0]
    loss = losses(job.task, truth, score, metric)
    sd = float(loss.std(ddof=1)) if len(loss) > 1 else 0.0
    return Validation(
        rows=len(truth),
        metrics=metrics(job.task, truth, score),
        losses=Losses(len(loss), float(loss.mean()), sd),
        metric=metric,
        champion=None if rival is None else ChampionMetrics(rival.version, rival.metrics(job.task)),
    )
