"""Where a path of keys leads in a model of pydantic: the field, its type, and the keys that are known there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, PlainSerializer, SecretStr
from pydantic.fields import FieldInfo

from streamgauge.shown import shown


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at the end of a path.

    Attributes
    ----------
    kind
        Its type, without what annotates it; None where the path leads nowhere.
    field
        The last field on the path: an entry of a list or mapping belongs to the field that holds it.
    """

    kind: object
    field: FieldInfo | None = None

    @property
    def keys(self) -> list[str]:
        """Keys of the part that stands here; none for a single value."""
        return list(_fields(self.kind))

    def part_with(self, key: str) -> str:
        """Return the part below in which `key` has its place; an empty text for none."""
        below = ((name, _fields(_plain(field.annotation))) for name, field in _fields(self.kind).items())
        return next((name for name, fields in below if key in fields), "")

    @property
    def about(self) -> str:
        """What the field says of itself."""
        text = None if self.field is None else self.field.description
        return (text or "").rstrip(".")

    @property
    def is_secret(self) -> bool:
        """Whether its value must not be shown."""
        return self.kind is SecretStr

    def written(self, value: object) -> str:
        """Return a value as people write it here: what is kept as milliseconds is written as ``1h``."""
        write = next((mark for mark in self._marks() if isinstance(mark, PlainSerializer)), None)
        return shown(value) if write is None or not isinstance(value, int) else str(write.func(value))  # type: ignore[call-arg]

    def _marks(self) -> list[object]:
        if self.field is None:
            return []
        inside = (getattr(each, "__metadata__", ()) for each in get_args(self.field.annotation))
        return [*self.field.metadata, *(mark for marks in inside for mark in marks)]


def place_of(part: type[BaseModel], at: Sequence[int | str]) -> Place:
    """Return where a path leads in `part`."""
    here = Place(part)
    for step in at:
        fields = _fields(here.kind)
        if fields and str(step) not in fields:
            return Place(None)
        field = fields.get(str(step), here.field)
        kind = field.annotation if fields and field is not None else _entry(here.kind)
        here = Place(_plain(kind), field)
    return here


def _fields(kind: object) -> dict[str, FieldInfo]:
    """Return the fields of a part by the keys that people write; none of what is no part."""
    if not isinstance(kind, type) or not issubclass(kind, BaseModel):
        return {}
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def _entry(kind: object) -> object:
    """Return the type of what a list or mapping holds."""
    return next((each for each in reversed(get_args(kind)) if each is not ...), None)


def _plain(kind: object) -> object:
    """Return a type without its annotations, and without None beside it."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _plain(next(each for each in get_args(kind) if each is not type(None)))
    return kind
