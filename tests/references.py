"""Rows for references, and the references of them."""

from __future__ import annotations

import numpy as np
from streamgauge.spec import MonitorSpec

from detectors.artifact import Origin
from stream.references.rows import Rows, fitted

HOUR_MS = 3_600_000
T0 = 1_356_998_400_000
ORIGIN = Origin("range", "rows of 2013-01-01 to 2013-01-04")


def spec_of(**changes) -> MonitorSpec:
    """A spec of a number and a category in panes of an hour; `changes` in the names of YAML."""
    values = {
        "monitor": "m",
        "model": "m",
        "task": "binary",
        "pane": "1h",
        "lateness": "10m",
        "features": {"x": {"type": "number"}, "c": {"type": "category"}},
        "segments": ["c"],
        "performance": {"metric": "log_loss", "tolerance": 0.02},
    }
    return MonitorSpec.model_validate({k: v for k, v in (values | changes).items() if v is not None})


def rows_of(panes=72, each=100, seed=1, **changes) -> Rows:
    """Stationary rows of a binary model, scores that hold, labels after an hour; `changes` of their columns."""
    n = panes * each
    g = np.random.default_rng(seed)
    score = g.random(n)
    made = {
        "event_ms": T0 + np.arange(n) * HOUR_MS // each,
        "columns": {"x": g.standard_normal(n), "c": g.choice(np.array(["a", "b"], object), n, p=[0.7, 0.3]).tolist()},
        "served": score,
        "truth": (g.random(n) < score).astype(float),
        "label_ages_ms": np.full(n, HOUR_MS),
        "version": np.zeros(n, np.int64),
        "versions": ("1",),
    }
    return Rows(**(made | changes))


def reference_of(spec=None, rows=None, notes=()):
    """The reference of rows."""
    return fitted(spec or spec_of(), rows_of() if rows is None else rows, ORIGIN, notes)
