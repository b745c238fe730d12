"""A loss of performance in a file names the inputs that moved meanwhile, apart from causes; and none that did not."""

import numpy as np
import pytest

from tests.backtests import columns_of, run, spec_of, written

ROWS, CHANGE = 60_000, 48_000
SPEC = spec_of(pane="10m", reference={"first": "60 panes"}, labels={"horizon": "1h"})


def lost(seed=0):
    """Labels that say the opposite of what they did, in a third of the rows, from a row on."""
    columns = columns_of(ROWS, seed)
    flipped = (np.arange(ROWS) >= CHANGE) & (np.arange(ROWS) % 3 == 0)
    columns["label"] = np.where(flipped, 1 - columns["label"], columns["label"])
    return columns


def loss_of(folder, columns, **wanted):
    (alert,) = (one for one in run(folder, columns, SPEC, **wanted).report.alerts if one.kind == "performance")
    return alert


def test_an_input_that_moved_is_named_beside_the_loss_and_is_no_feature_of_it(tmp_path):
    columns = lost()
    columns["x"][CHANGE:] += 0.8
    alert = loss_of(tmp_path, columns)
    assert [one.feature for one in alert.moved] == ["x"]
    assert (alert.features, alert.moved[0].further) == ([], 1.0)
    assert "moved at the same time, which proves no cause: x (further than all of " in alert.what
    assert alert.to_json()["moved"][0]["feature"] == "x"


@pytest.mark.parametrize("seed", range(3))
def test_flipped_labels_are_blamed_on_nothing(tmp_path, seed):
    alert = loss_of(tmp_path, lost(seed))
    assert (alert.moved, alert.features) == ([], [])
    assert "no input moved further at that time than inputs do in " in alert.what


def test_a_reference_of_another_file_is_compared_with_too(tmp_path):
    columns = lost()
    columns["c"] = np.where((np.arange(ROWS) >= CHANGE) & (columns["c"] == "red"), "blue", columns["c"])
    reference = written(tmp_path / "normal.parquet", columns_of(36_000, seed=5))
    alert = loss_of(tmp_path, columns, reference=reference)
    assert [one.feature for one in alert.moved] == ["c"]
    assert alert.moved[0].bin == "blue"
