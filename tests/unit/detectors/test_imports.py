import subprocess
import sys

import pytest

WORKERS = (
    "import sys; import detectors.{}; print(*sorted({{'scipy.special', 'scipy.stats', 'pandas'}} & set(sys.modules)))"
)


LIGHT = ["artifact", "bins", "latency", "paired", "panel.effects", "performance"]


@pytest.mark.parametrize(
    ("module", "heavy"),
    [*((name, "") for name in LIGHT), ("panel.gauge", "scipy.special"), ("reference", "scipy.special")],
)
def test_a_worker_loads_no_more_than_it_needs(module, heavy):
    out = subprocess.run([sys.executable, "-c", WORKERS.format(module)], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == heavy
