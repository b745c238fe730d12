"""Serving: for each model a champion and shadows, loaded; nothing is learnt while serving."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from models.artifact import Artifact
from models.pipelines import Row, scorer

Clock = Callable[[], float]
Score = Callable[[Row], float]


@dataclass(frozen=True, slots=True)
class Scored:
    """What serving says of one row.

    Attributes
    ----------
    version
        The version that served; empty if none did.
    score
        Its score; None if none served.
    shadow
        Scores of the shadows, by version.
    latency_ms
        How long the champion took, in milliseconds; None if none served.
    """

    version: str = ""
    score: float | None = None
    shadow: dict[str, float] = field(default_factory=dict)
    latency_ms: float | None = None


UNSERVED = Scored()


@dataclass(slots=True)
class _Roles:
    champion: str
    shadows: tuple[str, ...]


@dataclass(slots=True)
class Serving:
    """The models that serve.

    A model that raises on a row is left out of that row and counted in `failures`, by model, version and
    reason.

    Examples
    --------
    >>> serving = Serving()
    >>> serving.score("flight-delay", {"hour": 5}, lambda: 0.0)
    Scored(version='', score=None, shadow={}, latency_ms=None)
    """

    failures: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _scores: dict[tuple[str, str], Score] = field(default_factory=dict)
    _roles: dict[str, _Roles] = field(default_factory=dict)

    def load(self, version: str, artifact: Artifact) -> None:
        """Make a version ready to serve."""
        head = artifact.head
        self._scores[head.model, version] = scorer(head.task, artifact.pipeline)

    def is_loaded(self, model: str, version: str) -> bool:
        """Return whether a version is ready to serve."""
        return (model, version) in self._scores

    def assign(self, model: str, champion: str, shadows: tuple[str, ...] = ()) -> None:
        """Let versions serve, from the next row on; an empty champion serves nothing.

        Raises
        ------
        ValueError
            If one of them is not loaded; then the former ones go on serving.
        """
        needed = {version for version in (champion, *shadows) if version}
        missing = sorted(version for version in needed if not self.is_loaded(model, version))
        if missing:
            raise ValueError(f"versions {missing} of {model!r} are not loaded")
        self._roles[model] = _Roles(champion, shadows)
        for key in [key for key in self._scores if key[0] == model and key[1] not in needed]:
            del self._scores[key]

    def champion(self, model: str) -> str:
        """Return the version that serves a model, empty if none."""
        roles = self._roles.get(model)
        return roles.champion if roles is not None else ""

    def score(self, model: str, features: Row, clock: Clock) -> Scored:
        """Score one row; `clock` gives seconds."""
        roles = self._roles.get(model)
        if roles is None:
            return UNSERVED
        start = clock()
        score = self._score(model, roles.champion, features) if roles.champion else None
        latency_ms = round((clock() - start) * 1e3, 4)
        shadow = {
            version: value for version in roles.shadows if (value := self._score(model, version, features)) is not None
        }
        if score is None:
            return Scored(shadow=shadow)
        return Scored(roles.champion, score, shadow, latency_ms)

    def _score(self, model: str, version: str, features: Row) -> float | None:
        try:
            return self._scores[model, version](features)
        except Exception as error:  # noqa: BLE001 - a model is foreign code, and must not stop the stream
            self.failures[model, version, type(error).__name__] += 1
            return None
