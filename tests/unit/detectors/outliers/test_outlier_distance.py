import numpy as np
from sklearn.covariance import EmpiricalCovariance

from detectors.outliers.distance import precision_of, squared_distances, strange_distances
from detectors.outliers.reference import Panes, fit_outliers


def factor(g, n, d, share=0.8):
    """Scores of features that share a part of their variance."""
    rows = np.sqrt(share) * g.standard_normal((n, 1)) + np.sqrt(1 - share) * g.standard_normal((n, d))
    return np.clip(np.rint(32 * rows), -128, 128).astype(np.int64)


def test_the_distance_is_that_of_mahalanobis_where_features_are_apart():
    scores = factor(np.random.default_rng(1), 50_000, 4, share=0.0)

    theirs = EmpiricalCovariance(assume_centered=True).fit(scores).mahalanobis(scores)
    ours = squared_distances(precision_of(scores), scores) / 1_024**2

    np.testing.assert_allclose(ours, theirs, rtol=0.01, atol=0.01)


def test_rows_against_the_grain_are_farther_than_rows_along_it():
    scores = factor(np.random.default_rng(1), 20_000, 3)
    along, against = np.array([[64, 64, 64]]), np.array([[64, -64, 64]])

    precision = precision_of(scores)

    assert squared_distances(precision, against)[0] > 5 * squared_distances(precision, along)[0]


def test_as_many_new_rows_are_outliers_as_were_asked_for_though_features_are_many_and_rows_few():
    g = np.random.default_rng(2)
    scores, new = factor(g, 6_000, 50), factor(g, 100_000, 50)
    panes = Panes(np.repeat(np.arange(60), 100), np.arange(60), np.full(60, 100))
    naive = np.quantile(squared_distances(precision_of(scores), scores), 0.999)

    found = fit_outliers(scores, panes, 5)

    distances = squared_distances(found.precision, new)
    assert 0.0005 < (distances > found.limit).mean() < 0.0015
    assert (distances > naive).mean() > (distances > found.limit).mean()


def test_each_fifth_of_the_panes_is_judged_by_the_others():
    scores = factor(np.random.default_rng(3), 500, 2)
    pane_of_row = np.repeat(np.arange(50), 10)

    distances = strange_distances(scores, pane_of_row, 50)

    others = precision_of(scores[100:])
    assert distances[:100].tolist() == squared_distances(others, scores[:100]).tolist()


def test_a_single_pane_is_judged_by_itself():
    scores = factor(np.random.default_rng(3), 500, 2)

    distances = strange_distances(scores, np.zeros(500, np.int64), 1)

    assert distances.tolist() == squared_distances(precision_of(scores), scores).tolist()
