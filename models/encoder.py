"""One pass from raw features to the sparse numbers of a linear model; imports river, so import it late."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from math import isfinite, sqrt
from typing import Literal

from river import base

FeatureType = Literal["number", "category"]
Value = float | str | None
OTHER = "__other__"


class Encoder(base.Transformer):
    """Scale numbers and one-hot categories, with an indicator where a value is missing.

    Numbers become ``(x - mean) / sd`` of what was learnt, clipped to ``±clip``; a missing number is the
    mean (no entry) with the entry ``name?`` = 1. What is not a finite number counts as missing. A category
    becomes the entry ``name=level`` = 1; a level that was never learnt is ``name=__other__``. Entries that
    are zero are left out, so the cost is O(features), whatever the number of levels.

    Parameters
    ----------
    features
        ``number`` or ``category`` by name, in the order of the entries. Others are ignored.
    clip
        Largest absolute scaled number, in standard deviations, above 0.
    max_levels
        Levels that one category may learn; later ones are ``__other__``.

    Examples
    --------
    >>> encoder = Encoder({"distance": "number", "carrier": "category"})
    >>> for distance in (100, 200, 300):
    ...     encoder.learn_one({"distance": distance, "carrier": "UA"})
    >>> encoder.transform_one({"distance": 300, "carrier": "UA"})
    {'distance': 1.2247, 'carrier=UA': 1.0}
    >>> encoder.transform_one({"distance": None, "carrier": "XX"})
    {'distance?': 1.0, 'carrier=__other__': 1.0}
    """

    def __init__(self, features: Mapping[str, FeatureType], clip: float = 8.0, max_levels: int = 1_000) -> None:
        if not clip > 0:
            raise ValueError(f"clip must be above 0, got {clip}")
        self.features = features
        self.clip = clip
        self.max_levels = max_levels
        self._moments = {name: _Moments() for name, kind in features.items() if kind == "number"}
        self._levels: dict[str, dict[str, str]] = {name: {} for name, kind in features.items() if kind == "category"}

    def learn_one(self, x: dict[Hashable, Value]) -> None:
        """Fold one row into means, deviations and levels; O(features)."""
        for name, moments in self._moments.items():
            number = x.get(name)
            if isinstance(number, int | float) and isfinite(number):
                moments.update(number)
        for name, levels in self._levels.items():
            level = level_of(x.get(name))
            if level is not None and level not in levels and len(levels) < self.max_levels:
                levels[level] = f"{name}={level}"

    def transform_one(self, x: dict[Hashable, Value]) -> dict[Hashable, float]:
        """Return the entries of one row that are not zero; learns nothing."""
        entries: dict[Hashable, float] = {}
        clip = self.clip
        for name, moments in self._moments.items():
            number = x.get(name)
            if isinstance(number, int | float) and isfinite(number):
                scaled = (number - moments.mean) * moments.scale
                entries[name] = -clip if scaled < -clip else min(scaled, clip)
            else:
                entries[name + "?"] = 1.0
        for name, levels in self._levels.items():
            level = level_of(x.get(name))
            entries[name + "?" if level is None else levels.get(level) or f"{name}={OTHER}"] = 1.0
        return entries


class _Moments:
    """Count, mean and centred squares of what was learnt (Welford), with the scale 1 / sd kept ready."""

    __slots__ = ("mean", "n", "scale", "squares")

    def __init__(self) -> None:
        self.n = 0
        self.mean = self.squares = 0.0
        self.scale = 0.0

    def update(self, value: float) -> None:
        self.n += 1
        delta = value - self.mean
        self.mean += delta / self.n
        self.squares += delta * (value - self.mean)
        self.scale = sqrt(self.n / self.squares) if self.squares > 0 else 0.0


def level_of(value: object) -> str | None:
    """Return a category's level as text, the same for 5 and 5.0; None if the value is missing.

    >>> level_of(5), level_of(5.0), level_of("UA"), level_of(float("nan"))
    ('5', '5', 'UA', None)
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and isfinite(value):
        return f"{value:.17g}"
    return None
