import numpy as np
import pytest

from detectors.panel.effects import effects, mean_shift_interval, window_cases
from detectors.panel.floors import Floors, is_material
from detectors.panel.joint import joint_test, most_changed, with_joint
from detectors.panel.window_tests import window_tests
from detectors.panel.windows import windows_of
from tests.unit.detectors.panel.streams import pairs_of, panel_and_panes, with_pairs

ROWS, REFERENCE, LATER = 700, 80, 64


@pytest.fixture(scope="module")
def normal():
    g = np.random.default_rng(11)
    columns = [g.standard_normal((REFERENCE + LATER) * ROWS) for _ in range(12)]
    return columns, *panel_and_panes(columns, ROWS, REFERENCE)


def judged(panel, counts, scale):
    rows = counts.sum(2)[:, 0]
    return window_tests(panel, windows_of(panel, counts, rows, np.full(len(rows), scale)))


def changed(panel, change):
    """Return the tests of one window of all features at once, after a change of normal values."""
    g = np.random.default_rng(12)
    codes = [bins.number_codes(change(g.standard_normal(ROWS), g)) for bins in panel.bins]
    counts = np.stack([np.bincount(code, minlength=panel.shares.shape[1]) for code in codes])[None]
    return judged(panel, counts, 0), counts


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_p_values_are_small_no_more_often_than_they_say(normal, scale):
    _, panel, panes = normal
    m = panel.scales[scale]
    counts = panes.reshape(LATER // m, m, *panes.shape[1:]).sum(1)
    found = judged(panel, counts, scale)
    assert (found.p < 0.05).mean() <= 0.06
    for test in (found.hotelling, found.location):
        assert (test < 0.05).mean() == pytest.approx(0.05, abs=0.05)


@pytest.mark.parametrize(
    ("change", "test"),
    [
        (lambda x, g: x + 0.4, "location"),
        (lambda x, g: x * 1.3, "hotelling"),
        (lambda x, g: np.where(g.random(len(x)) < 0.08, 0.123, x), "bins"),
        (lambda x, g: np.where(g.random(len(x)) < 0.04, np.nan, x), "bins"),
        (lambda x, g: np.where(g.random(len(x)) < 0.04, 9.0, x), "bins"),
    ],
)
def test_each_test_sees_its_own_change_in_one_window(normal, change, test):
    found, _ = changed(normal[1], change)
    assert np.median(getattr(found, test)) < 1e-4
    assert np.median(found.p) < 1e-3


def test_z_of_location_and_spread_have_the_sign_of_the_change(normal):
    up, _ = changed(normal[1], lambda x, g: x + 0.4)
    down, _ = changed(normal[1], lambda x, g: x - 0.4)
    assert (up.z[0, :, 0] > 2).all()
    assert (down.z[0, :, 0] < -2).all()
    assert (np.abs(up.z) <= 4).all()


def test_windows_of_too_few_rows_are_not_judged(normal):
    panel = normal[1]
    counts = np.zeros((1, *panel.shares.shape), np.int64)
    counts[:, :, -1] = 40
    found = judged(panel, counts, 0)
    assert not found.judged.any()
    assert (found.p == 1).all()


def test_effects_are_near_zero_on_the_same_and_right_on_a_shift(normal):
    _, panel, panes = normal
    same = effects(panel, window_cases(panel, panes.sum(0), LATER * ROWS))
    assert (np.abs(same.mean_shift_sd) < 0.03).all()
    assert (same.js < 0.02).all()
    assert not is_material(same, Floors(), np.ones(12)).any()
    _, counts = changed(panel, lambda x, g: x + 0.4)
    cases = window_cases(panel, counts[0], ROWS)
    shifted = effects(panel, cases)
    assert np.median(shifted.mean_shift_sd) == pytest.approx(0.4, abs=0.05)
    assert np.median(shifted.w1) == pytest.approx(0.4, abs=0.05)
    assert np.median(shifted.ks) == pytest.approx(0.1585, abs=0.03)
    assert is_material(shifted, Floors(), np.ones(12)).all()
    low, high = mean_shift_interval(panel, cases, shifted)
    assert ((low < 0.4) & (high > 0.4)).mean() > 0.8


def test_missing_values_are_a_rare_effect(normal):
    panel = normal[1]
    _, counts = changed(panel, lambda x, g: np.where(np.arange(len(x)) < 50, np.nan, x))
    found = effects(panel, window_cases(panel, counts[0], ROWS))
    assert found.rare == pytest.approx(50 / ROWS, abs=0.01)
    assert (found.gained_bin == 0).all()


def test_a_season_is_expected():
    g = np.random.default_rng(13)
    panes = 12 * 24
    cycle = np.repeat(np.sin(2 * np.pi * np.arange(panes) / 24), 400)
    columns = [cycle + g.standard_normal(len(cycle)) for _ in range(8)]
    panel, later = panel_and_panes(columns, 400, 240, phases=24)
    by_phase = np.eye(24, dtype=np.int64)[np.arange(48) % 24] * 400
    scale = np.zeros(48, np.int64)
    found = window_tests(panel, windows_of(panel, later, np.full(48, 400), scale, by_phase))
    assert (found.hotelling < 0.05).mean() < 0.08
    wrong = window_tests(panel, windows_of(panel, later, np.full(48, 400), scale, np.roll(by_phase, 12, 1)))
    assert np.median(wrong.hotelling) < 1e-6


def test_features_that_move_together_are_found_and_named(normal):
    columns, plain, _ = normal
    sums = pairs_of(plain, columns, ROWS)
    panel = with_pairs(plain, sums, ROWS)
    rows, scale, phases = np.full(LATER, float(ROWS)), np.zeros(LATER, np.int64), np.ones((LATER, 1))
    quiet = joint_test(panel, panel.joint, sums[REFERENCE:], rows, scale, phases)
    assert (quiet.p < 0.05).mean() < 0.13
    twin = [*columns]
    twin[4] = 0.4 * columns[7] + np.sqrt(0.84) * columns[4]
    loud = joint_test(panel, panel.joint, pairs_of(plain, twin, ROWS)[REFERENCE:], rows, scale, phases)
    assert np.median(loud.p) < 1e-6
    assert set(most_changed(panel.joint, loud.t[0], np.ones(12))) == {4, 7}
    without = np.tile(np.arange(12) == 4, (LATER, 1))
    rest = joint_test(panel, panel.joint, pairs_of(plain, twin, ROWS)[REFERENCE:], rows, scale, phases, without)
    assert (rest.p < 0.05).mean() < 0.13


def test_a_joint_test_of_one_feature_is_none(normal):
    panel = normal[1]
    assert with_joint(panel, np.ones((80, 1), np.int64), np.ones(80), np.array([0])).joint is None
    with pytest.raises(ValueError, match="at most 200"):
        with_joint(panel, np.ones((80, 5), np.int64), np.ones(80), np.arange(2))


def test_an_absent_feature_is_missing_in_all_rows(normal):
    _, panel, panes = normal
    counts = panes[:1].copy()
    counts[0, 3] = 0
    whole = windows_of(panel, counts, np.array([ROWS]), np.array([0]))
    assert whole.counts[0, 3, 0] == ROWS
    assert window_tests(panel, whole).p[0, 3] < 1e-12
    with pytest.raises(ValueError, match="more than there are"):
        windows_of(panel, counts, np.array([ROWS - 1]), np.array([0]))
    with pytest.raises(ValueError, match="must have rows"):
        windows_of(panel, counts * 0, np.array([0]), np.array([0]))
