"""What is wrong with a spec, in words: every problem with its field and the mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel, ValidationError

from streamgauge.errors import StreamgaugeError
from streamgauge.mend import closest


@dataclass(frozen=True, slots=True)
class Problem:
    """One wrong field: its path with dots (empty: the whole spec), what is wrong, and the mend if known."""

    field: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{where}{self.message}" + (f" ({self.hint})" if self.hint else "")


class SpecError(StreamgaugeError, ValueError):
    """A spec that cannot be used; `problems` lists each wrong field."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


def problems_of(error: ValidationError, spec: type[BaseModel]) -> list[Problem]:
    """Return pydantic's errors in the words of the YAML form, unknown keys with the one meant."""
    return [_problem(each["type"], each["loc"], each["msg"], spec) for each in error.errors(include_url=False)]


def _problem(kind: str, at: tuple[int | str, ...], message: str, spec: type[BaseModel]) -> Problem:
    path = ".".join(map(str, at))
    if kind == "extra_forbidden":
        known = _keys(spec, at[:-1])
        return Problem(path, "unknown key", closest(str(at[-1]), known) or f"known are {', '.join(known)}")
    if kind == "missing":
        return Problem(path, "is missing")
    text = message.removeprefix("Value error, ")
    if not at and ": " in text:
        path, _, text = text.partition(": ")
    return Problem(path, text)


def _keys(spec: type[BaseModel], at: Sequence[int | str]) -> list[str]:
    """Return the keys of the part of `spec` at a path."""
    part: type[BaseModel] | None = spec
    for step in at:
        fields = {} if part is None else {_key(part, name): name for name in part.model_fields}
        if part is not None and step in fields:
            part = _part(part.model_fields[fields[str(step)]].annotation)
    return [] if part is None else [_key(part, name) for name in part.model_fields]


def _key(part: type[BaseModel], name: str) -> str:
    alias = part.model_fields[name].alias
    return name if alias is None else alias


def _part(annotation: object) -> type[BaseModel] | None:
    """Return the model inside an annotation: itself, one of a union, the values of a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _part(each)) is not None), None)
