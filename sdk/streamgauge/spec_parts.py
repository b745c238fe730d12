"""The parts of a monitor's spec, one for each section of its YAML form."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from streamgauge.durations import DAY_MS
from streamgauge.events import to_ms
from streamgauge.spec_tasks import Metric
from streamgauge.spec_values import DurationMs, Moment, Panes, Part, Text, distinct

MAX_HORIZON_MS: Final = 366 * DAY_MS


class Feature(Part):
    """One feature to watch."""

    type: Literal["number", "category"] = Field(description="number: binned by value; category: counted by level")


class Labels(Part):
    """When labels come."""

    horizon_ms: DurationMs = Field(
        default=7 * DAY_MS,
        alias="horizon",
        ge=1_000,
        le=MAX_HORIZON_MS,
        description="how long after its prediction a label still counts, and a second one is a duplicate",
    )


class Limits(Part):
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


class Reference(Part):
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
            named = ", ".join(key.rstrip("_") for key in type(self).model_fields if getattr(self, key) is not None)
            msg = f"{named or 'nothing'} is given; write exactly one of: from and to, file, model_version, first"
            raise ValueError(msg)
        if (self.from_ is None) != (self.to is None):
            one, other = ("to", "from") if self.from_ is None else ("from", "to")
            msg = f"{one} is given without {other}; write both"
            raise ValueError(msg)
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            msg = f"from {self.from_.isoformat()} is not before to {self.to.isoformat()}; write an earlier from"
            raise ValueError(msg)
        return self


class Performance(Part):
    """How good the model is, and how much loss is tolerated."""

    metric: Metric = Field(description="the metric that is judged")
    tolerance: float = Field(
        strict=True, gt=0, description="how much worse than the reference is tolerated, in the metric's unit"
    )
    segments: bool = Field(default=False, strict=True, description="judge each segment too")


Amount = Annotated[float, Field(strict=True, ge=-1e12, le=1e12)]
Cost = Annotated[float, Field(strict=True, ge=0, le=1e12)]


class Value(Part):
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


class Budget(Part):
    """How many false pages are tolerated, over all that is tested."""

    false_pages: float = Field(default=1, strict=True, gt=0, le=1_000, description="expected false pages in one period")
    per_ms: DurationMs = Field(
        default=90 * DAY_MS, alias="per", ge=DAY_MS, le=10 * MAX_HORIZON_MS, description="the period"
    )


class Retrain(Part):
    """When and how to retrain."""

    on: Annotated[tuple[Literal["performance", "estimate"], ...], AfterValidator(distinct)] = Field(
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
