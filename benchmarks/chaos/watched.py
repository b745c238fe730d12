"""What is watched while things break: models of different tasks, clocks and panes, with their references."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import cast

import numpy as np
from streamgauge.events import Value
from streamgauge.spec import MonitorSpec

from detectors.reference import Column, encode, fit_reference

CHURN, PRICE, SPECIES, TARDY, NOBODY = "churn", "price", "species", "tardy", "nobody"
MODELS = (CHURN, PRICE, SPECIES, TARDY)
WITHOUT_LATE_ROWS = (CHURN, PRICE, SPECIES)
"""Models whose alerts must not change either: none of their rows comes after its pane is final."""

REGIONS, PLANS, SITES, KINDS = ("north", "south", "west"), ("basic", "plus", "pro"), ("a", "b"), ("x", "y", "z")
CITIES = tuple(f"city {i}" for i in range(12))
DAY_MS = 86_400_000
REFERENCE_PANES = 80

SPECS = tuple(
    map(
        MonitorSpec.from_yaml,
        (
            """
monitor: churn-watch
model: churn
task: binary
pane: 2s
lateness: 30s
idle_timeout: 1h
features: {tenure: {type: number}, plan: {type: category}, region: {type: category}}
segments: [region]
labels: {horizon: 1d}
performance: {metric: log_loss, tolerance: 0.02}
""",
            """
monitor: churn-slow
model: churn
task: binary
pane: 10s
lateness: 60s
idle_timeout: 1h
features: {tenure: {type: number}, plan: {type: category}}
labels: {horizon: 1d}
""",
            """
monitor: price-watch
model: price
task: regression
pane: 5s
lateness: 30s
idle_timeout: 1h
features: {size: {type: number}, city: {type: category}}
labels: {horizon: 1d}
performance: {metric: rmse, tolerance: 0.5}
""",
            """
monitor: species-watch
model: species
task: multiclass
pane: 2d
lateness: 14d
idle_timeout: 1h
features: {petal: {type: number}, site: {type: category}}
segments: [site]
labels: {horizon: 30d}
""",
            """
monitor: tardy-watch
model: tardy
task: binary
pane: 2s
lateness: 3s
idle_timeout: 1h
features: {x: {type: number}}
labels: {horizon: 1d}
performance: {metric: log_loss, tolerance: 0.02}
""",
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Predictions of each model in one round: a second of today's models, two days of the replayed one."""

    churn: int = 90
    price: int = 20
    species: int = 55
    tardy: int = 20

    def times(self, factor: int) -> Sizes:
        """Return sizes that are larger by a factor."""
        return Sizes(self.churn * factor, self.price * factor, self.species * factor, self.tardy * factor)


def churn_features(rng: random.Random, drifts: bool = False) -> dict[str, Value]:
    """Return features of the binary model; values have few binary digits, so sums of them are exact."""
    tenure = rng.randrange(0, 400) / 4 + (60 if drifts else 0)
    region = "east" if rng.random() < 0.02 else rng.choice(REGIONS)  # the reference does not know the east
    return {"tenure": tenure, "plan": rng.choice(PLANS), "region": region}


def species_features(rng: random.Random, drifts: bool = False) -> dict[str, Value]:
    """Return features of the multiclass model."""
    site = "a" if drifts and rng.random() < 0.8 else rng.choice(SITES)
    return {"petal": rng.randrange(0, 64) / 8, "site": site}


def references(seed: int, sizes: Sizes) -> dict[str, bytes]:
    """Return artifacts of references by monitor: rows of the same kind, before anything drifts."""
    rng = random.Random(f"{seed}/reference")
    churn = [churn_features(rng) for _ in range(REFERENCE_PANES * 2 * sizes.churn)]
    species = [species_features(rng) for _ in range(REFERENCE_PANES * sizes.species)]
    return {
        "churn-watch": _reference(SPECS[0], churn, 2 * sizes.churn, label_age_ms=8_000),
        "species-watch": _reference(SPECS[3], species, sizes.species, label_age_ms=8 * DAY_MS),
    }


def _reference(spec: MonitorSpec, rows: list[dict[str, Value]], per_pane: int, label_age_ms: int) -> bytes:
    kinds = {name: feature.type for name, feature in spec.features.items()}
    panes = np.arange(len(rows)) // per_pane * spec.pane_ms
    fitted = fit_reference(
        {name: _column([row[name] for row in rows]) for name in kinds},
        kinds,
        panes,
        pane_ms=spec.pane_ms,
        segments=spec.segments,
        label_ages_ms=np.full(len(rows), label_age_ms),
    )
    return encode(fitted)


def _column(values: list[Value]) -> Column:
    return cast(Column, values)
