"""What to watch: the monitor's spec, as people write it in YAML and as the log carries it in JSON."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError, model_validator

from streamgauge.durations import DAY_MS
from streamgauge.events import MAX_FEATURES, MAX_TEXT
from streamgauge.spec_detectors import MAX_DETECTORS, Detector
from streamgauge.spec_errors import SpecError, problems_of
from streamgauge.spec_parts import Budget, Feature, Labels, Limits, Performance, Reference, Retrain, Value
from streamgauge.spec_rules import (
    CYCLE_MS,
    Cycle,
    budget_problem,
    cycle_problem,
    listening_problem,
    name_problem,
    performance_problem,
    segment_problem,
    time_problem,
    value_problem,
)
from streamgauge.spec_tasks import Task
from streamgauge.spec_values import DurationMs, Names, Part, Text
from streamgauge.spec_yaml import load_mapping

MAX_SEGMENTS: Final = 8
MonitorName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
ModelName = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^/\x00-\x1f]+$")]
Outliers = Literal["distance", "trees", "none"]


class MonitorSpec(Part):
    """What one monitor watches. All lengths of time are milliseconds here, and text such as ``1h`` in YAML.

    Raises
    ------
    SpecError
        Naming every problem with its field, and the mend where one is known; so do `from_yaml` and `from_json`.

    Examples
    --------
    >>> spec = MonitorSpec.from_yaml('''
    ... monitor: flight-delay
    ... model: flight-delay
    ... task: binary
    ... features: {distance: {type: number}, origin: {type: category}}
    ... segments: [origin]
    ... reference: {from: 2013-01-01, to: 2013-04-01}
    ... performance: {metric: log_loss, tolerance: 0.02}
    ... ''')
    >>> spec.pane_ms, spec.labels.horizon_ms, spec.reference.kind
    (3600000, 604800000, 'range')
    >>> MonitorSpec.from_json(spec.to_json()) == spec
    True
    """

    monitor: MonitorName = Field(description="the monitor's name: letters, digits and . _ -, at most 128 characters")
    model: ModelName = Field(description="the model's name as events carry it; without a slash")
    task: Task = Field(description="binary, multiclass or regression")
    pane_ms: DurationMs = Field(
        default=3_600_000,
        alias="pane",
        ge=1_000,
        le=31 * DAY_MS,
        description="length of a pane: divides a day, or days",
    )
    lateness_ms: DurationMs = Field(
        default=600_000,
        alias="lateness",
        ge=0,
        description="how long a pane waits for late rows, in event time",
    )
    idle_timeout_ms: DurationMs = Field(
        default=60_000,
        alias="idle_timeout",
        ge=1_000,
        le=DAY_MS,
        description="how long without a row until the model counts as idle, in log time",
    )
    cycle: Cycle | None = Field(
        default=None,
        description="what goes up and down every day or week (UTC) is normal: each pane is compared with its like",
    )
    features: dict[Text, Feature] = Field(min_length=1, max_length=MAX_FEATURES, description="features by name")
    outliers: Outliers = Field(
        default="distance",
        description="what tells rows that are unlike all of the reference: a distance, or half-space trees",
    )
    segments: Names = Field(
        default=(),
        max_length=MAX_SEGMENTS,
        description="categories to split panes by; those that are no features yet become some",
    )
    protected: Names = Field(
        default=(),
        max_length=MAX_SEGMENTS,
        description="segments whose groups are to be treated alike: each is compared with the rest",
    )
    labels: Labels = Field(default=Labels(), description="when labels come")
    limits: Limits = Field(default=Limits(), description="how much is kept at most; what exceeds it is counted")
    reference: Reference | None = Field(default=None, description="what is compared with; none: learning for ever")
    performance: Performance | None = Field(default=None, description="what is judged of the model; none: inputs only")
    value: Value | None = Field(default=None, description="what answers are worth; none: value is not shown")
    budget: Budget = Field(default=Budget(), description="how many false pages are tolerated")
    detectors: tuple[Detector, ...] = Field(
        default=(),
        max_length=MAX_DETECTORS,
        description="river's detectors on series of final panes: they inform, and never alarm",
    )
    notify: Names = Field(default=(), max_length=16, description="names of channels that ops settings resolve")
    retrain: Retrain | None = Field(default=None, description="when and how to retrain; none: never")

    def __init__(self, /, **values: object) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SpecError(problems_of(error, type(self))) from None

    # As pydantic's own classes say it: what validates otherwise does not call it.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @property
    def cycle_ms(self) -> int:
        """Length of the cycle, 0 for none."""
        return 0 if self.cycle is None else CYCLE_MS[self.cycle]

    @classmethod
    def from_yaml(cls, text: str) -> MonitorSpec:
        """Return the spec that `text` holds.

        Raises
        ------
        SpecError
            Naming every problem with its field, and the mend where one is known.
        """
        return cls._checked(load_mapping(text))

    @classmethod
    def from_json(cls, text: str | bytes) -> MonitorSpec:
        """Return the spec that `to_json` wrote; SpecError on another."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise SpecError(problems_of(error, cls)) from None

    @classmethod
    def _checked(cls, values: object) -> MonitorSpec:
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SpecError(problems_of(error, cls)) from None

    def to_json(self) -> str:
        """Return the spec with the names of its YAML form, parts that are none left out."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    def to_values(self) -> dict[str, object]:
        """Return what `to_json` writes, as plain values: for the records of the topic `specs`."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @model_validator(mode="before")
    @classmethod
    def _segments_are_features(cls, values: object) -> object:
        """Watch a segment that is no feature as the category that it is: events carry both in one place."""
        if not isinstance(values, dict):
            return values
        features, segments = values.get("features"), values.get("segments")
        if not isinstance(features, dict) or not isinstance(segments, (list, tuple)):
            return values
        more = {name: {"type": "category"} for name in segments if isinstance(name, str) and name not in features}
        return values | {"features": features | more}

    @model_validator(mode="after")
    def _fields_agree(self) -> MonitorSpec:
        for problem in (
            time_problem(self.pane_ms, self.lateness_ms, self.labels.horizon_ms),
            cycle_problem(self.cycle, self.pane_ms),
            name_problem(self.features),
            budget_problem(self.budget, self.pane_ms),
            segment_problem(self.segments, self.protected, self.features),
            performance_problem(self.task, self.performance, self.retrain),
            listening_problem(self.task, self.detectors, self.features, self.value),
            value_problem(self.task, self.performance, self.value),
        ):
            if problem:
                raise ValueError(problem)
        return self
