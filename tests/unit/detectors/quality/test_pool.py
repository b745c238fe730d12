"""Panes that prove nothing alone are judged together."""

import numpy as np
import pytest

from detectors.quality.check import check_pane
from detectors.quality.health import PaneHealth, ReferenceHealth
from detectors.quality.pool import pool_of, proven
from detectors.quality.profile import fit_quality

ALLOWED = 1e-4
NAMES = ("distance", "carrier")


def profile_of(missing, rows=100, phases=1):
    """A number and a category of which nothing else was ever wrong; `missing` of the number in each pane."""
    sizes, none = np.full(len(missing), rows), np.zeros((len(missing), 2), np.int64)
    health = ReferenceHealth(sizes, sizes * 0, none, none, none, none, none, none)
    counts = np.stack([np.asarray(missing), none[:, 0]], 1)
    return fit_quality(health._replace(missing=counts), np.array([True, False]), NAMES, phases)


def pane(rows=100, **counts):
    fields = {name: np.array([counts.get(name, 0), 0]) for name in PaneHealth._fields[2:7]}
    return PaneHealth(rows, 0, *fields.values(), np.array([False, False]))


def together(panes, phases=1):
    first, *others = (pool_of(one, i % phases, phases) for i, one in enumerate(panes))
    for other in others:
        first = first.and_(other)
    return first


@pytest.mark.parametrize("kind", ["missing", "invalid", "below", "above"])
def test_what_no_pane_proves_all_of_them_do(kind):
    profile, panes = profile_of(np.zeros(200)), [pane(**{kind: i % 2}) for i in range(16)]

    assert not any(check_pane(profile, each, ALLOWED) for each in panes)
    assert proven(profile, together(panes), ALLOWED) == {"distance"}


@pytest.mark.parametrize(("count", "is_proven"), [(2, False), (3, True)])
def test_half_of_the_floor_is_enough(count, is_proven):
    profile = profile_of(np.zeros(200), rows=1_000)

    assert bool(proven(profile, together([pane(1_000, missing=count)] * 16), ALLOWED)) == is_proven


def test_what_the_reference_had_as_often_is_not_proven():
    g = np.random.default_rng(1)
    profile = profile_of(g.binomial(100, 0.05, 200))
    pools = [together([pane(missing=count) for count in g.binomial(100, 0.05, 16)]) for _ in range(200)]

    assert not any(proven(profile, pool, ALLOWED) for pool in pools)


def test_what_panes_of_a_cycle_let_expect_is_that_of_their_phases():
    g, phases = np.random.default_rng(2), 4
    usual = np.tile([0.0, 0.0, 0.3, 0.3], 50)
    profile = profile_of(g.binomial(100, usual), phases=phases)
    panes = [pane(missing=count) for count in g.binomial(100, usual[:16])]

    assert proven(profile, together(panes, phases), ALLOWED) == set()
    assert proven(profile, pool_of(panes[2], 0, phases), ALLOWED) == {"distance"}
    risen = [pane(missing=count) for count in g.binomial(100, usual[:16] + 0.1)]
    assert proven(profile, together(risen, phases), ALLOWED) == {"distance"}


def test_few_panes_of_a_reference_prove_nothing():
    assert proven(profile_of(np.zeros(59)), together([pane(missing=50)] * 16), ALLOWED) == set()
