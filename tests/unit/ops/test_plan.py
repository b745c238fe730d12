import numpy as np
import pytest
from streamgauge.spec import MonitorSpec

from detectors.reference import fit_reference
from stream.folds.layout import Layout
from stream.folds.monitor import monitor_of
from stream.ops.plan import plan
from stream.ops.spec import SpecRefusedError, apply

YAML = """
monitor: m
model: m
task: binary
pane: 1h
lateness: 10m
features:
  x: {type: number}
  c: {type: category}
segments: [c]
labels: {horizon: 7d}
"""


def spec_of(text=YAML, **lines):
    for old, new in lines.items():
        text = text.replace(old, new)
    return MonitorSpec.from_yaml(text)


def test_twice_the_rate_is_twice_the_bytes_and_the_pending_predictions():
    one, two = plan(spec_of(), 1_000), plan(spec_of(), 2_000)

    for name in ("public_bytes_per_s", "ledger_disk_bytes", "raw_disk_bytes_per_day", "pending_rows", "cores"):
        assert getattr(two, name) == pytest.approx(2 * getattr(one, name))
    assert one.pending_rows == 1_000 * 7 * 86_400
    assert two.open_keys == one.open_keys
    assert two.recovery_s > one.recovery_s


def test_with_a_reference_the_bytes_of_a_key_are_those_of_its_layout():
    rng, n = np.random.default_rng(0), 4_000
    reference = fit_reference(
        {"x": rng.normal(size=n).tolist(), "c": rng.choice(["a", "b"], n).tolist()},
        {"x": "number", "c": "category"},
        np.repeat(np.arange(n // 40) * 3_600_000, 40).tolist(),
        pane_ms=3_600_000,
        segments=["c"],
    )
    record = b'{"monitor":"m","revision":1,"spec":%s}' % spec_of().to_json().encode()
    bare = Layout(monitor_of(record))
    exact = plan(spec_of(), 1_000, reference)

    widths = sum(bins.width - 2 for bins in reference.bins)
    cells = bare.size + widths
    assert exact.key_bytes < plan(spec_of(), 1_000).key_bytes
    assert exact.key_bytes // 8 - cells > 0, "and the sums of performance"
    assert exact.open_keys == 2 * (1 + 3) * 3 * 4, "versions x (all, a, b, others) x open panes x partitions"


def test_what_cannot_work_is_said():
    assert plan(spec_of(), 100).warnings == ()
    assert any("labels.horizon costs" in said for said in plan(spec_of(), 10_000).warnings)
    assert any("refused" in said for said in plan(spec_of(**{"7d": "60d"}), 1).warnings)
    assert any("insufficient" in said for said in plan(spec_of(), 0.01).warnings)
    assert any("partitions" in said for said in plan(spec_of(), 10_000_000).warnings)


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        plan(spec_of(), 0)


def test_a_horizon_beyond_the_ledgers_retention_is_refused_before_anything_is_asked_of_the_broker():
    with pytest.raises(SpecRefusedError, match=r"labels.horizon is 60 days, but the ledger keeps 30"):
        apply(None, spec_of(**{"7d": "60d"}))


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("{pending: 1000000}", "above limits.pending of 1,000,000"),
        ("{open_panes: 10}", "above limits.open_panes of 10"),
        ("{versions: 1}", "limits.versions is 1"),
    ],
)
def test_a_plan_says_where_a_monitor_comes_to_its_limits(limits, said):
    found = plan(spec_of(YAML + f"limits: {limits}\n"), 1_000)

    assert [said in warning for warning in found.warnings].count(True) == 1
    assert not any("limits." in warning for warning in plan(spec_of(), 100).warnings)
