"""The words for each kind of error that pydantic knows: the value, what is wrong with it, and the mend."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic_core import ErrorDetails

from streamgauge.mend import closest
from streamgauge.shown import MAX_SHOWN, shown
from streamgauge.spec_places import Place

Words = tuple[str, str]
"""What is wrong, and the mend."""

_WHOLE, _NUMBER, _TEXT, _LIST, _KEYS = "a whole number", "a number", "a text", "a list", "a mapping of keys"
_WANTED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float", "int_parsing_size"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing"), _NUMBER),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    **dict.fromkeys(("tuple_type", "list_type"), _LIST),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), _KEYS),
    "finite_number": "a finite number",
    "string_type": _TEXT,
}
_BOUNDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "greater_than": ("gt", "is not above", "write more than"),
    "greater_than_equal": ("ge", "is below", "write at least"),
    "less_than": ("lt", "is not below", "write less than"),
    "less_than_equal": ("le", "is above", "write at most"),
}
_DIGITS: Final = {_WHOLE: r"-?\d+", _NUMBER: r"-?\d*\.?\d+"}
_SECRET: Final = object()
"""Stands for a value that no sentence may hold."""
_FEW: Final = 4
"""Choices that are listed even if one is near to what was written."""


def words(error: ErrorDetails, place: Place, name: str = "") -> Words:
    """Return what is wrong and the mend.

    Parameters
    ----------
    place
        Where the value stands; for a key that is not known, the part that it was written in.
    name
        What to put before the value, if it is itself a key: ``the name ``.
    """
    kind = error["type"]
    if kind in ("extra_forbidden", "invalid_key"):
        return "unknown key", _place_for(str(error["loc"][-1]), place)
    if kind == "missing":
        return "is missing", place.about or "write it"
    if error["input"] is None:
        return "is empty", place.about or "write a value, or leave the key out"
    if kind == "json_invalid":
        return f"not JSON: {error['ctx']['error']}", ""
    if kind == "value_error":
        return str(error["ctx"]["error"]), ""
    value = _SECRET if place.is_secret else error["input"]
    return _misfit(error, place, value, name + ("this value" if place.is_secret else place.written(value)))


def _misfit(error: ErrorDetails, place: Place, value: object, said: str) -> Words:
    """Return the words for a value that is none of its field."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "literal_error":
        return f"{said} is not known", _choice(str(value), re.findall(r"'([^']*)'", context["expected"]))
    if kind in _BOUNDS:
        bound, is_beyond, mend = _BOUNDS[kind]
        limit = _limit(place, context[bound])
        return f"{said} {is_beyond} {limit}", f"{mend} {limit}"
    if kind in _WANTED:
        return f"{said} is not {_WANTED[kind]}", _mend(_WANTED[kind], value, place)
    return _other(said, value, context, place)


def _place_for(key: str, place: Place) -> str:
    if part := place.part_with(key):
        return f"write it under {part}"
    return closest(key, place.keys) or f"known are {', '.join(place.keys)}"


def _choice(written: str, known: Sequence[str]) -> str:
    near, all_ = closest(written, known), ", ".join(known)
    if near and len(known) > _FEW:
        return near
    return f"{near} known are {all_}" if near else f"write one of {all_}"


def _limit(place: Place, bound: float) -> str:
    text = place.written(bound)
    if text != shown(bound):
        return text
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:,}"


def _mend(wanted: str, value: object, place: Place) -> str:
    if wanted in _DIGITS and isinstance(value, str) and re.fullmatch(_DIGITS[wanted], value):
        return f"write {value} without quotes"
    if wanted == _TEXT and isinstance(value, int | float):
        return f"write '{shown(value)}' in quotes"
    if wanted == _LIST and isinstance(value, str) and len(value) <= MAX_SHOWN:
        return f"write [{value}]"
    if place.keys and wanted == _KEYS:
        return f"its keys are {', '.join(place.keys)}"
    return f"write {wanted}" + (f": {place.about}" if place.about else "")


def _other(said: str, value: object, context: Mapping[str, object], place: Place) -> Words:
    """Return the words for a size, a pattern, and what has none of its own."""
    unit = "characters" if isinstance(value, str) else "entries"
    size = len(value) if isinstance(value, str | list | tuple | dict) else 0
    if "max_length" in context:
        return f"{said} has {size:,} {unit}", f"write at most {context['max_length']:,}"
    if "min_length" in context:
        return f"{said} has {size:,} {unit}", f"write at least {context['min_length']:,}"
    return f"{said} does not fit", place.about
