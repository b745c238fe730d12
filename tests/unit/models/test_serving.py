from __future__ import annotations

import itertools

import pytest

from models.artifact import Artifact, Head
from models.serving import UNSERVED, Serving


class Says:
    def __init__(self, score: float | Exception) -> None:
        self.score = score

    def predict_proba_one(self, x):
        if isinstance(self.score, Exception):
            raise self.score
        return {True: self.score, False: 1 - self.score}


def artifact(score: float | Exception) -> Artifact:
    head = Head(model="m", retrain="r", trainer="t", task="binary", features={})
    return Artifact(head, Says(score))


def serving(**scores: float | Exception) -> Serving:
    told = Serving()
    for version, score in scores.items():
        told.load(version, artifact(score))
    return told


def clock():
    return itertools.count(0, 0.002).__next__


def test_a_row_gets_the_champions_score_the_shadows_and_the_latency():
    models = serving(v1=0.25, v2=0.5)
    models.assign("m", "v1", ("v2",))
    scored = models.score("m", {}, clock())
    assert (scored.version, scored.score, scored.shadow, scored.latency_ms) == ("v1", 0.25, {"v2": 0.5}, 2.0)


def test_a_model_that_nobody_serves_has_no_score():
    assert Serving().score("m", {}, clock()) == UNSERVED
    models = serving(v1=0.25)
    models.assign("m", "")
    assert models.score("m", {}, clock()) == UNSERVED


@pytest.mark.parametrize("broken", [KeyError("a"), ZeroDivisionError(), float("nan")])
def test_a_champion_that_fails_on_a_row_is_left_out_and_counted(broken):
    models = serving(v1=broken, v2=0.5)
    models.assign("m", "v1", ("v2",))
    scored = models.score("m", {}, clock())
    assert (scored.version, scored.score, scored.latency_ms, scored.shadow) == ("", None, None, {"v2": 0.5})
    reason = type(broken).__name__ if isinstance(broken, Exception) else "ValueError"
    assert dict(models.failures) == {("m", "v1", reason): 1}


def test_a_shadow_that_fails_does_not_touch_the_champion():
    models = serving(v1=0.25, v2=RuntimeError("broken"))
    models.assign("m", "v1", ("v2",))
    scored = models.score("m", {}, clock())
    assert (scored.version, scored.score, scored.shadow) == ("v1", 0.25, {})
    assert models.failures.total() == 1


def test_versions_that_are_not_loaded_are_refused_and_the_former_ones_serve_on():
    models = serving(v1=0.25)
    models.assign("m", "v1")
    with pytest.raises(ValueError, match=r"\['v2'\] of 'm' are not loaded"):
        models.assign("m", "v2")
    assert models.champion("m") == "v1"
    assert models.score("m", {}, clock()).version == "v1"


def test_what_no_longer_serves_is_let_go():
    models = serving(v1=0.25, v2=0.5)
    models.assign("m", "v1", ("v2",))
    models.assign("m", "v2")
    assert not models.is_loaded("m", "v1")
