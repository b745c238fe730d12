"""Schedules, quantiles and the watch of recovery."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from benchmarks.chaos import course, recovery
from benchmarks.chaos.faults import FAULTS, Struck
from benchmarks.chaos.recovery import Watch
from benchmarks.chaos.report import quantiles
from benchmarks.chaos.schedule import MAIN, schedule
from benchmarks.chaos.system import FOLDS, Standing, StuckError
from benchmarks.chaos.watched import Sizes


class Folds:
    """Folds that stand where a test says, one look after the other; the last one for ever."""

    def __init__(self, *looks):
        self.looks = list(looks)

    def now(self):
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


def standing(done, left, **others):
    return {fold: Standing(done, left) for fold in FOLDS} | others


def test_every_kind_comes_and_the_number_is_as_asked():
    drawn = schedule(3, 100)
    assert len(drawn) == 100
    assert set(drawn) == set(FAULTS)
    assert sorted(schedule(3, len(MAIN), MAIN)) == sorted(MAIN)
    assert len(schedule(3, 3)) == 3


def test_faults_end_when_asked_and_those_that_came_are_told(monkeypatch):
    monkeypatch.setattr(course, "Lags", lambda _settings: nullcontext())
    monkeypatch.setattr(course, "Watch", lambda _lags: SimpleNamespace(calm=lambda _seconds: None))
    monkeypatch.setattr(course, "strike", lambda _on, kinds: [Struck("struck", 1.0) for _ in kinds])
    told, over = [], iter([False, True])
    plan = course.Plan(1, 0, Sizes(), 1.0, {}, 0.1)
    kinds = ["zombie", "rebalance"]
    hits = course._strike(SimpleNamespace(settings=None), plan, kinds, told.append, lambda: next(over))

    assert [hit.kind for hit in hits] == ["zombie"]
    assert told == ["1/2 zombie: struck: 1.0 s"]


def test_quantiles_of_nothing_are_none():
    assert quantiles([]) == {}
    assert quantiles([2.0] * 99 + [30.0]) == {"p50": 2.0, "p99": 2.0, "max": 30.0}


def test_recovery_waits_for_what_lay_there_and_for_the_usual_lag(monkeypatch):
    monkeypatch.setattr(recovery, "POLL_S", 0.0)
    done = {"measure": Standing(900, 150)}
    folds = Folds(
        standing(1_000, 10),
        None,  # no broker
        standing(1_005, 400),  # what lay there is not done
        standing(1_200, 500),  # it is done, but more has come meanwhile
        standing(1_200, 100, **done),  # one fold is not there yet
        standing(1_500, 100),
    )
    watch = Watch(folds)
    blow = watch.brace()
    assert watch.recovered(blow) >= 0
    assert folds.looks == [standing(1_500, 100)]


def test_what_never_recovers_is_told_with_the_fold_that_does_not(monkeypatch):
    monkeypatch.setattr(recovery, "POLL_S", 0.0)
    watch = Watch(Folds(standing(10, 5), standing(20, 5, decide=Standing(10, 15))))
    blow = watch.brace()
    with pytest.raises(StuckError, match=r"decide has done 10 of 15 and has 15 left"):
        watch.recovered(blow, patience_s=0.01)
