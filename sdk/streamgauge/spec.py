"""What to watch: the monitor's spec, as people write it in YAML and as the log carries it in JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, ClassVar, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from streamgauge.durations import DAY_MS, format_duration, parse_duration
from streamgauge.events import MAX_FEATURES, MAX_TEXT, to_ms
from streamgauge.spec_detectors import MAX_DETECTORS, Detector, detectors_problem
from streamgauge.spec_errors import SpecError, problems_of
from streamgauge.spec_yaml import load_yaml

Task = Literal["binary", "multiclass", "regression"]
Metric = Literal[
    "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "mcc", "auc", "average_precision",
    "log_loss", "brier", "ece",
    "precision_macro", "recall_macro", "f1_macro", "f1_micro", "f1_weighted", "kappa",
    "mae", "rmse", "bias", "r2", "mape", "wape", "median_ae", "value_per_row", "cost_per_row",
]  # fmt: skip
METRICS: Final[dict[Task, tuple[Metric, ...]]] = {
    "binary": (
        "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "mcc", "auc",
        "average_precision", "log_loss", "brier", "ece", "value_per_row", "cost_per_row",
    ),
    "multiclass": (
        "accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro", "f1_micro", "f1_weighted",
        "kappa", "mcc", "value_per_row", "cost_per_row",
    ),
    "regression": ("mae", "rmse", "bias", "r2", "mape", "wape", "median_ae", "value_per_row", "cost_per_row"),
}  # fmt: skip
MAX_SEGMENTS: Final = 8
Outliers = Literal["distance", "trees", "none"]
Cycle = Literal["day", "week"]
CYCLE_MS: Final[dict[Cycle, int]] = {"day": DAY_MS, "week": 7 * DAY_MS}
MAX_PHASES: Final = 336
"""Panes of a cycle at most, the half hours of a week: a reference grows with them."""
MAX_HORIZON_MS: Final = 366 * DAY_MS


def _duration(value: object) -> object:
    """Read text as a length of time; a bare number has no unit."""
    if isinstance(value, str):
        return parse_duration(value)
    msg = f"a length of time needs a unit, as in 90s, 10m, 1h, 7d; got {value!r}"
    raise ValueError(msg)


def _moment(value: object) -> object:
    """Read a date as its midnight in UTC; a time needs a zone."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, datetime):
        to_ms(value)
        return value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    msg = f"write a date, 2013-01-01 (midnight in UTC), or a time with its zone; got {value!r}"
    raise ValueError(msg)


def _parsed(text: str) -> date:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        msg = f"{text!r} is no date and no time; write 2013-01-01, or 2013-01-01T06:00:00Z"
        raise ValueError(msg) from None


def _panes(value: object) -> object:
    """Read ``200 panes``."""
    if isinstance(value, str):
        number, _, unit = value.partition(" ")
        if number.isdigit() and unit in ("pane", "panes"):
            return int(number)
    msg = f"write a number of panes, as in 200 panes; got {value!r}"
    raise ValueError(msg)


def _least_pane_ms(cycle_ms: int) -> int:
    """Return the shortest pane of whole minutes that divides a day, and of which a cycle has not too many.

    >>> _least_pane_ms(DAY_MS) // 60_000, _least_pane_ms(7 * DAY_MS) // 60_000
    (5, 30)
    """
    minutes = (m for m in range(1, 1_440) if not 1_440 % m)
    return next(60_000 * m for m in minutes if cycle_ms <= MAX_PHASES * m * 60_000)


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    doubles = sorted({value for value in values if values.count(value) > 1})
    if doubles:
        msg = f"named twice: {', '.join(doubles)}"
        raise ValueError(msg)
    return values


_DURATION: Final = {"type": "string", "pattern": r"^([0-9]{1,12}(d|h|m|s|ms))+$", "examples": ["7d", "1h30m"]}
_MOMENT: Final = {
    "type": "string",
    "anyOf": [{"format": "date"}, {"format": "date-time"}],
    "examples": ["2013-01-01", "2013-01-01T06:00:00Z"],
}
_PANES: Final = {"type": "string", "pattern": "^[0-9]+ panes?$", "examples": ["200 panes"]}

DurationMs = Annotated[
    int,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(_DURATION),
]
Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema(_MOMENT)]
Panes = Annotated[
    int,
    BeforeValidator(_panes),
    PlainSerializer(lambda n: f"{n} panes", return_type=str),
    WithJsonSchema(_PANES),
]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
MonitorName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
ModelName = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"^[^/\x00-\x1f]+$")]
Names = Annotated[tuple[Text, ...], AfterValidator(_distinct)]


def _say_as_written(field: JsonSchemaValue) -> None:
    forms: list[JsonSchemaValue] = [field, *field.get("anyOf", ())]
    for form in forms:
        if form.get("type") == "string":
            form.pop("ge", None)
            form.pop("le", None)
    if type(field.get("default")) is int and any(form.get("pattern") == _DURATION["pattern"] for form in forms):
        field["default"] = format_duration(field["default"])


class _Part(BaseModel):
    """What all parts of a spec have in common: nothing unknown, nothing changed, no NaN."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of what people write: texts, where pydantic gives defaults and bounds of what is read."""
        schema = handler(core)
        for field in handler.resolve_ref_schema(schema).get("properties", {}).values():
            _say_as_written(field)
        return schema


class Feature(_Part):
    """One feature to watch."""

    type: Literal["number", "category"] = Field(description="number: binned by value; category: counted by level")


class Labels(_Part):
    """When labels come."""

    horizon_ms: DurationMs = Field(
        default=7 * DAY_MS,
        alias="horizon",
        ge=1_000,
        le=MAX_HORIZON_MS,
        description="how long after its prediction a label still counts, and a second one is a duplicate",
    )


class Limits(_Part):
    """How much one ledger partition keeps of the monitor's model; of a model's monitors the largest limit holds."""

    versions: int = Field(
        default=64,
        strict=True,
        ge=1,
        le=10_000,
        description="versions of the model within the label horizon; others count under __other__",
    )
    open_panes: int = Field(
        default=100_000,
        strict=True,
        ge=1,
        le=10_000_000,
        description="sums that still grow, by version, segment and pane; beyond it the oldest are sealed early",
    )
    pending: int = Field(
        default=50_000_000,
        strict=True,
        ge=1_000,
        le=1_000_000_000,
        description="predictions that wait for labels; beyond it the oldest hours are forgotten early",
    )


class Reference(_Part):
    """What is compared with: a range of event time, a file, a version's training set, or the first panes."""

    from_: Moment | None = Field(default=None, alias="from", description="first moment, with `to`")
    to: Moment | None = Field(default=None, description="moment after the last one")
    file: Text | None = Field(default=None, description="a file of rows, Parquet or CSV")
    model_version: Text | None = Field(default=None, description="a version: its training set")
    first: Panes | None = Field(default=None, ge=1, le=100_000, description="a number of panes: the first final ones")

    @property
    def kind(self) -> Literal["range", "file", "model_version", "first"]:
        """Which of the four it is."""
        if self.from_ is not None:
            return "range"
        if self.file is not None:
            return "file"
        return "first" if self.first is not None else "model_version"

    @property
    def range_ms(self) -> tuple[int, int]:
        """The range, half open, epoch milliseconds; ValueError for another kind."""
        if self.from_ is None or self.to is None:
            msg = f"this reference is a {self.kind}, not a range"
            raise ValueError(msg)
        return to_ms(self.from_), to_ms(self.to)

    @model_validator(mode="after")
    def _one_kind(self) -> Reference:
        given = [self.from_ is not None or self.to is not None, self.file, self.model_version, self.first]
        if sum(each is not None and each is not False for each in given) != 1:
            msg = "give exactly one of: from and to, file, model_version, first"
            raise ValueError(msg)
        if (self.from_ is None) != (self.to is None):
            msg = "give both from and to"
            raise ValueError(msg)
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            msg = f"from {self.from_.isoformat()} is not before to {self.to.isoformat()}"
            raise ValueError(msg)
        return self


class Performance(_Part):
    """How good the model is, and how much loss is tolerated."""

    metric: Metric = Field(description="the metric that is judged")
    tolerance: float = Field(
        strict=True, gt=0, description="how much worse than the reference is tolerated, in the metric's unit"
    )
    segments: bool = Field(default=False, strict=True, description="judge each segment too")


Amount = Annotated[float, Field(strict=True, ge=-1e12, le=1e12)]
Cost = Annotated[float, Field(strict=True, ge=0, le=1e12)]


class Value(_Part):
    """What answers are worth, in a unit of your own: outcomes of a binary task, pairs of classes, or units of error."""

    tp: Amount | None = Field(default=None, description="binary: what a true positive brings; below 0 it costs")
    fp: Amount | None = Field(default=None, description="binary: what a false positive brings")
    fn: Amount | None = Field(default=None, description="binary: what a false negative brings")
    tn: Amount | None = Field(default=None, description="binary: what a true negative brings")
    costs: dict[Text, dict[Text, Amount]] | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="multiclass: cost by true, then by predicted class; pairs that are not named cost nothing",
    )
    over: Cost | None = Field(default=None, description="regression: cost of each unit by which it is too high")
    under: Cost | None = Field(default=None, description="regression: cost of each unit by which it is too low")

    @property
    def given(self) -> dict[str, object]:
        """What is said, by key."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}


VALUES: Final[dict[Task, tuple[str, ...]]] = {
    "binary": ("tp", "fp", "fn", "tn"),
    "multiclass": ("costs",),
    "regression": ("over", "under"),
}
VALUE_EXAMPLES: Final[dict[Task, str]] = {
    "binary": "{tp: 1, fp: -1}",
    "multiclass": "{costs: {TRUE: {PREDICTED: 1}}}",
    "regression": "{over: 1, under: 2}",
}


class Budget(_Part):
    """How many false pages are tolerated, over all that is tested."""

    false_pages: float = Field(default=1, strict=True, gt=0, le=1_000, description="expected false pages in one period")
    per_ms: DurationMs = Field(
        default=90 * DAY_MS, alias="per", ge=DAY_MS, le=10 * MAX_HORIZON_MS, description="the period"
    )


class Retrain(_Part):
    """When and how to retrain."""

    on: Annotated[tuple[Literal["performance", "estimate"], ...], AfterValidator(_distinct)] = Field(
        default=("performance",),
        description="what asks for it: lost performance, or estimated loss while inputs drift",
    )
    every_ms: DurationMs | None = Field(
        default=None,
        alias="every",
        ge=3_600_000,
        le=10 * MAX_HORIZON_MS,
        description="a schedule, in event time",
    )
    trainer: Text = Field(default="river-default", description="name of a trainer that ops allow")
    approval: Literal["auto"] = Field(default="auto", description="who lets a better version serve: the paired test")


class MonitorSpec(_Part):
    """What one monitor watches. All lengths of time are milliseconds here, and text such as ``1h`` in YAML.

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
        return cls._checked(load_yaml(text))

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
            self._time_problem(),
            self._cycle_problem(),
            self._segment_problem(),
            self._protected_problem(),
            self._performance_problem(),
            self._detectors_problem(),
            self._value_problem(),
        ):
            if problem:
                raise ValueError(problem)
        return self

    def _time_problem(self) -> str:
        if DAY_MS % self.pane_ms and self.pane_ms % DAY_MS:
            return f"pane: {format_duration(self.pane_ms)} neither divides a day nor is whole days"
        if self.lateness_ms >= self.labels.horizon_ms:
            late, horizon = format_duration(self.lateness_ms), format_duration(self.labels.horizon_ms)
            return f"lateness: {late} is not below the label horizon, {horizon}"
        return ""

    def _cycle_problem(self) -> str:
        if not self.cycle_ms:
            return ""
        pane = format_duration(self.pane_ms)
        if self.cycle_ms % self.pane_ms:
            return f"cycle: a {self.cycle} is no whole number of panes of {pane}"
        if self.cycle_ms == self.pane_ms:
            return f"cycle: a pane of {pane} is a whole {self.cycle}: leave cycle out"
        if self.cycle_ms // self.pane_ms > MAX_PHASES:
            return (
                f"cycle: a {self.cycle} has {self.cycle_ms // self.pane_ms:,} panes of {pane}, {MAX_PHASES} at most: "
                f"write pane: {format_duration(_least_pane_ms(self.cycle_ms))} or more"
            )
        return ""

    def _segment_problem(self) -> str:
        for name in self.segments:
            if self.features[name].type != "category":
                return f"segments: {name} is a number; a segment is a category"
        return ""

    def _protected_problem(self) -> str:
        for name in self.protected:
            if name not in self.segments:
                mend = ", ".join([*self.segments, name])
                return f"protected: {name} is none of the segments; write segments: [{mend}]"
        return ""

    def _performance_problem(self) -> str:
        if self.performance is not None and self.performance.metric not in METRICS[self.task]:
            fitting = ", ".join(METRICS[self.task])
            return f"performance.metric: {self.performance.metric} is not for task {self.task}; it has {fitting}"
        if self.performance is None and self.retrain is not None and self.retrain.on:
            return "retrain.on: performance is not judged; add performance, or write on: []"
        return ""

    def _detectors_problem(self) -> str:
        features = {name: feature.type for name, feature in self.features.items()}
        worth = () if self.value is not None else ("value_per_row", "cost_per_row")
        metrics = tuple(metric for metric in METRICS[self.task] if metric not in worth)
        return detectors_problem(self.detectors, features, metrics, self.task != "regression")

    def _value_problem(self) -> str:
        mend = f"write value: {VALUE_EXAMPLES[self.task]}"
        if self.value is None:
            metric = "" if self.performance is None else self.performance.metric
            needs = metric in ("value_per_row", "cost_per_row")
            return f"performance.metric: {metric} needs to know what answers are worth; {mend}" if needs else ""
        fitting = VALUES[self.task]
        for name, given in self.value.given.items():
            if name not in fitting:
                return f"value.{name}: {given} is not for task {self.task}; it has {', '.join(fitting)}"
        return "" if self.value.given else f"value: says nothing; {mend}"
