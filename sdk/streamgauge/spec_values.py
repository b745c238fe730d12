"""Single values of a spec as people write them: lengths of time, moments, numbers of panes, names."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, ClassVar, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from streamgauge.durations import format_duration, parse_duration
from streamgauge.events import MAX_TEXT
from streamgauge.shown import shown


def _duration(value: object) -> object:
    """Read text as a length of time; a bare number has no unit."""
    if isinstance(value, str):
        return parse_duration(value)
    msg = f"a length of time needs a unit, as in 90s, 10m, 1h, 7d; got {shown(value)}"
    raise ValueError(msg)


def _moment(value: object) -> object:
    """Read a date as its midnight in UTC; a time needs a zone."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            msg = f"{value.isoformat()} needs a zone: write {value.isoformat()}Z for UTC"
            raise ValueError(msg)
        return value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    msg = f"write a date, 2013-01-01 (midnight in UTC), or a time with its zone; got {shown(value)}"
    raise ValueError(msg)


def _parsed(text: str) -> date:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        msg = f"{shown(text)} is no date and no time; write 2013-01-01, or 2013-01-01T06:00:00Z"
        raise ValueError(msg) from None


def _panes(value: object) -> object:
    """Read ``200 panes``."""
    if isinstance(value, str):
        number, _, unit = value.partition(" ")
        if number.isdigit() and unit in ("pane", "panes"):
            return int(number)
    msg = f"write a number of panes, as in 200 panes; got {shown(value)}"
    raise ValueError(msg)


def distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values; ValueError naming those that occur twice."""
    doubles = sorted({value for value in values if values.count(value) > 1})
    if doubles:
        msg = f"named twice: {', '.join(doubles)}; name each once"
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
Names = Annotated[tuple[Text, ...], AfterValidator(distinct)]


def _say_as_written(field: JsonSchemaValue) -> None:
    forms: list[JsonSchemaValue] = [field, *field.get("anyOf", ())]
    for form in forms:
        if form.get("type") == "string":
            form.pop("ge", None)
            form.pop("le", None)
    if type(field.get("default")) is int and any(form.get("pattern") == _DURATION["pattern"] for form in forms):
        field["default"] = format_duration(field["default"])


class Part(BaseModel):
    """What all parts of a spec have in common: nothing unknown, nothing changed, no NaN."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema of what people write: texts, where pydantic gives defaults and bounds of what is read."""
        schema = handler(core)
        for field in handler.resolve_ref_schema(schema).get("properties", {}).values():
            _say_as_written(field)
        return schema
