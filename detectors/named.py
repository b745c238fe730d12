"""river's detectors of change, by name: values in, a new state and what was heard out.

They do not merge, so they listen to one series after the panes are merged. river is imported with the first value:
together with scipy it costs seconds and some 130 MB, which who does not ask for them should not pay.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol, cast

MOST_ERRORS = 1_000
"""So many 0s and 1s stand for one pane at most: they cost up to .1 ms each."""

_CLASSES = {
    "ADWIN": ("river.drift", "ADWIN"),
    "PageHinkley": ("river.drift", "PageHinkley"),
    "KSWIN": ("river.drift", "KSWIN"),
    "DDM": ("river.drift.binary", "DDM"),
    "EDDM": ("river.drift.binary", "EDDM"),
    "HDDM_A": ("river.drift.binary", "HDDMA"),
    "HDDM_W": ("river.drift.binary", "HDDMW"),
}
# All that states are made of. A checkpoint is read by whoever holds it, so it must not be able to name anything else.
_PARTS = frozenset({
    ("river.drift.adwin", "ADWIN"),
    ("river._river_rust.drift", "AdaptiveWindowing"),
    ("river.drift.page_hinkley", "PageHinkley"),
    ("river.drift.kswin", "KSWIN"),
    ("river.drift.binary.ddm", "DDM"),
    ("river.drift.binary.eddm", "EDDM"),
    ("river.drift.binary.hddm_a", "HDDMA"),
    ("river.drift.binary.hddm_w", "HDDMW"),
    ("river.drift.binary.hddm_w", "SampleInfo"),
    ("river.stats.mean", "Mean"),
    ("river.stats.var", "Var"),
    ("river.stats.ewmean", "EWMean"),
    ("river._river_rust.stats", "RsEWMean"),
    ("collections", "deque"),
    ("random", "Random"),
})  # fmt: skip


class Heard(NamedTuple):
    """A detector after some values of its series.

    Attributes
    ----------
    state
        What it remembers, to be handed in with the next values.
    is_warned
        Whether the last value lies in its zone of warning, if it has one.
    is_changed
        Whether it saw a change at one of the values; with the next one it begins anew.
    p
        Of its test, if it says one: KSWIN; else NaN.
    """

    state: bytes
    is_warned: bool
    is_changed: bool
    p: float


class _Detector(Protocol):
    drift_detected: bool

    def update(self, x: float) -> None: ...


def listen(name: str, params: Mapping[str, object], state: bytes, values: Sequence[float]) -> Heard:
    """Give values to a detector, in order; `state` is empty before the first.

    The state is a function of parameters and values alone, to the byte, however they are cut into calls of one value:
    each call reads it and writes it anew.

    Parameters
    ----------
    name
        ``ADWIN``, ``PageHinkley``, ``KSWIN``, ``DDM``, ``EDDM``, ``HDDM_A`` or ``HDDM_W``.
    params
        river's parameters by name; those left out are river's defaults, and KSWIN's seed is 0.

    Raises
    ------
    ValueError
        For another name, or a state that is none.

    Examples
    --------
    >>> heard = Heard(b"", False, False, math.nan)
    >>> changes = []
    >>> for place, value in enumerate([0.0] * 40 + [3.0] * 10):
    ...     heard = listen("PageHinkley", {"threshold": 5.0}, heard.state, [value])
    ...     changes += [place] if heard.is_changed else []
    >>> changes
    [41]
    """
    detector = _read(state) if state else _new(name, params)
    is_changed = False
    for value in values:
        detector.update(value)
        is_changed = is_changed or detector.drift_detected
    p = getattr(detector, "p_value", math.nan)
    if hasattr(detector, "p_value"):
        detector.p_value = p = float(p)
    return Heard(pickle.dumps(detector, 5), getattr(detector, "warning_detected", False), is_changed, p)


def errors_of(n: int, wrong: int) -> list[float]:
    """Return a pane's answers as 0 (right) and 1 (wrong): `wrong` of `n`, as evenly as can be.

    A pane keeps how many were wrong, not in which order. Even gaps vary less than real ones, so that a detector
    alarms rather less often than it would on the rows. More than `MOST_ERRORS` are told as so many with the same share.

    >>> errors_of(5, 2), sum(errors_of(1_000_000, 123_456))
    ([0.0, 0.0, 1.0, 0.0, 1.0], 123.0)
    """
    if n > MOST_ERRORS:
        n, wrong = MOST_ERRORS, (2 * wrong * MOST_ERRORS + n) // (2 * n)
    return [float((i + 1) * wrong // n > i * wrong // n) for i in range(n)]


def library() -> str:
    """Return which release of river says it: states are read by the release that wrote them.

    >>> library().split()[0]
    'river'
    """
    from river.__version__ import __version__

    return f"river {__version__}"


def _new(name: str, params: Mapping[str, object]) -> _Detector:
    if name not in _CLASSES:
        raise ValueError(f"name must be one of {', '.join(_CLASSES)}, got {name!r}")
    # Without a seed, river draws another sample each time, and no replay could say the same.
    fixed = {"seed": 0} if name == "KSWIN" else {}
    return cast("_Detector", _classes()[name](**{**fixed, **params}))


@lru_cache(maxsize=1)
def _classes() -> dict[str, type]:
    from river import drift

    homes = {"river.drift": drift, "river.drift.binary": drift.binary}
    return {name: getattr(homes[home], attribute) for name, (home, attribute) in _CLASSES.items()}


class _Reader(pickle.Unpickler):
    """Reads states of detectors and nothing else."""

    def find_class(self, module: str, name: str) -> object:
        """Return a part of a state; ValueError for anything that is none."""
        if (module, name) == ("builtins", "getattr"):
            return _test_of
        if (module, name) not in _PARTS:
            raise ValueError(f"no state of a detector holds {module}.{name}")
        return super().find_class(module, name)


def _test_of(detector: object, name: str) -> object:
    """Return the method that PageHinkley keeps in its state."""
    if not name.startswith("_test_"):
        raise ValueError(f"no state of a detector holds the attribute {name}")
    return getattr(detector, name)


def _read(state: bytes) -> _Detector:
    try:
        found = _Reader(io.BytesIO(state)).load()
    except (pickle.UnpicklingError, AttributeError, ImportError, EOFError, IndexError, TypeError, KeyError) as error:
        raise ValueError(f"the state of a detector cannot be read: {error}") from error
    return cast("_Detector", found)
