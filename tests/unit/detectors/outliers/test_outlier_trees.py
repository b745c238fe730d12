import numpy as np
import pytest
from river.anomaly import HalfSpaceTrees

from detectors.outliers.reference import Panes, fit_outliers
from detectors.outliers.tree_kernels import FOREST_WORDS, HEIGHT, NODES, TREES, strangeness_of
from detectors.outliers.trees import fit_forest, strangeness


def scores_of(seed, n, d=3):
    return np.clip(np.rint(32 * np.random.default_rng(seed).standard_normal((n, d))), -128, 128).astype(np.int64)


def rivers(seed, scores):
    """River's trees, drawn alike, that learnt the rows one by one as one window."""
    ends = zip(scores.min(0).tolist(), scores.max(0).tolist(), strict=True)
    limits = {feature: (min(low, -1), max(high, 1)) for feature, (low, high) in enumerate(ends)}
    model = HalfSpaceTrees(n_trees=TREES, height=HEIGHT, window_size=len(scores), limits=limits, seed=seed)
    for row in scores.tolist():
        model.learn_one(dict(enumerate(row)))
    return model


@pytest.mark.parametrize("n", [30, 997])
def test_frozen_trees_score_as_rivers_do(n, monkeypatch):
    scores, new = scores_of(1, n), scores_of(2, 200) * 2
    monkeypatch.setattr("detectors.outliers.trees.zlib.crc32", lambda _rows: 7)

    found = strangeness(fit_forest(scores), new)

    model = rivers(7, scores)
    assert [1 + s / (TREES * n * NODES) for s in found.tolist()] == [model.score_one(dict(enumerate(x))) for x in new]


def test_compiled_code_says_what_columns_say_wherever_the_forest_lies():
    forest, rows = fit_forest(scores_of(1, 3_000)), scores_of(2, 500)
    table = np.concatenate([np.full(77, -5, np.int32), forest])

    assert [strangeness_of(table, 77, row) for row in rows] == strangeness(forest, rows).tolist()


def test_equal_references_have_equal_forests_and_others_have_others():
    first, again, other = fit_forest(scores_of(1, 500)), fit_forest(scores_of(1, 500)), fit_forest(scores_of(2, 500))

    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert (len(first), first.dtype) == (FOREST_WORDS, np.int32)


def test_as_many_new_rows_are_outliers_as_were_asked_for():
    scores, new = scores_of(1, 12_000, 8), scores_of(2, 50_000, 8)
    panes = Panes(np.repeat(np.arange(60), 200), np.arange(60), np.full(60, 200))

    found = fit_outliers(scores, panes, 2, "trees")

    assert 0.0004 < found.are(new).mean() < 0.0018


def test_trees_find_a_hole_that_a_distance_cannot():
    angle = np.random.default_rng(1).uniform(0, 2 * np.pi, 20_000)
    ring = np.rint(90 * np.stack([np.cos(angle), np.sin(angle)], 1)).astype(np.int64)
    panes = Panes(np.repeat(np.arange(100), 200), np.arange(100), np.full(100, 200))
    middle = np.array([[0, 0]])

    assert fit_outliers(ring, panes, 2, "trees", 0.01).are(middle)[0]
    assert not fit_outliers(ring, panes, 2, "distance", 0.01).are(middle)[0]


def test_a_feature_that_never_varies_grows_trees_too():
    forest = fit_forest(np.zeros((50, 2), np.int64))

    assert len(set(strangeness(forest, np.zeros((3, 2), np.int64)).tolist())) == 1
